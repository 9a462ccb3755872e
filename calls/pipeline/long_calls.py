"""Hanging up calls that are longer than MAX_CALL_MINUTES, placed and answered ones.

A timer looks every minute. So a call lasts at most a minute longer, and the time that ACS takes;
longer only while the app, Blob Storage or ACS is down, and then until the next run that succeeds.
The call's record says that the app hung up, and why.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta

from azure.core.exceptions import AzureError

from calls import audit
from calls.clients import Clients, get_clients
from calls.control.hanging_up import hang_up
from calls.errors import CallAudioError, CallNotFound, LongCallsNotHungUp
from calls.principals import SYSTEM
from calls.records.model import CallRecord
from calls.records.store import change_record, read_record
from calls.records.unsettled import list_unsettled
from event_log import log_event

REASON = "max_call_minutes"

_CALL_SECONDS = 40.0
"""The longest time for one call: the next run begins a minute after this one."""

_CALLS_AT_ONCE = 16

_log = logging.getLogger(__name__)


async def hang_up_long_calls() -> None:
    """Hang up the calls that are too long now.

    Raises LongCallsNotHungUp, AzureError: an alert counts the failed runs.
    """
    await hang_up_longer_than_allowed(get_clients(), datetime.now(UTC))


async def hang_up_longer_than_allowed(clients: Clients, now: datetime) -> None:
    """Hang up the calls that are too long at a time. Raises LongCallsNotHungUp, AzureError."""
    if not clients.settings.max_call_minutes:
        return
    longest = timedelta(minutes=clients.settings.max_call_minutes)
    # An entry is written before its call's record, and so before the call is connected.
    calls = [
        entry.call_connection_id
        for entry in await list_unsettled(clients.storage)
        if now - entry.written_at >= longest
    ]
    limit = asyncio.Semaphore(_CALLS_AT_ONCE)

    async def visit(call: str) -> bool:
        async with limit:
            return await _hang_up_or_log(clients, call, now)

    failures = (await asyncio.gather(*map(visit, calls))).count(False)
    if failures:
        raise LongCallsNotHungUp(failures)


async def _hang_up_or_log(clients: Clients, call: str, now: datetime) -> bool:
    """Hang up a call if it is too long. Returns False after a failure, which is logged."""
    try:
        async with asyncio.timeout(_CALL_SECONDS):
            await hang_up_if_too_long(clients, call, now)
    except CallNotFound:
        # The process that wrote the entry has not written the record, or died.
        return True
    except (AzureError, CallAudioError, TimeoutError) as error:
        log_event(
            _log, logging.ERROR, "long_call_not_hung_up", call=call, error=type(error).__name__
        )
        return False
    return True


async def hang_up_if_too_long(clients: Clients, call: str, now: datetime) -> bool:
    """Hang up a call if it is too long at a time. Returns whether it is.

    Raises CallNotFound, Contended, AcsError, AzureError.
    """
    longest = timedelta(minutes=clients.settings.max_call_minutes)

    def is_too_long(record: CallRecord) -> bool:
        return not record.has_ended and now - (record.connected_at or record.created_at) >= longest

    def note_reason(record: CallRecord) -> bool:
        if not is_too_long(record) or record.hung_up_reason == REASON:
            return False
        record.hung_up_reason = REASON
        return True

    if not is_too_long(await read_record(clients.storage, call)):
        return False
    record = await change_record(clients.storage, call, note_reason)
    if not is_too_long(record):
        return False
    await hang_up(clients, call)
    log_event(_log, logging.WARNING, "call_hung_up", call=call, reason=REASON)
    await audit.record_action(
        clients.storage, "hang_up", SYSTEM, call=call, details={"reason": REASON}
    )
    return True
