"""How far a call's result is: ``recording``, ``processing``; then ``final``, ``partial``, ``none``.

A result is final when the call has ended, each of its streams has ended, and each segment is there
or has failed permanently. How are all streams known, when the call has ended?

- The streamer writes a marker into ``drafts`` with each stream's first packet, which ACS sends as
  it opens the stream. A WebSocket without a packet leaves nothing.
- Where a marker is missing, ACS's events are the second witness: they say how many streams started.
- A start that ACS has neither confirmed nor refused may still open one. Only such a call has to
  settle for ``SETTLE_SECONDS`` after its end.

No stream opens after the call's end, because its grants end with it. What lands nevertheless is
assembled, and the state is determined again.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from acs import events
from calls.errors import Contended
from calls.records.announcement import forbids_streaming
from calls.records.model import CallRecord, MissingAudio, ResultState
from calls.records.store import change_record, decode_record, read_record
from calls.records.stored_streams import (
    ListedStreams,
    ResultOutline,
    StoredStreams,
    describe_streams,
    read_streams,
)
from calls.storage import Document, Storage
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


class AssembledResult(NamedTuple):
    """A result that has just been written: its outline, when its last stream ended, its streams."""

    outline: ResultOutline
    ended_at: datetime
    listed: ListedStreams


class StateUpdate(NamedTuple):
    """A call's record after an update; ``is_outdated``: its result lacks streams that have ended.

    That is so after assemblies were postponed while the call went on (``results/coalescing.py``).
    """

    record: CallRecord
    is_outdated: bool = False


async def update_result_state(
    storage: Storage,
    call: str,
    now: datetime,
    partial_after_seconds: float,
    *,
    known: CallRecord | None = None,
) -> StateUpdate:
    """Determine a call's result state from what is stored, and write it to the record.

    To be called when an ended call may have changed: after its end, after each assembly, and by the
    reconciler, which finds calls whose events were lost.

    Args:
        storage: Where the call's record and parts are.
        call: The call connection id.
        now: The current time.
        partial_after_seconds: After this time without an event or a segment, nothing more is
            expected (PARTIAL_AFTER_SECONDS).
        known: The call's record, if it was read just now.

    Raises CallNotFound, Contended, AzureError.
    """
    for attempt in range(_MAX_ATTEMPTS):
        record = known if attempt == 0 and known else await read_record(storage, call)
        if not record.has_ended:
            return StateUpdate(record)
        quiet_since = now - timedelta(seconds=partial_after_seconds)
        stored = await read_streams(storage, record, quiet_since)
        status = determine_status(record, stored, now)
        if status == _status_of(record):
            return StateUpdate(record, stored.is_outdated)
        is_stale = False

        def apply(
            current: CallRecord, record: CallRecord = record, status: Status = status
        ) -> bool:
            nonlocal is_stale
            is_stale = _inputs_of(current) != _inputs_of(record)
            return not is_stale and _set_status(current, status)

        changed = await change_record(storage, call, apply)
        if not is_stale:
            _log_change(call, status)
            return StateUpdate(changed, stored.is_outdated)
    raise Contended(f"the result state of call {call} is being changed too often")


async def record_result(
    storage: Storage,
    call: str,
    known: Document | None,
    assembled: AssembledResult,
    now: datetime,
    partial_after_seconds: float,
) -> None:
    """Write a result's summary, and the state that follows from it, to its call's record.

    Args:
        storage: Where the call's record and parts are.
        call: The call connection id.
        known: The record's document, read before the call's streams were listed: once it says that
            the call has ended, no stream opens, and the lists have them all. None: it had none.
        assembled: The result, and the streams that were listed for it.
        now: The current time.
        partial_after_seconds: PARTIAL_AFTER_SECONDS.

    Raises CallNotFound, Contended, AzureError.
    """
    record = decode_record(known.content) if known else None
    status: Status | None = None
    if record is not None and record.has_ended:
        quiet_since = now - timedelta(seconds=partial_after_seconds)
        stored = await describe_streams(
            storage, record, assembled.outline, assembled.listed, quiet_since
        )
        status = determine_status(record, stored, now)
    is_stale = is_changed = False

    def apply(current: CallRecord) -> bool:
        nonlocal is_stale, is_changed
        is_stale = current.has_ended and (
            record is None or status is None or _inputs_of(current) != _inputs_of(record)
        )
        is_summary_new = current.summary != assembled.outline.summary
        if is_summary_new:
            current.summary = assembled.outline.summary
            current.assembled_at = assembled.ended_at
        is_changed = status is not None and not is_stale and _set_status(current, status)
        return is_summary_new or is_changed

    await change_record(storage, call, apply, known=known)
    if is_stale:
        await update_result_state(storage, call, now, partial_after_seconds)
    elif is_changed and status is not None:
        _log_change(call, status)


def _set_status(record: CallRecord, status: Status) -> bool:
    """Set a record's status; return whether it has changed."""
    if status == _status_of(record):
        return False
    record.result_state, record.result_reason = status.state, status.reason
    record.missing = status.missing
    # Something came late: the reconciler must see to it that the call does not stay so.
    record.finalized = record.finalized and status.state != "processing"
    return True


def _log_change(call: str, status: Status) -> None:
    log_event(
        _log,
        logging.INFO,
        "result_state_changed",
        call=call,
        state=status.state,
        reason=status.reason,
    )


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
    # What failed permanently does not come by itself: it is reported, and not waited for.
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
    # With an announcement, only our own request opens one.
    requested = int(
        record.connected_at is not None
        and record.start_streaming is not False
        and record.announcement is None
    )
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
    announcement = record.announcement
    reason = forbids_streaming(announcement, record.participants) if announcement else None
    return "the media streaming was never started" + (f": {reason}" if reason else "")


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
