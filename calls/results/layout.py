"""The recording's layout: where each segment lies in it. A pure function of the manifests.

The recording begins with the call's first sample. Within a stream and a track, samples follow each
other exactly. Where nothing was streamed, between two streams or in a gap, there is silence of the
length that the timestamps give. The recording has the highest sample rate of its segments; those of
a lower rate are resampled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from acs.media import from_microseconds, to_microseconds
from calls import blobs
from calls.results.participants import heard_participants, list_participants
from contract import names
from contract.manifest import Counts, Manifest, SegmentEntry

_NAME_STEPS_PER_SECOND = 1000
"""Segment names have whole milliseconds; the start of a recovered segment is known only from it."""

MISSING = "missing from storage"
WRONG_LENGTH = "not as long as its manifest says"


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """One segment in the recording.

    ``track`` is the call's. ``position`` and ``samples`` count samples of the recording.
    ``sample_rate`` is the segment's own; at that rate, it has ``own_samples``. ``fault`` says why
    its audio cannot be used (None: it can).
    """

    track: str
    start: datetime
    position: int
    samples: int
    sample_rate: int
    own_samples: int
    blob: str
    analysis_blob: str
    data_offset: int
    sha256: str
    counts: Counts
    fault: str | None

    @property
    def end(self) -> int:
        """The position after its last sample."""
        return self.position + self.samples


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """A call's recording: a channel for each of ``tracks``, each ``frames`` samples long.

    Where placements overlap, the later one in the list is used.
    """

    started_at: datetime
    sample_rate: int
    tracks: list[str]
    frames: int
    placements: list[Placement]

    @property
    def digest(self) -> str:
        """Identifies the recording's content: the same for the same audio at the same places."""
        parts = [
            (p.track, p.position, p.samples, p.sha256, p.fault is None) for p in self.placements
        ]
        content = msgspec.json.encode((self.started_at, self.sample_rate, self.tracks, parts))
        return hashlib.sha256(content).hexdigest()

    def is_resampled(self, placement: Placement) -> bool:
        """Whether a segment has another sample rate than the recording."""
        return placement.sample_rate != self.sample_rate

    def milliseconds(self, position: int) -> int:
        """A position as milliseconds from the recording's start."""
        return round(position * 1000 / self.sample_rate)

    @property
    def duration_ms(self) -> int:
        """The recording's length in milliseconds."""
        return self.milliseconds(self.frames)


def lay_out(manifests: Iterable[Manifest], landed: Mapping[str, int]) -> Layout:
    """Lay out a call's recording.

    Args:
        manifests: The manifests of its streams.
        landed: The sizes in bytes of the segments that landed, by their blobs' names.

    Raises ValueError without a manifest.
    """
    streams = sorted(manifests, key=lambda manifest: manifest.stream_id)
    if not streams:
        raise ValueError("a call without a manifest has no layout")
    starts = [to_microseconds(entry.start) for stream in streams for entry in stream.segments]
    # Times stay the same when a track is erased: those of the rest are known by now.
    starts += [to_microseconds(track.start) for stream in streams for track in stream.erased]
    origin = min(starts, default=to_microseconds(streams[0].started_at))
    rates = [entry.sample_rate for stream in streams for entry in stream.segments]
    rate = max(rates, default=streams[0].sample_rate)
    participants = list_participants(
        {stream.stream_id: heard_participants(stream) for stream in streams}
    )
    placements = [
        msgspec.structs.replace(
            placement, track=participants.track(stream.stream_id, placement.track)
        )
        for stream in streams
        for placement in _placements(stream, origin, rate, landed)
    ]
    first_positions: dict[str, int] = {}
    for placement in placements:
        earliest = first_positions.get(placement.track, placement.position)
        first_positions[placement.track] = min(earliest, placement.position)
    return Layout(
        started_at=from_microseconds(origin),
        sample_rate=rate,
        tracks=sorted(
            first_positions,
            key=lambda track: (first_positions[track], names.track_number(track)),
        ),
        frames=max((placement.end for placement in placements), default=0),
        placements=placements,
    )


def _placements(
    stream: Manifest, origin: int, rate: int, landed: Mapping[str, int]
) -> Iterable[Placement]:
    anchors: dict[str, tuple[int, int]] = {}
    ends: dict[str, int] = {}
    for entry in sorted(stream.segments, key=lambda entry: (entry.start, entry.track)):
        start = to_microseconds(entry.start)
        # Counted from the track's first sample, so that positions are whole samples even where the
        # track starts between two of the recording's.
        anchor, first = anchors.setdefault(entry.track, (start, _samples(start - origin, rate)))
        position = first + _samples(start - anchor, rate)
        end = ends.get(entry.track, 0)
        if entry.track in ends and abs(position - end) <= -(-rate // _NAME_STEPS_PER_SECOND):
            position = end
        name = entry.name(stream.call_connection_id, stream.stream_id)
        placement = Placement(
            track=entry.track,
            start=entry.start,
            position=position,
            samples=_samples_at(entry, rate),
            sample_rate=entry.sample_rate,
            own_samples=entry.samples,
            blob=name.blob,
            analysis_blob=blobs.analysis_blob(name),
            data_offset=entry.bytes - 2 * entry.samples,
            sha256=entry.sha256,
            counts=entry.counts,
            fault=_fault(entry, landed.get(name.blob)),
        )
        ends[entry.track] = placement.end
        yield placement


def _samples(microseconds: int, rate: int) -> int:
    return round(microseconds * rate / 1_000_000)


def _samples_at(entry: SegmentEntry, rate: int) -> int:
    """A segment's length in the recording's samples."""
    return entry.samples * rate // entry.sample_rate


def _fault(entry: SegmentEntry, landed_bytes: int | None) -> str | None:
    if landed_bytes is None:
        return MISSING
    if landed_bytes != entry.bytes:
        return WRONG_LENGTH
    return None
