"""The stream's manifest: every segment with its span, length and checksum.

It is the proof of what should be there: the streamer writes it once, at the stream's end, and the
functions read it to know when a call is whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from contract.names import SegmentName

SCHEMA = 1


class Counts(msgspec.Struct, kw_only=True):
    """What was counted while audio was placed. All are of frames but for those in samples.

    ``frames``: placed. ``silent_frames``: of those, marked silent. ``gaps``: stretches without
    frames, ``filled_samples``: the silence put there. ``repeated``: dropped, came before.
    ``late``: came behind their time and were put in their place. ``late_dropped``: came after their
    segment was closed. ``unstamped``: placed by arrival, their timestamp could not be read.
    ``corrected_samples``: silence added (or, negative, removed) against slow drift.
    ``clock_steps``: times the sender's clock was set back. ``lost``: frames that no room was left
    for.
    """

    frames: int = 0
    silent_frames: int = 0
    gaps: int = 0
    filled_samples: int = 0
    repeated: int = 0
    late: int = 0
    late_dropped: int = 0
    unstamped: int = 0
    corrected_samples: int = 0
    clock_steps: int = 0
    lost: int = 0

    @property
    def anomalies(self) -> int:
        """All that is out of the ordinary, in one number that grows with each of them."""
        return (
            self.silent_frames
            + self.gaps
            + self.filled_samples
            + self.repeated
            + self.late
            + self.late_dropped
            + self.unstamped
            + abs(self.corrected_samples)
            + self.clock_steps
            + self.lost
        )

    def add(self, other: Counts) -> None:
        """Add another's counts to these."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class SegmentEntry(msgspec.Struct, kw_only=True, frozen=True):
    """One segment: ``samples`` of one channel from ``start`` on; ``md5`` is of the WAV, in hex."""

    track: str
    start: datetime
    sample_rate: int
    samples: int
    bytes: int
    md5: str
    counts: Counts
    recovered: bool = False

    def name(self, call_connection_id: str, stream_id: str) -> SegmentName:
        """Where the segment lies."""
        return SegmentName(call_connection_id, stream_id, self.track, self.start)

    @property
    def duration_ms(self) -> float:
        """Its length in milliseconds."""
        return self.samples * 1000 / self.sample_rate

    @property
    def end(self) -> datetime:
        """The moment behind its last sample."""
        return self.start + timedelta(milliseconds=self.duration_ms)


def total(entries: Iterable[SegmentEntry]) -> Counts:
    """The counts of all segments together."""
    counts = Counts()
    for entry in entries:
        counts.add(entry.counts)
    return counts


class DtmfTone(msgspec.Struct, kw_only=True, frozen=True):
    """One DTMF tone and when it came."""

    tone: str
    received_at: datetime
    participant_raw_id: str | None = None


class Manifest(msgspec.Struct, kw_only=True):
    """What one stream left: the segments of all its tracks, in the order they were finished.

    ``ended_by`` says how the stream came to its end: a close code with its reason, ``drain``,
    ``recovered`` (a restart found it in the spool) and the like. ``packets`` counts by kind, with
    the malformed ones under ``malformed``.
    """

    schema: int = SCHEMA
    call_connection_id: str
    stream_id: str
    correlation_id: str = ""
    subscription_id: str = ""
    sample_rate: int
    started_at: datetime
    ended_at: datetime
    ended_by: str
    segments: list[SegmentEntry]
    counts: Counts
    packets: dict[str, int] = msgspec.field(default_factory=dict)
    dtmf: list[DtmfTone] = msgspec.field(default_factory=list)


def encode_manifest(manifest: Manifest) -> bytes:
    """The manifest's blob."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1)


def decode_manifest(blob: bytes) -> Manifest:
    """The manifest in a blob. Raises ValueError where it is none, or of a later schema."""
    manifest = msgspec.json.decode(blob, type=Manifest)
    if manifest.schema > SCHEMA:
        raise ValueError(
            f"manifest schema {manifest.schema} is newer than {SCHEMA}, which this reads"
        )
    return manifest


def segment_metadata(entry: SegmentEntry) -> dict[str, str]:
    """What a segment's blob carries as metadata: enough to analyse it without the manifest."""
    metadata = {
        "track": entry.track,
        "start": entry.start.isoformat(),
        "sample_rate": str(entry.sample_rate),
        "samples": str(entry.samples),
        "md5": entry.md5,
        "recovered": str(entry.recovered).lower(),
    }
    metadata |= {name: str(getattr(entry.counts, name)) for name in entry.counts.__struct_fields__}
    return metadata


def counts_from_metadata(metadata: dict[str, str]) -> Counts:
    """The counts in a segment's blob metadata; what is absent is zero. Raises ValueError."""
    lower = {name.lower(): value for name, value in metadata.items()}
    return Counts(**{name: int(lower.get(name, "0")) for name in Counts.__struct_fields__})


def entry_from_metadata(metadata: dict[str, str], size: int) -> SegmentEntry:
    """The manifest's entry of a segment, from its blob's metadata. Raises ValueError."""
    lower = {name.lower(): value for name, value in metadata.items()}
    try:
        return SegmentEntry(
            track=lower["track"],
            start=datetime.fromisoformat(lower["start"]),
            sample_rate=int(lower["sample_rate"]),
            samples=int(lower["samples"]),
            bytes=size,
            md5=lower["md5"],
            counts=counts_from_metadata(metadata),
            recovered=lower.get("recovered") == "true",
        )
    except KeyError as error:
        raise ValueError(f"a segment's metadata has no {error}") from error
