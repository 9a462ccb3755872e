"""Starting and stopping the media streaming of a call."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
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
        _check_state(record, operation)
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


def _check_state(record: CallRecord, operation: Operation) -> None:
    if record.has_ended:
        raise CallEnded
    state = record.streaming.state
    if (state in ("starting", "active")) == (operation == "start"):
        raise StreamingStateConflict(state)
