"""The result of an assembled call: its summary, its timeline and its streams. Pure."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from calls import blobs
from calls.records.model import Summary, Talk
from calls.records.result_state import ENDED_BY_UNKNOWN
from calls.results import timeline
from calls.results.analysis import Analysis, SpeechSpan
from calls.results.layout import Layout, lay_out
from calls.results.participants import (
    Participants,
    heard_participants,
    list_participants,
)
from calls.results.recording import WrittenRecording
from calls.results.timeline import Timeline
from calls.results.voice_activity import bridge_pauses
from calls.storage import Properties
from contract import names
from contract.manifest import (
    Counts,
    ErasedTrack,
    Manifest,
    SegmentEntry,
    entry_from_metadata,
    total,
)
from event_log import log_event

SCHEMA = 1

_log = logging.getLogger(__name__)


class SegmentResult(msgspec.Struct, kw_only=True, frozen=True):
    """One segment of a call. ``analysed`` is False while its analysis is missing.

    ``track`` is the call's; in ``blob``, the participant has the number of the stream.
    Levels are in dBFS (None: digital silence). ``filled_ms`` of silence replace lost audio. If
    ``sample_rate`` is not the timeline's, the segment is resampled in the recording.
    """

    track: str
    participant: str | None
    start: datetime
    end: datetime
    duration_ms: float
    sample_rate: int
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
    """One stream and its segments, in the order of their start, and the tracks that were erased."""

    stream_id: str
    started_at: datetime
    ended_at: datetime
    ended_by: str
    sample_rate: int
    counts: Counts
    segments: list[SegmentResult]
    erased: list[ErasedTrack] = msgspec.field(default_factory=list)


class ManifestDigest(msgspec.Struct, kw_only=True, frozen=True):
    """The SHA-256 of a stream's manifest.

    It is None where there was none that could be read: the metadata of the stream's segments, and
    its draft, then took its place.
    """

    stream_id: str
    sha256: str | None


class CallResult(msgspec.Struct, kw_only=True, frozen=True):
    """An assembled call. ``layout_digest`` identifies the recording's content.

    ``manifests`` are those that it was made of. With the summary's ``recording_sha256``, they prove
    that the recording is what was streamed (see ``calls/verify``).
    """

    schema: int = SCHEMA
    call_connection_id: str
    layout_digest: str
    manifests: list[ManifestDigest] = []
    summary: Summary
    timeline: Timeline
    streams: list[StreamResult]


class Parts(msgspec.Struct, frozen=True):
    """What a call is assembled from; analyses and landed segments by their blobs' names.

    ``names`` has the participants' display names by raw id, ``digests`` the SHA-256 of the
    manifests that were read, by stream id.
    """

    manifests: list[Manifest]
    analyses: dict[str, Analysis]
    landed: dict[str, Properties]
    partial: bool
    names: dict[str, str] = {}
    digests: dict[str, str] = {}

    @property
    def participants(self) -> Participants:
        """The call's participants."""
        streams = {manifest.stream_id: heard_participants(manifest) for manifest in self.manifests}
        return list_participants(streams, self.names)

    def lay_out(self) -> Layout:
        """Lay out the call's recording."""
        sizes = {name: properties.size for name, properties in self.landed.items()}
        return lay_out(self.manifests, sizes)


def build_result(
    call: str, parts: Parts, layout: Layout, recording: WrittenRecording
) -> CallResult:
    """Build a call's result.

    Args:
        call: The call connection id.
        parts: What the call is assembled from.
        layout: The recording's layout, made from ``parts``.
        recording: The recording, as it was written.
    """
    participants = parts.participants
    call_timeline = timeline.build_timeline(
        call, layout, parts.analyses, participants, partial=parts.partial
    )
    streams = [
        build_stream_result(manifest, parts.analyses, participants) for manifest in parts.manifests
    ]
    return CallResult(
        call_connection_id=call,
        layout_digest=layout.digest,
        manifests=[
            ManifestDigest(
                stream_id=manifest.stream_id, sha256=parts.digests.get(manifest.stream_id)
            )
            for manifest in parts.manifests
        ],
        summary=_summarize(streams, call_timeline, recording),
        timeline=call_timeline,
        streams=streams,
    )


def _summarize(
    streams: Sequence[StreamResult], call_timeline: Timeline, recording: WrittenRecording
) -> Summary:
    segments = [segment for stream in streams for segment in stream.segments]
    audio_ms = sum(segment.duration_ms for segment in segments)
    speech_ms = float(sum(track.speech_ms for track in call_timeline.tracks))
    spans = (span for track in call_timeline.tracks for span in track.speech)
    talk = bridge_pauses(sorted((span.start_ms, span.end_ms) for span in spans), pause_ms=1)
    talk_ms = sum(end - start for start, end in talk)
    silence = call_timeline.longest_silence
    return Summary(
        streams=len(streams),
        segments=len(segments),
        missing_segments=len(call_timeline.missing_segments),
        audio_ms=round(audio_ms, 3),
        speech_ms=speech_ms,
        speech_share=round(talk_ms / call_timeline.duration_ms, 4)
        if call_timeline.duration_ms
        else 0.0,
        lost_ms=round(sum(segment.filled_ms for segment in segments), 3),
        partial=call_timeline.partial,
        duration_ms=call_timeline.duration_ms,
        overlap_ms=sum(span.end_ms - span.start_ms for span in call_timeline.overlaps),
        longest_silence_ms=silence.end_ms - silence.start_ms if silence else 0,
        interruptions=len(call_timeline.interruptions),
        recording_bytes=recording.size,
        recording_sha256=recording.sha256,
        talk=[
            Talk(
                track=track.track,
                participant=track.participant,
                name=track.name,
                speech_ms=track.speech_ms,
                talk_share=track.talk_share,
            )
            for track in call_timeline.tracks
        ],
    )


def build_stream_result(
    manifest: Manifest, analyses: Mapping[str, Analysis], participants: Participants
) -> StreamResult:
    """Build a stream's result from its manifest, from analyses by blob name, and from who spoke."""
    segments = []
    for entry in sorted(manifest.segments, key=lambda entry: (entry.start, entry.track)):
        name = entry.name(manifest.call_connection_id, manifest.stream_id)
        analysis = analyses.get(blobs.analysis_blob(name))
        track = participants.track(manifest.stream_id, entry.track)
        segments.append(
            SegmentResult(
                track=track,
                participant=participants.raw_id(track),
                start=entry.start,
                end=entry.end,
                duration_ms=round(entry.duration_ms, 3),
                sample_rate=entry.sample_rate,
                blob=f"{names.SEGMENTS}/{name.blob}",
                analysed=analysis is not None,
                speech_share=analysis.speech_share if analysis else None,
                rms_dbfs=analysis.rms_dbfs if analysis else None,
                peak_dbfs=analysis.peak_dbfs if analysis else None,
                noise_floor_dbfs=analysis.noise_floor_dbfs if analysis else None,
                clipped_samples=analysis.clipped_samples if analysis else 0,
                speech=analysis.speech if analysis else [],
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
        erased=manifest.erased,
    )


def analysis_blobs(manifests: Iterable[Manifest]) -> list[str]:
    """Return the blob names of the analyses that the manifests' segments have or will have."""
    return [
        blobs.analysis_blob(entry.name(manifest.call_connection_id, manifest.stream_id))
        for manifest in manifests
        for entry in manifest.segments
    ]


def synthesize_manifests(
    call: str,
    manifests: Iterable[Manifest],
    landed: Mapping[str, Properties],
    drafts: Iterable[Manifest] = (),
) -> list[Manifest]:
    """Create manifests for streams without one, from the metadata of their segments' blobs.

    Args:
        call: The call connection id.
        manifests: The manifests that exist.
        landed: The call's segments by name.
        drafts: The manifests so far that streamers wrote before they were to end. Their segments
            that did not land are listed, too: they are missing.
    """
    with_manifest = {manifest.stream_id for manifest in manifests}
    draft_of = {draft.stream_id: draft for draft in drafts if draft.stream_id not in with_manifest}
    landed_segments: dict[str, list[SegmentEntry]] = {stream_id: [] for stream_id in draft_of}
    for blob, properties in landed.items():
        stream_id = names.parse_segment(blob).stream_id
        if stream_id in with_manifest:
            continue
        try:
            entry = entry_from_metadata(properties.metadata, properties.size)
        except ValueError as error:
            log_event(_log, logging.ERROR, "segment_metadata_unreadable", segment=blob, error=error)
        else:
            landed_segments.setdefault(stream_id, []).append(entry)
    synthesized = [
        _synthesize(call, stream_id, segments, draft_of.get(stream_id))
        for stream_id, segments in landed_segments.items()
    ]
    return [manifest for manifest in synthesized if manifest is not None]


def _synthesize(
    call: str, stream_id: str, landed: list[SegmentEntry], draft: Manifest | None
) -> Manifest | None:
    """Create a stream's manifest from its draft, if it has one, and the segments that landed.

    Returns None for a stream without segments.
    """
    listed = draft.segments if draft else []
    names_in_draft = {entry.name(call, stream_id).blob for entry in listed}
    later = [entry for entry in landed if entry.name(call, stream_id).blob not in names_in_draft]
    segments = [*listed, *later]
    if not segments:
        return None
    ended_at = max(segment.end for segment in segments)
    counts = total(later)
    if draft is None:
        return Manifest(
            call_connection_id=call,
            stream_id=stream_id,
            sample_rate=segments[0].sample_rate,
            started_at=min(segment.start for segment in segments),
            ended_at=ended_at,
            ended_by=ENDED_BY_UNKNOWN,
            segments=segments,
            counts=counts,
        )
    counts.add(draft.counts)
    return msgspec.structs.replace(
        draft, ended_at=ended_at, ended_by=ENDED_BY_UNKNOWN, segments=segments, counts=counts
    )


def would_discard(existing: CallResult, layout: Layout) -> bool:
    """Return whether a recording of this layout would lack segments that the existing one has."""
    missing = existing.timeline.missing_segments
    without_audio = sum(segment.reason != timeline.NOT_ANALYSED for segment in missing)
    with_audio = sum(placement.fault is None for placement in layout.placements)
    return with_audio < existing.summary.segments - without_audio
