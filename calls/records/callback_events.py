"""Recording callback events: each one once, in any order, and only in its own call's record."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from http import HTTPStatus

from acs.events import CallbackEvent
from calls import refusals
from calls.errors import CallDeleted, CallNotFound, EventMismatch, OriginUnknown
from calls.records.derive import add_event
from calls.records.event_matching import mismatched_id, names_call
from calls.records.model import CallRecord
from calls.records.store import change_record, read_record
from calls.settings import Check
from calls.storage import Storage
from event_log import log_event

_log = logging.getLogger(__name__)

ORIGIN_WAIT_SECONDS = 5.0
"""How long to wait until ACS's response with a new call's ids is recorded. A callback is sent again
only if ACS does so, and how often it does is not documented."""

_ORIGIN_POLL_SECONDS = 0.25


async def record_callback_event(storage: Storage, event: CallbackEvent, check: Check) -> CallRecord:
    """Add a callback event to its call's record.

    Args:
        storage: Where records are kept.
        event: The event; its call connection id must have been checked.
        check: What to do with an event whose ids are not its call's (CALLBACK_IDS_CHECK).

    Returns:
        The record.

    Raises EventMismatch, Contended, AzureError.
    """
    call = event.data.call_connection_id

    def apply(record: CallRecord) -> bool:
        reason = mismatched_id(record, event) if check != "off" else None
        if reason is not None:
            if check == "require":
                raise EventMismatch(reason)
            refusals.log_warned(
                refusals.CALLBACKS, HTTPStatus.FORBIDDEN, reason, f"{event.name} {call}"
            )
        return add_event(record, event)

    # An event may arrive before ACS's response with the call's id, and must not be lost. The list
    # is sorted by when calls began, which cannot be later than now, whatever an event says.
    begun_at = min(event.time, datetime.now(UTC))
    record = await change_record(storage, call, apply, create_at=begun_at)
    log_event(_log, logging.INFO, "callback_event_recorded", call=call, type=event.name)
    return record


async def record_event_of_known_call(
    storage: Storage, event: CallbackEvent, wait_seconds: float | None = None
) -> CallRecord:
    """Add an event to the record of a call that it names by an id that strangers do not know.

    For an event whose sender is ACS, but perhaps on behalf of somebody else's resource: it creates
    no record, and must have one of the ids that ACS returned when the call was placed or answered.

    Raises OriginUnknown, CallDeleted, EventMismatch, Contended, AzureError.
    """
    call = event.data.call_connection_id
    seconds = ORIGIN_WAIT_SECONDS if wait_seconds is None else wait_seconds
    await _wait_for_origin(storage, call, seconds)

    def apply(record: CallRecord) -> bool:
        reason = mismatched_id(record, event)
        if reason is None and not names_call(record, event):
            reason = "no_matching_id"
        if reason is not None:
            raise EventMismatch(reason)
        return add_event(record, event)

    record = await change_record(storage, call, apply)
    log_event(_log, logging.INFO, "callback_event_recorded", call=call, type=event.name)
    return record


async def _wait_for_origin(storage: Storage, call: str, seconds: float) -> None:
    """Wait until a call's record has the ids that ACS returned. Raises OriginUnknown, CallDeleted.

    An event may be faster than ACS's response.
    """
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + seconds
    while True:
        try:
            if (await read_record(storage, call)).origin_known:
                return
        except CallDeleted:
            raise
        except CallNotFound:
            pass
        if loop.time() >= ends_at:
            raise OriginUnknown(call)
        await asyncio.sleep(_ORIGIN_POLL_SECONDS)
