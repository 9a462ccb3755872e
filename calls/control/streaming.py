"""Starting and stopping the media streaming of a call."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec
from azure.core.exceptions import AzureError

from calls.clients import Clients
from calls.control.acs_errors import acs_error
from calls.control.new_calls import callback_url
from calls.errors import AcsError, AnnouncementNotPlayed, CallEnded, StreamingStateConflict
from calls.principals import Principal
from calls.records.announcement import forbids_streaming
from calls.records.derive import add_request, remove_request
from calls.records.model import CallRecord, RequestRecord
from calls.records.pauses import open_pause
from calls.records.store import change_record

Operation = Literal["start", "stop"]

ANSWER_TIME = timedelta(seconds=30)
"""After this time without an event, a request may have never reached ACS and can be repeated."""


async def change_streaming(
    clients: Clients,
    call: str,
    operation: Operation,
    operation_context: str | None,
    by: Principal | None = None,
) -> CallRecord:
    """Start or stop a call's media streaming. In a pause, a start ends it, a stop makes it last.

    Args:
        clients: The app's clients.
        call: The call connection id.
        operation: What to do.
        operation_context: Text that ACS returns in the operation's events.
        by: Who asks for it.

    Raises CallNotFound, CallEnded, StreamingStateConflict, AnnouncementNotPlayed, AcsError,
    Contended, AzureError.
    """
    request = new_request(operation, by, datetime.now(UTC))
    if operation == "stop":
        record = await _make_pause_last(clients, call)
        if record is not None and not is_overdue(record, request.time):
            return record

    def decide(record: CallRecord) -> RequestRecord:
        _check_state(record, request)
        if operation == "start":
            require_announced(record)
        return request

    return await send_request(clients, call, decide, operation_context)


async def _make_pause_last(clients: Clients, call: str) -> CallRecord | None:
    """Take away the time limit of the pause that a call is in; None if there is none."""
    is_changed = False

    def apply(record: CallRecord) -> bool:
        nonlocal is_changed
        pause = open_pause(record)
        is_changed = pause is not None and pause.resume_at is not None
        if pause is not None and is_changed:
            record.requests[-1] = msgspec.structs.replace(pause, resume_at=None)
        return is_changed

    record = await change_record(clients.storage, call, apply)
    return record if is_changed else None


def new_request(operation: Operation, by: Principal | None, now: datetime) -> RequestRecord:
    """Create a request that is made now."""
    return RequestRecord(id=uuid.uuid4().hex, operation=operation, time=now, by=by)


async def send_request(
    clients: Clients,
    call: str,
    decide: Callable[[CallRecord], RequestRecord | None],
    operation_context: str | None = None,
    *,
    undo_on: Callable[[AcsError], bool] = lambda _: True,
) -> CallRecord:
    """Add a request to a call's record, and send it to ACS.

    Args:
        clients: The app's clients.
        call: The call connection id.
        decide: Returns the request that a record leads to, or None if nothing is to be done. May
            run several times.
        operation_context: Text that ACS returns in the operation's events.
        undo_on: Whether to remove the request from the record after an error of ACS.

    Returns:
        The call's record.

    Raises CallNotFound, AcsError, Contended, AzureError, and what ``decide`` raises.
    """
    request: RequestRecord | None = None

    def apply(record: CallRecord) -> bool:
        nonlocal request
        if request is not None and any(each.id == request.id for each in record.requests):
            # An earlier attempt has written it; only its response was lost.
            return False
        request = decide(record)
        if request is not None:
            add_request(record, request)
        return request is not None

    # The record gets the request before ACS does: of two concurrent requests, one reaches ACS.
    record = await change_record(clients.storage, call, apply)
    # The type checker does not see that ``apply`` sets it.
    sent: RequestRecord | None = request
    if sent is None:
        return record
    connection = clients.call_automation.get_call_connection(call)
    is_start = sent.operation == "start"
    send = connection.start_media_streaming if is_start else connection.stop_media_streaming
    try:
        # ACS does not recognize repeats of these requests, so the client must not retry them.
        await send(
            operation_callback_url=callback_url(clients.settings),
            operation_context=operation_context,
            retry_total=0,
        )
    except AzureError as error:
        failure = acs_error(f"the media streaming did not {sent.operation}", error)
        if undo_on(failure):
            await change_record(clients.storage, call, lambda record: _remove(record, sent.id))
        raise failure from error
    return record


def _remove(record: CallRecord, request_id: str) -> bool:
    remove_request(record, request_id)
    return True


def _check_state(record: CallRecord, request: RequestRecord) -> None:
    if record.has_ended:
        raise CallEnded
    state = record.streaming.state
    if (state in ("starting", "active")) == (request.operation == "start") and not is_overdue(
        record, request.time
    ):
        raise StreamingStateConflict(state)


def require_announced(record: CallRecord) -> None:
    """Check that a call's announcement lets it be streamed now. Raises AnnouncementNotPlayed."""
    announcement = record.announcement
    reason = forbids_streaming(announcement, record.participants) if announcement else None
    if reason is not None:
        raise AnnouncementNotPlayed(reason)


def is_overdue(record: CallRecord, now: datetime) -> bool:
    """Return whether no event has answered the last request for a while.

    The process that wrote it may have died before it sent it.
    """
    is_pending = record.streaming.state in ("starting", "stopping") and bool(record.requests)
    return is_pending and now - record.requests[-1].time >= ANSWER_TIME
