"""Putting a call together: from its manifests and its segments' analyses, whichever came last.

A pure function of what lies in storage, so that it may run twice, and at once, and ends the same.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from audio import names
from audio.manifest import Counts, Manifest, decode_manifest
from audio.names import SegmentName
from calls import analysis, store
from calls.analysis import Analysis, SpeechSpan
from calls.problems import Problem
from calls.records import CallRecord, Summary
from calls.storage import Contended, Storage

SCHEMA = 1
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
    """A call, put together."""

    schema: int = SCHEMA
    call_connection_id: str
    summary: Summary
    streams: list[StreamResult]


async def streams_of(storage: Storage, call: str) -> list[StreamResult]:
    """The call's ended streams, in the order of their start, with what was found so far."""
    blobs = await storage.blob_names(names.MANIFESTS, f"{call}/")
    found = await storage.read_all(names.MANIFESTS, blobs)
    manifests = [decode_manifest(document.content) for document in found if document]
    entries = [
        entry.name(call, manifest.stream_id).result_blob
        for manifest in manifests
        for entry in manifest.segments
    ]
    results = await storage.read_all(names.RESULTS, entries)
    analyses = {
        blob: analysis.decode(document.content)
        for blob, document in zip(entries, results, strict=True)
        if document
    }
    manifests.sort(key=lambda manifest: manifest.stream_id)
    return [_stream_result(manifest, analyses) for manifest in manifests]


def _stream_result(manifest: Manifest, analyses: dict[str, Analysis]) -> StreamResult:
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


def put_together(call: str, streams: Sequence[StreamResult]) -> CallResult:
    """The call's result. Pure."""
    segments = [segment for stream in streams for segment in stream.segments]
    audio_ms = sum(segment.duration_ms for segment in segments)
    speech_ms = float(
        sum(span.end_ms - span.start_ms for segment in segments for span in segment.speech)
    )
    summary = Summary(
        streams=len(streams),
        segments=len(segments),
        missing_segments=sum(not segment.analysed for segment in segments),
        audio_ms=round(audio_ms, 3),
        speech_ms=speech_ms,
        speech_share=round(speech_ms / audio_ms, 4) if audio_ms else 0.0,
        lost_ms=round(sum(segment.filled_ms for segment in segments), 3),
    )
    return CallResult(call_connection_id=call, summary=summary, streams=list(streams))


async def assemble(storage: Storage, call: str) -> bool:
    """Put the call together if every segment of its manifests has an analysis; whether it did.

    Raises Contended, AzureError: then the trigger runs it again.
    """
    blob = names.call_result_blob(call)
    for _ in range(_TRIES):
        # Read before what it is made of: a result from older parts must not replace a newer one.
        before = await storage.read(names.RESULTS, blob)
        streams = await streams_of(storage, call)
        result = put_together(call, streams)
        if not streams or result.summary.missing_segments:
            return False
        content = msgspec.json.encode(result)
        if before is not None and before.content == content:
            written = True
        elif before is None:
            written = await storage.create(names.RESULTS, blob, content)
        else:
            written = await storage.replace(names.RESULTS, blob, content, before.etag)
        if written:
            await _tell(storage, call, result)
            return True
    raise Contended(f"call {call} is put together by too many at once")


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


async def analyse_segment(storage: Storage, name: SegmentName, file: bytes) -> None:
    """Analyse a segment, write what was found, and put the call together if that was the last."""
    content = analysis.encode(analysis.analyse(name, file))
    await storage.put(names.RESULTS, name.result_blob, content)
    await assemble(storage, name.call_connection_id)
