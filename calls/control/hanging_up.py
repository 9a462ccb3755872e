"""Hanging up a call for all its participants."""

from __future__ import annotations

from http import HTTPStatus

from azure.core.exceptions import AzureError, HttpResponseError

from calls.clients import Clients
from calls.control.acs_errors import acs_error
from calls.records.store import read_record


async def hang_up(clients: Clients, call: str) -> None:
    """Hang up for everyone; do nothing if the call has ended.

    Raises CallNotFound, AcsError, AzureError.
    """
    record = await read_record(clients.storage, call)
    if record.has_ended:
        return
    try:
        await clients.call_automation.get_call_connection(call).hang_up(True)
    except AzureError as error:
        has_ended = (
            isinstance(error, HttpResponseError) and error.status_code == HTTPStatus.NOT_FOUND
        )
        # ACS forgets a call when it ends, and the event that says so may still be on its way.
        if not has_ended:
            raise acs_error("the call was not hung up", error) from error
