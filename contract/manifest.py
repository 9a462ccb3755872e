"""The stream's manifest: every segment with its start, length and checksum.

The streamer writes it once, at the stream's end. It says which segments must exist, and the
function app reads it to find out when a call is complete.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from contract.names import SegmentName

SCHEMA = 2

DRAFT_ENDED_BY = "draft: the stream goes on"
"""The ``ended_by`` of a manifest so far, which is in the ``drafts`` container."""


class Counts(msgspec.Struct, kw_only=True):
    """What happened to the audio of a segment or a stream. Numbers of frames, except as noted.

    Attributes:
        frames: Placed in a segment.
        silent_frames: Of those, marked as silent.
        gaps: The number of gaps: stretches without frames.
        filled_samples: The silence that fills the gaps, in samples.
        repeated: Dropped, because the same audio had arrived before.
        late: Arrived late, but were still placed where they belong.
        late_dropped: Dropped, because their segment was already closed.
        unstamped: Placed in the order of arrival, because their timestamp could not be used.
        corrected_samples: Silence added (if negative, removed) to correct drift, in samples: the
            sum, in which what was added and what was removed may cancel out.
        corrections: At how many places drift was corrected.
        clock_steps: How often the sender's clock was set back.
        lost: Lost, because there was no room for them, or with a process that was killed. Silence
            in their place counts as filled in.
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
    corrections: int = 0
    clock_steps: int = 0
    lost: int = 0

    @property
    def anomalies(self) -> int:
        """The sum of all counts except ``frames``: it grows with everything unusual."""
        return (
            self.silent_frames
            + self.gaps
            + self.filled_samples
            + self.repeated
            + self.late
            + self.late_dropped
            + self.unstamped
            + self.corrections
            + self.clock_steps
            + self.lost
        )

    def add(self, other: Counts) -> None:
        """Add other counts to these."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class SegmentEntry(msgspec.Struct, kw_only=True, frozen=True):
    """One segment: ``samples`` of one channel from ``start`` on, in a WAV file of ``bytes`` bytes.

    ``sha256`` is the hexadecimal digest of the file. ``crc64`` is what Blob Storage compared with
    the file when it arrived (see ``streamer/checksums.py``); it is empty in an entry that was made
    from the blob's metadata. ``recovered`` segments were left by a killed process.
    ``clock_offset_ms`` is how far the sender's timestamps are ahead of the audio at the segment's
    end: drift that is not corrected yet. It is 0 where nobody knows it.
    """

    track: str
    start: datetime
    sample_rate: int
    samples: int
    bytes: int
    sha256: str
    crc64: str = ""
    counts: Counts
    recovered: bool = False
    clock_offset_ms: float = 0.0

    def name(self, call_connection_id: str, stream_id: str) -> SegmentName:
        """Return the segment's blob name, in parts."""
        return SegmentName(call_connection_id, stream_id, self.track, self.start)

    @property
    def duration_ms(self) -> float:
        """Its length in milliseconds."""
        return self.samples * 1000 / self.sample_rate

    @property
    def end(self) -> datetime:
        """The moment after its last sample."""
        return self.start + timedelta(milliseconds=self.duration_ms)


def total(entries: Iterable[SegmentEntry]) -> Counts:
    """Return the sum of the counts of all segments."""
    counts = Counts()
    for entry in entries:
        counts.add(entry.counts)
    return counts


class DtmfTone(msgspec.Struct, kw_only=True, frozen=True):
    """One DTMF tone: when a participant pressed a key, if the call's grant lets that be kept.

    ``tone`` is ``0`` to ``9``, ``*``, ``#``, ``A`` to ``D``, or what else the sender named; None
    where only the time may be kept. ``timestamp`` is the sender's own, None where it sent none;
    ``received_at`` is our clock's.
    """

    tone: str | None = None
    received_at: datetime
    timestamp: datetime | None = None
    participant_raw_id: str | None = None

    @property
    def at(self) -> datetime:
        """When the key was pressed, as well as that is known."""
        return self.timestamp or self.received_at


class ErasedTrack(msgspec.Struct, kw_only=True, frozen=True):
    """A track that was deleted on request: its segments are not missing.

    ``segments`` counts them; the first began at ``start``. ``deletion`` is the deletion's id.
    """

    track: str
    segments: int
    start: datetime
    erased_at: datetime
    deletion: str


class Manifest(msgspec.Struct, kw_only=True):
    """What one stream recorded: the segments of all its tracks, sorted by start and track.

    ``ended_by`` says how the stream ended: a close code with its reason, or ``recovered`` when a
    restart finished it. ``packets`` counts messages by kind, malformed ones under ``malformed``.
    ``irregular`` counts, by reason, what differed from ACS's documentation and was recorded all the
    same. ``declared_sample_rate`` is what AudioMetadata said, None without one: where it differs
    from ``sample_rate``, the frames showed another. ``participants`` has the raw id of each
    track's participant. ``erased`` lists the tracks that the function app has deleted since.
    """

    schema: int = SCHEMA
    call_connection_id: str
    stream_id: str
    correlation_id: str = ""
    subscription_id: str = ""
    sample_rate: int
    declared_sample_rate: int | None = None
    started_at: datetime
    ended_at: datetime
    ended_by: str
    segments: list[SegmentEntry]
    counts: Counts
    packets: dict[str, int] = msgspec.field(default_factory=dict)
    irregular: dict[str, int] = msgspec.field(default_factory=dict)
    participants: dict[str, str] = msgspec.field(default_factory=dict)
    dtmf: list[DtmfTone] = msgspec.field(default_factory=list)
    erased: list[ErasedTrack] = msgspec.field(default_factory=list)


class _AnyManifest(msgspec.Struct):
    """What a manifest of any schema has."""

    schema: int


def encode_manifest(manifest: Manifest) -> bytes:
    """Encode a manifest as its blob's content."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1)


def decode_manifest(blob: bytes) -> Manifest:
    """Decode a manifest from its blob's content.

    Raises ValueError if it is malformed, or of another schema.
    """
    schema = msgspec.json.decode(blob, type=_AnyManifest).schema
    if schema > SCHEMA:
        raise ValueError(f"the manifest's schema {schema} is newer than {SCHEMA}: update this app")
    if schema < SCHEMA:
        raise ValueError(
            f"the manifest's schema {schema} is older than {SCHEMA}, and has no SHA-256 of its "
            "segments: read it with the version that wrote it"
        )
    return msgspec.json.decode(blob, type=Manifest)


def segment_metadata(entry: SegmentEntry) -> dict[str, str]:
    """Return the metadata of a segment's blob: enough to analyse it without the manifest.

    Counts that are 0 are left out: each is a header of the upload.
    """
    metadata = {
        "track": entry.track,
        "start": entry.start.isoformat(),
        "sample_rate": str(entry.sample_rate),
        "samples": str(entry.samples),
        "sha256": entry.sha256,
        "recovered": str(entry.recovered).lower(),
        "clock_offset_ms": str(entry.clock_offset_ms),
    }
    counts = ((name, getattr(entry.counts, name)) for name in entry.counts.__struct_fields__)
    return metadata | {name: str(count) for name, count in counts if count}


def counts_from_metadata(metadata: dict[str, str]) -> Counts:
    """Return the counts in a segment's blob metadata; absent ones are 0. Raises ValueError."""
    lower = {name.lower(): value for name, value in metadata.items()}
    return Counts(**{name: int(lower.get(name, "0")) for name in Counts.__struct_fields__})


def entry_from_metadata(metadata: dict[str, str], size: int) -> SegmentEntry:
    """Return a segment's manifest entry from its blob's metadata and size. Raises ValueError."""
    lower = {name.lower(): value for name, value in metadata.items()}
    try:
        return SegmentEntry(
            track=lower["track"],
            start=datetime.fromisoformat(lower["start"]),
            sample_rate=int(lower["sample_rate"]),
            samples=int(lower["samples"]),
            bytes=size,
            sha256=lower["sha256"],
            counts=counts_from_metadata(metadata),
            recovered=lower.get("recovered") == "true",
            clock_offset_ms=float(lower.get("clock_offset_ms", "0")),
        )
    except KeyError as error:
        raise ValueError(f"the segment's metadata has no {error}") from error
