"""Putting a call together: from its manifests and its segments' analyses, whichever came last.

A function of what lies in storage alone, so that it may run twice, and at once, and ends the same:
a recording and, under its ETag and as the last, the call's result.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from audio import names
from audio.manifest import Counts, Manifest, decode_manifest, entry_from_metadata
from calls import analysis, failures, layout, recording, store, timeline
from calls.analysis import Analysis, SpeechSpan
from calls.layout import Layout
from calls.problems import Problem
from calls.recording import Format
from calls.records import CallRecord, Summary, Talk
from calls.storage import Contended, Properties, Storage
from calls.timeline import Timeline

SCHEMA = 1
ENDED_BY_UNKNOWN = "unknown: its manifest is missing"
_TRIES = 10

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

    @property
    def layout(self) -> Layout:
        """Where everything goes."""
        sizes = {name: found.size for name, found in self.landed.items()}
        return layout.lay_out(self.manifests, sizes)


async def find(storage: Storage, call: str) -> CallResult | None:
    """The call's result, or None while it is not put together."""
    document = await storage.read(names.RESULTS, names.call_result_blob(call))
    return msgspec.json.decode(document.content, type=CallResult) if document else None


async def streams_of(storage: Storage, call: str) -> list[StreamResult]:
    """The call's ended streams, in the order of their start, with what was found so far."""
    result = await find(storage, call)
    if result is not None and not result.summary.missing_segments and not result.summary.partial:
        ended = await storage.blob_names(names.MANIFESTS, f"{call}/")
        if len(ended) == len(result.streams):
            return result.streams
    manifests = await _manifests(storage, call)
    analyses = await _analyses(storage, _result_blobs(manifests))
    return [_stream_result(manifest, analyses) for manifest in manifests]


async def assemble(
    storage: Storage, call: str, form: Format = "wav", *, partial: bool = False
) -> tuple[CallResult, Layout] | None:
    """Put the call together if all is there, or given up on; None where it is not.

    With ``partial``, what is there will do: streams without a manifest, segments without an
    analysis. Raises Contended, AzureError: then the trigger runs it again.
    """
    blob = names.call_result_blob(call)
    for _ in range(_TRIES):
        # Read before what they are made of: a result from older parts must not replace a newer one.
        before = await storage.read(names.RESULTS, blob)
        recorded = await storage.properties(names.RECORDINGS, names.recording_blob(call))
        parts = await _parts(storage, call, partial=partial or _is_partial(before))
        if parts is None:
            return None
        size = await recording.write(storage, call, parts.layout, form, recorded)
        if size is None:
            continue
        result = put_together(call, parts, size)
        content = msgspec.json.encode(result)
        if before is not None and before.content == content:
            written = True
        elif before is None:
            written = await storage.create(names.RESULTS, blob, content)
        else:
            written = await storage.replace(names.RESULTS, blob, content, before.etag)
        if written:
            await _tell(storage, call, result)
            return result, parts.layout
    raise Contended(f"call {call} is put together by too many at once")


def put_together(call: str, parts: Parts, recording_bytes: int) -> CallResult:
    """The call's result. Pure."""
    laid_out = parts.layout
    shown = timeline.build(call, laid_out, parts.analyses, partial=parts.partial)
    streams = [_stream_result(manifest, parts.analyses) for manifest in parts.manifests]
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


async def _parts(storage: Storage, call: str, *, partial: bool) -> Parts | None:
    """All that the call is made of; None where something is missing that may still come."""
    manifests = await _manifests(storage, call)
    if not manifests and not partial:
        return None
    landed = await storage.listing(names.SEGMENTS, f"{call}/")
    makeshift = _makeshift_manifests(call, manifests, landed) if partial else []
    manifests = sorted([*manifests, *makeshift], key=lambda manifest: manifest.stream_id)
    if not manifests:
        return None
    wanted = _result_blobs(manifests)
    there = set(await storage.blob_names(names.RESULTS, f"{call}/"))
    missing = [blob for blob in wanted if blob not in there]
    if missing and not partial:
        given_up = await failures.result_blobs(storage, call)
        if not given_up.issuperset(missing):
            return None
    analyses = await _analyses(storage, [blob for blob in wanted if blob in there])
    return Parts(manifests, analyses, landed, partial=bool(makeshift))


async def _manifests(storage: Storage, call: str) -> list[Manifest]:
    blobs = await storage.blob_names(names.MANIFESTS, f"{call}/")
    found = await storage.read_all(names.MANIFESTS, blobs)
    manifests = [decode_manifest(document.content) for document in found if document]
    return sorted(manifests, key=lambda manifest: manifest.stream_id)


def _result_blobs(manifests: Iterable[Manifest]) -> list[str]:
    return [
        entry.name(manifest.call_connection_id, manifest.stream_id).result_blob
        for manifest in manifests
        for entry in manifest.segments
    ]


async def _analyses(storage: Storage, blobs: list[str]) -> dict[str, Analysis]:
    found = await storage.read_all(names.RESULTS, blobs)
    return {
        blob: analysis.decode(document.content)
        for blob, document in zip(blobs, found, strict=True)
        if document
    }


def _makeshift_manifests(
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
    for stream_id, blobs in entries.items():
        segments = []
        for blob, found in blobs:
            try:
                segments.append(entry_from_metadata(found.metadata, found.size))
            except ValueError as error:
                _log.error("%s cannot be placed: %s", blob, error)
        if not segments:
            continue
        counts = Counts()
        for segment in segments:
            counts.add(segment.counts)
        made.append(
            Manifest(
                call_connection_id=call,
                stream_id=stream_id,
                sample_rate=segments[0].sample_rate,
                started_at=min(segment.start for segment in segments),
                ended_at=max(
                    segment.start + timedelta(milliseconds=segment.duration_ms)
                    for segment in segments
                ),
                ended_by=ENDED_BY_UNKNOWN,
                segments=segments,
                counts=counts,
            )
        )
    return made


def _is_partial(document: object) -> bool:
    """Whether a call was put together from what was there; it then stays no less than that."""
    content = getattr(document, "content", None)
    if content is None:
        return False
    return msgspec.json.decode(content, type=CallResult).summary.partial


def _stream_result(manifest: Manifest, analyses: Mapping[str, Analysis]) -> StreamResult:
    segments = []
    for entry in sorted(manifest.segments, key=lambda entry: (entry.start, entry.track)):
        name = entry.name(manifest.call_connection_id, manifest.stream_id)
        found = analyses.get(name.result_blob)
        segments.append(
            SegmentResult(
                track=entry.track,
                participant=names.participant_raw_id(entry.track),
                start=entry.start,
                end=entry.start + timedelta(milliseconds=entry.duration_ms),
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


async def _tell(storage: Storage, call: str, result: CallResult) -> None:
    ended = max(stream.ended_at for stream in result.streams)

    def apply(record: CallRecord) -> bool:
        if record.summary == result.summary:
            return False
        record.summary = result.summary
        record.put_together_at = ended
        return True

    try:
        await store.change(storage, call, apply)
    except Problem:
        # A stream of a call that this app did not place (GRANT_CHECK is not require).
        _log.warning("call %s has streams but no record", call)
