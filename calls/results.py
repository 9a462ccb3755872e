"""A call's result: its summary, its timeline and its streams. Pure."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from calls import blobs, layout, timeline
from calls.analysis import Analysis, SpeechSpan
from calls.layout import Layout
from calls.records import Summary, Talk
from calls.storage import Properties
from calls.timeline import Timeline
from contract import names
from contract.manifest import Counts, Manifest, entry_from_metadata, total

SCHEMA = 1
ENDED_BY_UNKNOWN = "unknown: its manifest is missing"

_log = logging.getLogger(__name__)


class SegmentResult(msgspec.Struct, kw_only=True, frozen=True):
    """One segment as the call shows it; ``analysed`` is False while its analysis is missing."""

    track: str
    participant: str | None
    start: datetime
    end: datetime
    duration_ms: float
    blob: str
    analysed: bool
    speech_share: float | None = None
    rms_dbfs: float | None = None
    peak_dbfs: float | None = None
    noise_floor_dbfs: float | None = None
    clipped_samples: int = 0
    speech: list[SpeechSpan] = msgspec.field(default_factory=list)
    gaps: int = 0
    filled_ms: float = 0.0


class StreamResult(msgspec.Struct, kw_only=True, frozen=True):
    """One stream and its segments, in the order of time."""

    stream_id: str
    started_at: datetime
    ended_at: datetime
    ended_by: str
    sample_rate: int
    counts: Counts
    segments: list[SegmentResult]


class CallResult(msgspec.Struct, kw_only=True, frozen=True):
    """A call, put together; ``layout`` names the recording's content."""

    schema: int = SCHEMA
    call_connection_id: str
    layout: str
    summary: Summary
    timeline: Timeline
    streams: list[StreamResult]


class Parts(msgspec.Struct, frozen=True):
    """What a call is put together from."""

    manifests: list[Manifest]
    analyses: dict[str, Analysis]
    landed: dict[str, Properties]
    partial: bool

    def lay_out(self) -> Layout:
        """Where everything goes."""
        sizes = {name: found.size for name, found in self.landed.items()}
        return layout.lay_out(self.manifests, sizes)


def put_together(call: str, parts: Parts, laid_out: Layout, recording_bytes: int) -> CallResult:
    """The call's result, of parts that were laid out so. Pure."""
    shown = timeline.build(call, laid_out, parts.analyses, partial=parts.partial)
    streams = [stream_result(manifest, parts.analyses) for manifest in parts.manifests]
    return CallResult(
        call_connection_id=call,
        layout=laid_out.digest,
        summary=_summary(streams, shown, recording_bytes),
        timeline=shown,
        streams=streams,
    )


def _summary(streams: Sequence[StreamResult], shown: Timeline, recording_bytes: int) -> Summary:
    segments = [segment for stream in streams for segment in stream.segments]
    audio_ms = sum(segment.duration_ms for segment in segments)
    speech_ms = float(sum(track.speech_ms for track in shown.tracks))
    silence = shown.longest_silence
    return Summary(
        streams=len(streams),
        segments=len(segments),
        missing_segments=len(shown.missing_segments),
        audio_ms=round(audio_ms, 3),
        speech_ms=speech_ms,
        speech_share=round(speech_ms / audio_ms, 4) if audio_ms else 0.0,
        lost_ms=round(sum(segment.filled_ms for segment in segments), 3),
        partial=shown.partial,
        duration_ms=shown.duration_ms,
        overlap_ms=sum(span.end_ms - span.start_ms for span in shown.overlaps),
        longest_silence_ms=silence.end_ms - silence.start_ms if silence else 0,
        interruptions=len(shown.interruptions),
        recording_bytes=recording_bytes,
        talk=[
            Talk(
                track=track.track,
                participant=track.participant,
                speech_ms=track.speech_ms,
                talk_share=track.talk_share,
            )
            for track in shown.tracks
        ],
    )


def stream_result(manifest: Manifest, analyses: Mapping[str, Analysis]) -> StreamResult:
    """A stream with what was found in its segments."""
    segments = []
    for entry in sorted(manifest.segments, key=lambda entry: (entry.start, entry.track)):
        name = entry.name(manifest.call_connection_id, manifest.stream_id)
        found = analyses.get(blobs.analysis_blob(name))
        segments.append(
            SegmentResult(
                track=entry.track,
                participant=names.participant_raw_id(entry.track),
                start=entry.start,
                end=entry.end,
                duration_ms=round(entry.duration_ms, 3),
                blob=f"{names.SEGMENTS}/{name.blob}",
                analysed=found is not None,
                speech_share=found.speech_share if found else None,
                rms_dbfs=found.rms_dbfs if found else None,
                peak_dbfs=found.peak_dbfs if found else None,
                noise_floor_dbfs=found.noise_floor_dbfs if found else None,
                clipped_samples=found.clipped_samples if found else 0,
                speech=found.speech if found else [],
                gaps=entry.counts.gaps,
                filled_ms=round(entry.counts.filled_samples * 1000 / entry.sample_rate, 3),
            )
        )
    return StreamResult(
        stream_id=manifest.stream_id,
        started_at=manifest.started_at,
        ended_at=manifest.ended_at,
        ended_by=manifest.ended_by,
        sample_rate=manifest.sample_rate,
        counts=manifest.counts,
        segments=segments,
    )


def result_blobs(manifests: Iterable[Manifest]) -> list[str]:
    """The names of all analyses that the manifests' segments have, or will have."""
    return [
        blobs.analysis_blob(entry.name(manifest.call_connection_id, manifest.stream_id))
        for manifest in manifests
        for entry in manifest.segments
    ]


def makeshift_manifests(
    call: str, manifests: Iterable[Manifest], landed: Mapping[str, Properties]
) -> list[Manifest]:
    """Manifests of the streams that have none, from what their segments' blobs say."""
    known = {manifest.stream_id for manifest in manifests}
    entries: dict[str, list[tuple[str, Properties]]] = {}
    for blob, found in landed.items():
        stream_id = names.parse_segment(blob).stream_id
        if stream_id not in known:
            entries.setdefault(stream_id, []).append((blob, found))
    made = []
    for stream_id, segment_blobs in entries.items():
        segments = []
        for blob, found in segment_blobs:
            try:
                segments.append(entry_from_metadata(found.metadata, found.size))
            except ValueError as error:
                _log.error("%s cannot be placed: %s", blob, error)
        if not segments:
            continue
        made.append(
            Manifest(
                call_connection_id=call,
                stream_id=stream_id,
                sample_rate=segments[0].sample_rate,
                started_at=min(segment.start for segment in segments),
                ended_at=max(segment.end for segment in segments),
                ended_by=ENDED_BY_UNKNOWN,
                segments=segments,
                counts=total(segments),
            )
        )
    return made


def would_lose(before: CallResult, laid_out: Layout) -> bool:
    """Whether a recording of this layout would have fewer segments than the one that is there."""
    missing = before.timeline.missing_segments
    heard = before.summary.segments - sum(one.reason != timeline.NOT_ANALYSED for one in missing)
    return sum(placement.fault is None for placement in laid_out.placements) < heard
