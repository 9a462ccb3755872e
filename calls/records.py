"""The call record: what is known of one call. Pure.

Callback events come in any order, and maybe twice. So a record keeps the events and the requests
themselves, and its states are always worked out anew from all of them in the order of their time:
any order of arrival ends in the same record, and none moves it back.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

import msgspec

from acs import events
from acs.events import CallbackEvent, ResultInformation

SCHEMA = 1
KEPT_EVENTS = 500

CallState = Literal["connecting", "connected", "disconnected", "failed"]
Direction = Literal["outgoing", "incoming"]
StreamingState = Literal["inactive", "starting", "active", "stopping", "failed"]


class EventRecord(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """One callback event, as the record keeps it."""

    id: str
    type: str
    time: datetime
    operation_context: str | None = None
    result: ResultInformation | None = None
    streaming_details: str | None = None
    participants: list[str] | None = None


class RequestRecord(msgspec.Struct, kw_only=True, frozen=True):
    """One request of ours that ACS took: ``start``, ``stop`` or ``hang_up``."""

    id: str
    operation: Literal["start", "stop", "hang_up"]
    time: datetime


class Streaming(msgspec.Struct, kw_only=True):
    """The media streaming's state, and ACS's word on a failure."""

    state: StreamingState = "inactive"
    details: str | None = None
    result: ResultInformation | None = None


class Talk(msgspec.Struct, kw_only=True, frozen=True):
    """How much one participant spoke; ``talk_share`` is of all speech."""

    track: str
    participant: str | None
    speech_ms: int
    talk_share: float


class Summary(msgspec.Struct, kw_only=True):
    """What the call came to, when it was put together.

    ``audio_ms`` and ``speech_ms`` are of all tracks together, ``lost_ms`` is the silence in place
    of what never came. ``partial``: a stream's manifest never came, its segments alone are known.
    """

    streams: int
    segments: int
    missing_segments: int
    audio_ms: float
    speech_ms: float
    speech_share: float
    lost_ms: float
    partial: bool = False
    duration_ms: int = 0
    overlap_ms: int = 0
    longest_silence_ms: int = 0
    interruptions: int = 0
    recording_bytes: int = 0
    talk: list[Talk] = msgspec.field(default_factory=list)


class CallRecord(msgspec.Struct, kw_only=True):
    """One call. ``placed`` is False while only its events are known, not yet who placed it,
    or that it was answered (``direction``: incoming).

    ``settled``: it is over, and the reconciler found nothing more to do.
    """

    schema: int = SCHEMA
    call_connection_id: str
    created_at: datetime
    state: CallState = "connecting"
    streaming: Streaming = msgspec.field(default_factory=Streaming)
    placed: bool = False
    direction: Direction | None = None
    server_call_id: str | None = None
    correlation_id: str | None = None
    to: str | None = None
    from_: str | None = msgspec.field(default=None, name="from")
    channels: str | None = None
    sample_rate: int | None = None
    start_streaming: bool | None = None
    operation_context: str | None = None
    connected_at: datetime | None = None
    ended_at: datetime | None = None
    result: ResultInformation | None = None
    participants: list[str] = msgspec.field(default_factory=list)
    events: list[EventRecord] = msgspec.field(default_factory=list)
    requests: list[RequestRecord] = msgspec.field(default_factory=list)
    summary: Summary | None = None
    put_together_at: datetime | None = None
    settled: bool = False

    @property
    def is_over(self) -> bool:
        """Whether the call has come to its end."""
        return self.state in ("disconnected", "failed")


def new_record(call_connection_id: str, now: datetime) -> CallRecord:
    """The record of a call of which nothing more is known yet."""
    return CallRecord(call_connection_id=call_connection_id, created_at=now)


def add_event(record: CallRecord, event: CallbackEvent) -> bool:
    """Take a callback event in; False where it is known already."""
    if any(known.id == event.id for known in record.events):
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
    work_out(record)
    return True


def add_request(record: CallRecord, request: RequestRecord) -> None:
    """Note a request of ours."""
    record.requests.append(request)
    work_out(record)


def remove_request(record: CallRecord, request_id: str) -> None:
    """Forget a request that ACS refused."""
    record.requests = [known for known in record.requests if known.id != request_id]
    work_out(record)


def work_out(record: CallRecord) -> None:
    """Work the states out anew from all events and requests, in the order of their time."""
    record.events.sort(key=lambda event: (event.time, event.id))
    _keep_bounded(record)
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
    if record.is_over:
        failed = record.streaming.state == "failed"
        record.streaming.state = "failed" if failed else "inactive"


def _apply_request(record: CallRecord, request: RequestRecord) -> None:
    if request.operation == "start":
        record.streaming = Streaming(state="starting")
    elif request.operation == "stop":
        record.streaming = Streaming(state="stopping")


def _apply_event(record: CallRecord, event: EventRecord) -> None:
    match events.TYPE_PREFIX + event.type:
        case events.CALL_CONNECTED:
            record.connected_at = record.connected_at or event.time
            if not record.is_over:
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


def _keep_bounded(record: CallRecord) -> None:
    """A long call has many ParticipantsUpdated, of which only the last says anything."""
    excess = len(record.events) - KEPT_EVENTS
    if excess <= 0:
        return
    kept = []
    for event in record.events:
        if excess > 0 and event.type == "ParticipantsUpdated":
            excess -= 1
            continue
        kept.append(event)
    record.events = kept[-KEPT_EVENTS:]
