"""Hanging up a call for all its participants."""

from __future__ import annotations

from azure.core.exceptions import AzureError

from calls.clients import Clients
from calls.control.acs_errors import acs_error
from calls.errors import CallEnded
from calls.records.store import read_record


async def hang_up(clients: Clients, call: str) -> None:
    """Hang up for everyone. Raises CallNotFound, CallEnded, AcsError, AzureError."""
    record = await read_record(clients.storage, call)
    if record.has_ended:
        raise CallEnded
    try:
        await clients.call_automation.get_call_connection(call).hang_up(True)
    except AzureError as error:
        raise acs_error("the call was not hung up", error) from error
