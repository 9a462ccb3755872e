"""Deriving a call record's states from its events and requests. Pure.

Callback events arrive in any order, and some arrive twice. So a record keeps the events and the
requests themselves, and its states are derived from all of them in the order of their time. Any
order of arrival gives the same record, and no event sets a record back.
"""

from __future__ import annotations

from datetime import UTC

from acs import events
from acs.events import CallbackEvent
from calls.records.model import CallRecord, EventRecord, RequestRecord, Streaming

MAX_EVENTS = 500


def add_event(record: CallRecord, event: CallbackEvent) -> bool:
    """Add a callback event to the record.

    Returns:
        False if the record already has the event.
    """
    if any(existing.id == event.id for existing in record.events):
        return False
    data = event.data
    update = data.media_streaming_update
    record.events.append(
        EventRecord(
            id=event.id,
            type=event.name,
            time=event.time.astimezone(UTC),
            operation_context=data.operation_context,
            result=data.result_information,
            streaming_details=update.media_streaming_status_details if update else None,
            participants=[p.identifier.raw_id for p in data.participants]
            if data.participants is not None
            else None,
        )
    )
    record.server_call_id = record.server_call_id or data.server_call_id
    record.correlation_id = record.correlation_id or data.correlation_id
    derive_state(record)
    return True


def add_request(record: CallRecord, request: RequestRecord) -> None:
    """Add one of our requests to the record."""
    record.requests.append(request)
    derive_state(record)


def remove_request(record: CallRecord, request_id: str) -> None:
    """Remove a request that ACS refused."""
    record.requests = [request for request in record.requests if request.id != request_id]
    derive_state(record)


def derive_state(record: CallRecord) -> None:
    """Derive the record's states from all its events and requests, in the order of their time."""
    record.events.sort(key=lambda event: (event.time, event.id))
    _drop_excess_events(record)
    record.state, record.streaming = "connecting", Streaming()
    record.connected_at = record.ended_at = record.result = None
    if record.start_streaming:
        record.streaming.state = "starting"
    steps: list[EventRecord | RequestRecord] = [*record.events, *record.requests]
    for step in sorted(steps, key=lambda step: (step.time, step.id)):
        if isinstance(step, RequestRecord):
            _apply_request(record, step)
        else:
            _apply_event(record, step)
    if record.has_ended:
        failed = record.streaming.state == "failed"
        record.streaming.state = "failed" if failed else "inactive"
        if record.result_state == "recording":
            record.result_state = "processing"


def _apply_request(record: CallRecord, request: RequestRecord) -> None:
    if request.operation == "start":
        record.streaming = Streaming(state="starting")
    elif request.operation == "stop":
        record.streaming = Streaming(state="stopping")


def _apply_event(record: CallRecord, event: EventRecord) -> None:
    match events.TYPE_PREFIX + event.type:
        case events.CALL_CONNECTED:
            record.connected_at = record.connected_at or event.time
            if not record.has_ended:
                record.state = "connected"
        case events.CALL_DISCONNECTED:
            record.state, record.ended_at, record.result = "disconnected", event.time, event.result
        case events.CREATE_CALL_FAILED | events.ANSWER_FAILED | events.CONNECT_FAILED:
            record.state, record.ended_at, record.result = "failed", event.time, event.result
        case events.PARTICIPANTS_UPDATED:
            record.participants = event.participants or []
        case events.MEDIA_STREAMING_STARTED:
            record.streaming = Streaming(state="active", details=event.streaming_details)
        case events.MEDIA_STREAMING_STOPPED:
            record.streaming = Streaming(state="inactive", details=event.streaming_details)
        case events.MEDIA_STREAMING_FAILED:
            record.streaming = Streaming(
                state="failed", details=event.streaming_details, result=event.result
            )


def _drop_excess_events(record: CallRecord) -> None:
    """Keep at most MAX_EVENTS.

    The oldest ParticipantsUpdated go first: only the last one matters.
    """
    excess = len(record.events) - MAX_EVENTS
    if excess <= 0:
        return
    remaining: list[EventRecord] = []
    for event in record.events:
        if excess > 0 and event.type == "ParticipantsUpdated":
            excess -= 1
            continue
        remaining.append(event)
    record.events = remaining[-MAX_EVENTS:]
