"""Deriving a call record's states from its events and requests. Pure.

Callback events arrive in any order, some twice, and any number of them. So a record keeps the
events themselves, and its states are derived from all of them. A state depends only on *decisive*
events: the first of a kind (the call was connected, has ended) or the last (media streaming,
participants). Those are always kept, and of the others as many as fit. Any order of arrival gives
the same record, and no event sets a record back.

Only times of ACS's clock are compared with each other. A request of ours comes after the events
that the record had when it was made, whatever our own clock says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC

import msgspec

from acs import events
from acs.events import CallbackEvent, ResultInformation
from calls.records.announcement import note_play_event
from calls.records.model import CallRecord, EventRecord, RequestRecord, Streaming, StreamingState

MAX_EVENTS = 500
MAX_EVENT_BYTES = 128 * 1024
"""The most bytes of JSON that the events take which are not decisive."""

MAX_REQUESTS = 100
MOVES = frozenset({"CallTransferAccepted", "MoveParticipantSucceeded"})
"""Events after which a call connection may be part of another conversation."""

_MAX_DECISIVE_EVENTS = 8
_MAX_ID_CHARACTERS = 128
_MAX_TEXT_CHARACTERS = 1024

_CONNECTED = frozenset({"CallConnected"})
_ENDS = frozenset(type_.removeprefix(events.TYPE_PREFIX) for type_ in events.CALL_ENDS)
_PARTICIPANTS = frozenset({"ParticipantsUpdated"})
_STARTED = "MediaStreamingStarted"
_STOPPED = "MediaStreamingStopped"
_FAILED = "MediaStreamingFailed"
_STREAMING: dict[str, StreamingState] = {
    _STARTED: "active",
    _STOPPED: "inactive",
    _FAILED: "failed",
}


def add_event(record: CallRecord, event: CallbackEvent) -> bool:
    """Add a callback event to the record.

    Returns:
        Whether the record has changed: False if it has the event already, or no room for it.
    """
    added = _event_record(event)
    if any(existing.id == added.id for existing in record.events):
        return False
    latest = _last(record.events, _PARTICIPANTS)
    if added.type in _PARTICIPANTS and (latest is None or _order(added) > _order(latest)):
        record.participants = [p.identifier.raw_id for p in event.data.participants or ()]
    ids = record.server_call_id, record.correlation_id
    record.server_call_id = record.server_call_id or event.data.server_call_id
    record.correlation_id = record.correlation_id or event.data.correlation_id
    record.events.append(added)
    if record.announcement is not None:
        note_play_event(record.announcement, event)
    derive_state(record)
    return added in record.events or ids != (record.server_call_id, record.correlation_id)


def _event_record(event: CallbackEvent) -> EventRecord:
    data = event.data
    update, result = data.media_streaming_update, data.result_information
    if result is not None:
        result = ResultInformation(result.code, result.sub_code, _clip(result.message))
    id_ = event.id
    if len(id_) > _MAX_ID_CHARACTERS:
        id_ = "sha256-" + hashlib.sha256(id_.encode(errors="surrogatepass")).hexdigest()
    return EventRecord(
        id=id_,
        type=event.name[:_MAX_ID_CHARACTERS],
        time=event.time.astimezone(UTC),
        operation_context=_clip(data.operation_context),
        result=result,
        streaming_details=_clip(update.media_streaming_status_details) if update else None,
    )


def _clip(text: str | None) -> str | None:
    return text[:_MAX_TEXT_CHARACTERS] if text is not None else None


def add_request(record: CallRecord, request: RequestRecord) -> None:
    """Add one of our requests to the record, after the events that the record has."""
    latest = _last_streaming_events(record)
    record.requests.append(
        msgspec.structs.replace(
            request,
            after=max((event.time for event in latest.values()), default=None),
            after_events=sorted(event.id for event in latest.values()),
            while_stopping=record.streaming.state == "stopping",
        )
    )
    record.requests = record.requests[-MAX_REQUESTS:]
    derive_state(record)


def remove_request(record: CallRecord, request_id: str) -> None:
    """Remove a request that ACS refused."""
    record.requests = [request for request in record.requests if request.id != request_id]
    derive_state(record)


def derive_state(record: CallRecord) -> None:
    """Derive the record's states from its events and requests, and drop what does not fit."""
    record.events.sort(key=_order)
    record.state, record.connected_at = "connecting", None
    record.ended_at = record.result = None
    connected, end = _first(record.events, _CONNECTED), _first(record.events, _ENDS)
    if connected is not None:
        record.state, record.connected_at = "connected", connected.time
    if end is not None:
        record.state = "disconnected" if end.type == "CallDisconnected" else "failed"
        record.ended_at, record.result = end.time, end.result
    record.streaming = _derive_streaming(record)
    if record.has_ended:
        failed = record.streaming.state == "failed"
        record.streaming.state = "failed" if failed else "inactive"
        if record.result_state == "recording":
            record.result_state = "processing"
    _drop_excess_events(record)


def _derive_streaming(record: CallRecord) -> Streaming:
    latest = _last_streaming_events(record)
    if record.requests:
        request = record.requests[-1]
        if not _is_answered(request, latest):
            return Streaming(state="starting" if request.operation == "start" else "stopping")
        if request.operation == "start" and _is_running(record):
            return Streaming(state="active", details=latest[_STARTED].streaming_details)
    elif record.start_streaming and not latest:
        return Streaming(state="inactive" if _is_unannounced(record) else "starting")
    if not latest:
        return Streaming()
    event = max(latest.values(), key=_order)
    return Streaming(
        state=_STREAMING[event.type],
        details=event.streaming_details,
        result=event.result if event.type == _FAILED else None,
    )


def _is_unannounced(record: CallRecord) -> bool:
    """Whether streaming never starts by itself, since a required announcement was not played."""
    announcement = record.announcement
    return (
        announcement is not None
        and announcement.policy == "required"
        and announcement.state == "failed"
    )


def _is_answered(request: RequestRecord, latest: dict[str, EventRecord]) -> bool:
    """Whether an event says what became of a request."""
    answers = {_FAILED, _STARTED if request.operation == "start" else _STOPPED}
    if request.operation == "start" and not request.while_stopping:
        # The stream has started and stopped. (Else it is the answer to the request to stop.)
        answers.add(_STOPPED)
    return any(
        event.type in answers
        and event.id not in request.after_events
        and (request.after is None or event.time >= request.after)
        for event in latest.values()
    )


def _is_running(record: CallRecord) -> bool:
    """Whether our own requests explain each stop, and more streams have started than stopped.

    A stream takes a while to stop: its event may come after that of the next one's start.
    """
    stops = sum(event.type == _STOPPED for event in record.events)
    requested_stops = sum(request.operation == "stop" for request in record.requests)
    has_failed = any(event.type == _FAILED for event in record.events)
    starts = sum(event.type == _STARTED for event in record.events)
    return starts > stops <= requested_stops and not has_failed


def _drop_excess_events(record: CallRecord) -> None:
    """Keep the decisive events, and of the others what fits.

    First the ParticipantsUpdated go, of which only the last one matters; events of media streaming
    go last. Which events are left does not depend on the order in which they arrived: once an event
    is not decisive, no further event makes it so.
    """
    decisive = _decisive_events(record)
    kept = {event.id for event in decisive}
    others = [event for event in record.events if event.id not in kept]
    others.sort(key=lambda event: (_importance(event), *_order(event)), reverse=True)
    size = 0
    for event in others[: MAX_EVENTS - _MAX_DECISIVE_EVENTS]:
        size += len(msgspec.json.encode(event))
        if size > MAX_EVENT_BYTES:
            break
        kept.add(event.id)
    record.events = [event for event in record.events if event.id in kept]


def _decisive_events(record: CallRecord) -> list[EventRecord]:
    candidates = [
        _first(record.events, _CONNECTED),
        _first(record.events, _ENDS),
        _last(record.events, _PARTICIPANTS),
        _last(record.events, MOVES),
        *_last_streaming_events(record).values(),
        record.events[-1] if record.events else None,
    ]
    return [event for event in candidates if event is not None]


def _importance(event: EventRecord) -> int:
    return 0 if event.type in _PARTICIPANTS else 2 if event.type in _STREAMING else 1


def _last_streaming_events(record: CallRecord) -> dict[str, EventRecord]:
    """Return the last event of media streaming of each type."""
    latest = {type_: _last(record.events, {type_}) for type_ in _STREAMING}
    return {type_: event for type_, event in latest.items() if event is not None}


def _order(event: EventRecord) -> tuple[object, ...]:
    return event.time, event.id


def _first(event_records: Iterable[EventRecord], types: Iterable[str]) -> EventRecord | None:
    return min((e for e in event_records if e.type in types), key=_order, default=None)


def _last(event_records: Iterable[EventRecord], types: Iterable[str]) -> EventRecord | None:
    return max((e for e in event_records if e.type in types), key=_order, default=None)
