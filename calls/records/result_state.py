"""How far a call's result is: ``recording``, ``processing``; then ``final``, ``partial``, ``none``.

A result is final when the call has ended, each of its streams has ended, and each segment is there
or has failed permanently. How are all streams known, when the call has ended?

- The streamer writes a marker into ``drafts`` as each stream opens, before ACS reports the stream.
- Where a marker is missing, ACS's events are the second witness: they say how many streams started.
- A start that ACS has neither confirmed nor refused may still open one. Only such a call has to
  settle for ``SETTLE_SECONDS`` after its end.

No stream opens after the call's end, because its grants end with it. What lands nevertheless is
assembled, and the state is determined again.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

import msgspec

from acs import events
from calls import blobs
from calls.errors import Contended
from calls.listings import list_manifests, list_opened_streams, list_segments
from calls.records.model import CallRecord, MissingAudio, ResultState, Summary
from calls.records.store import change_record, read_record
from calls.storage import Storage
from contract import names
from event_log import log_event

SETTLE_SECONDS = 30.0
"""How long an ended call waits for a stream that was requested, and neither began nor failed."""

ENDED_BY_UNKNOWN = "unknown: its manifest is missing"
"""The ``ended_by`` of a stream in a result, if only its segments are known."""

_MAX_ATTEMPTS = 10

_log = logging.getLogger(__name__)


class Status(msgspec.Struct, frozen=True):
    """A call's ``result_state``, with what the record says about it."""

    state: ResultState
    reason: str | None = None
    missing: MissingAudio | None = None


class StreamOutline(msgspec.Struct, frozen=True):
    """One stream of a result: a part of ``StreamResult``."""

    stream_id: str
    ended_by: str


class ResultOutline(msgspec.Struct, frozen=True):
    """What a result's state depends on: a part of ``CallResult``.

    Reading only this part loads no audio library: a callback would have to wait for one.
    """

    summary: Summary
    streams: list[StreamOutline]


class _FailureOutline(msgspec.Struct, frozen=True):
    """A part of ``calls.results.failures.Failure``."""

    container: str


class StoredStreams(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored of an ended call: the ids of its streams, and its result.

    ``opened`` streams have a marker, a draft or a segment, ``ended`` ones a manifest. ``is_quiet``:
    nothing has happened for so long that nothing more is expected. ``failed_segments`` of the
    missing ones failed permanently: they cannot come by themselves.
    """

    opened: frozenset[str]
    ended: frozenset[str]
    result: ResultOutline | None
    is_quiet: bool
    failed_segments: int = 0


_decode = msgspec.json.Decoder(ResultOutline).decode


async def update_result_state(
    storage: Storage, call: str, now: datetime, partial_after_seconds: float
) -> CallRecord:
    """Determine a call's result state from what is stored, and write it to the record.

    To be called when an ended call may have changed: after its end, after each assembly, and by the
    reconciler, which finds calls whose events were lost.

    Args:
        storage: Where the call's record and parts are.
        call: The call connection id.
        now: The current time.
        partial_after_seconds: After this time without an event or a segment, nothing more is
            expected (PARTIAL_AFTER_SECONDS).

    Returns:
        The call's record.

    Raises CallNotFound, Contended, AzureError.
    """
    for _ in range(_MAX_ATTEMPTS):
        record = await read_record(storage, call)
        if not record.has_ended:
            return record
        quiet_since = now - timedelta(seconds=partial_after_seconds)
        stored = await _read_streams(storage, record, quiet_since)
        status = determine_status(record, stored, now)
        if status == _status_of(record):
            return record
        is_stale = False

        def apply(
            current: CallRecord, record: CallRecord = record, status: Status = status
        ) -> bool:
            nonlocal is_stale
            is_stale = _inputs_of(current) != _inputs_of(record)
            if is_stale:
                return False
            current.result_state, current.result_reason = status.state, status.reason
            current.missing = status.missing
            # Something came late: the reconciler must see to it that the call does not stay so.
            current.finalized = current.finalized and status.state != "processing"
            return True

        changed = await change_record(storage, call, apply)
        if not is_stale:
            log_event(
                _log,
                logging.INFO,
                "result_state_changed",
                call=call,
                state=status.state,
                reason=status.reason,
            )
            return changed
    raise Contended(f"the result state of call {call} is being changed too often")


def determine_status(record: CallRecord, stored: StoredStreams, now: datetime) -> Status:
    """Determine the status of an ended call's result. Pure."""
    result = stored.result
    assembled = {stream.stream_id: stream.ended_by for stream in result.streams} if result else {}
    without_end = {stream for stream, by in assembled.items() if by == ENDED_BY_UNKNOWN}
    known = stored.opened | stored.ended | assembled.keys()
    # A lifecycle rule deletes manifests; the results that were made from them are kept.
    unfinished = known - stored.ended - (assembled.keys() - without_end)
    unknown = max(0, _count(record, events.MEDIA_STREAMING_STARTED) - len(known))
    is_settled = stored.is_quiet or not (
        unfinished
        or unknown
        or not stored.ended <= assembled.keys()
        or _may_still_start(record, len(known), now)
    )
    if not is_settled:
        return Status("processing")
    missing = MissingAudio(
        segments=result.summary.missing_segments if result else 0,
        unfinished_streams=sorted(unfinished | without_end | (stored.ended - assembled.keys())),
        unknown_streams=unknown,
    )
    is_complete = missing == MissingAudio()
    # What failed permanently does not come by itself: it is told, and not waited for.
    is_final = missing == MissingAudio(segments=min(missing.segments, stored.failed_segments))
    if result is None or not result.summary.segments:
        reason = _why_none(record, stored) if is_complete else _describe(missing)
        return Status("none", reason, None if is_complete else missing)
    if is_complete:
        return Status("final")
    if is_final:
        text = _count_of(missing.segments, "segment failed", "segments failed")
        return Status("final", f"{text} permanently", missing)
    return Status("partial", _describe(missing), missing)


async def _read_streams(
    storage: Storage, record: CallRecord, quiet_since: datetime
) -> StoredStreams:
    call = record.call_connection_id
    # The result first: a stream that is opened or ended in the meantime is then not overlooked.
    document = await storage.read(blobs.RESULTS, blobs.call_result_blob(call))
    ended = await list_manifests(storage, call)
    landed = await list_segments(storage, call)
    opened = {names.parse_segment(blob).stream_id for blob in landed}
    opened |= await list_opened_streams(storage, call)
    is_quiet = last_event_time(record) <= quiet_since and all(
        properties.last_modified <= quiet_since for properties in landed.values()
    )
    result = _decode_outline(document.content) if document else None
    return StoredStreams(
        opened=frozenset(opened),
        ended=frozenset(ended),
        result=result,
        is_quiet=is_quiet,
        failed_segments=await _count_failed_segments(storage, call)
        if result is not None and result.summary.missing_segments
        else 0,
    )


async def _count_failed_segments(storage: Storage, call: str) -> int:
    """Count the segments of a call that failed permanently."""
    failure_blobs = await storage.blob_names(blobs.FAILURES, f"{call}.")
    documents = await storage.read_all(blobs.FAILURES, failure_blobs)
    return sum(_is_segment_failure(document.content) for document in documents if document)


def _is_segment_failure(content: bytes) -> bool:
    try:
        return msgspec.json.decode(content, type=_FailureOutline).container == names.SEGMENTS
    except ValueError:
        return False


def _decode_outline(content: bytes) -> ResultOutline | None:
    try:
        return _decode(content)
    except ValueError:
        return None


def last_event_time(record: CallRecord) -> datetime:
    """Return when a call's last event happened; without any, when the call began."""
    return max([record.created_at, *(event.time for event in record.events)])


def may_settle(record: CallRecord, now: datetime) -> bool:
    """Return whether an ended call's state may change merely because time has passed."""
    return (
        record.result_state == "processing"
        and record.ended_at is not None
        and now - record.ended_at >= timedelta(seconds=SETTLE_SECONDS)
    )


def _may_still_start(record: CallRecord, known: int, now: datetime) -> bool:
    """Whether a start opened no known stream and did not fail, and the call ended just now."""
    if record.ended_at is None or now - record.ended_at >= timedelta(seconds=SETTLE_SECONDS):
        return False
    # ACS opens the first stream only of a call that connects.
    requested = int(record.connected_at is not None and record.start_streaming is not False)
    requested += sum(request.operation == "start" for request in record.requests)
    answered = _count(record, events.MEDIA_STREAMING_STARTED, events.MEDIA_STREAMING_FAILED)
    return requested > max(answered, known)


def _count(record: CallRecord, *types: str) -> int:
    return sum(events.TYPE_PREFIX + event.type in types for event in record.events)


def _why_none(record: CallRecord, stored: StoredStreams) -> str:
    if stored.ended:
        return "no audio arrived on the call's streams"
    if record.connected_at is None:
        message = record.result.message if record.result else None
        return "the call was never connected" + (f": {message}" if message else "")
    if _count(record, events.MEDIA_STREAMING_FAILED):
        message = record.streaming.result.message if record.streaming.result else None
        return "the media streaming failed" + (f": {message}" if message else "")
    return "the media streaming was never started"


def _describe(missing: MissingAudio) -> str:
    """Describe what is missing, for people."""
    streams = len(missing.unfinished_streams)
    parts = [
        (
            missing.segments,
            "segment is missing or was not analysed",
            "segments are missing or were not analysed",
        ),
        (streams, "stream ended without its manifest", "streams ended without their manifests"),
        (
            missing.unknown_streams,
            "stream that ACS reported left nothing",
            "streams that ACS reported left nothing",
        ),
    ]
    return "; ".join(_count_of(*part) for part in parts if part[0])


def _count_of(count: int, singular: str, plural: str) -> str:
    return f"{count} {singular if count == 1 else plural}"


def _status_of(record: CallRecord) -> Status:
    return Status(record.result_state, record.result_reason, record.missing)


def _inputs_of(record: CallRecord) -> tuple[object, ...]:
    """What of a record the status depends on, and the status itself."""
    return (
        _status_of(record),
        record.state,
        record.assembled_at,
        [event.id for event in record.events],
        [request.id for request in record.requests],
    )
