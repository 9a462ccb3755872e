"""Starting and stopping the media streaming of a call."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Literal

from azure.core.exceptions import AzureError

from calls.clients import Clients
from calls.control.acs_errors import acs_error
from calls.control.new_calls import callback_url
from calls.errors import CallEnded, StreamingStateConflict
from calls.records.derive import add_request, remove_request
from calls.records.model import CallRecord, RequestRecord
from calls.records.store import change_record

Operation = Literal["start", "stop"]

ANSWER_TIME = timedelta(seconds=30)
"""After this time without an event, a request may have never reached ACS and can be repeated."""


async def change_streaming(
    clients: Clients, call: str, operation: Operation, operation_context: str | None
) -> CallRecord:
    """Start or stop a call's media streaming.

    Args:
        clients: The app's clients.
        call: The call connection id.
        operation: What to do.
        operation_context: Text that ACS returns in the operation's events.

    Raises CallNotFound, CallEnded, StreamingStateConflict, AcsError, Contended, AzureError.
    """
    request = RequestRecord(id=uuid.uuid4().hex, operation=operation, time=datetime.now(UTC))

    def apply(record: CallRecord) -> bool:
        if any(existing.id == request.id for existing in record.requests):
            # An earlier attempt has written it; only its response was lost.
            return False
        _check_state(record, request)
        add_request(record, request)
        return True

    # The record gets the request before ACS does: of two concurrent requests, one reaches ACS.
    record = await change_record(clients.storage, call, apply)
    connection = clients.call_automation.get_call_connection(call)
    send = (
        connection.start_media_streaming
        if operation == "start"
        else connection.stop_media_streaming
    )
    try:
        # ACS does not recognize repeats of these requests, so the client must not retry them.
        await send(
            operation_callback_url=callback_url(clients.settings),
            operation_context=operation_context,
            retry_total=0,
        )
    except AzureError as error:

        def undo(record: CallRecord) -> bool:
            remove_request(record, request.id)
            return True

        await change_record(clients.storage, call, undo)
        raise acs_error(f"the media streaming did not {operation}", error) from error
    return record


def _check_state(record: CallRecord, request: RequestRecord) -> None:
    if record.has_ended:
        raise CallEnded
    state = record.streaming.state
    is_pending = state in ("starting", "stopping") and bool(record.requests)
    # The process that wrote the last request may have died before it sent it.
    is_overdue = is_pending and request.time - record.requests[-1].time >= ANSWER_TIME
    if (state in ("starting", "active")) == (request.operation == "start") and not is_overdue:
        raise StreamingStateConflict(state)
