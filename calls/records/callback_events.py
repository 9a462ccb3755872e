"""Recording callback events: each one once, in any order, and only in its own call's record."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from http import HTTPStatus

from acs.events import CallbackEvent
from calls import refusals
from calls.errors import EventMismatch
from calls.records.derive import add_event
from calls.records.event_matching import mismatched_id
from calls.records.model import CallRecord
from calls.records.store import change_record
from calls.settings import Check
from calls.storage import Storage
from event_log import log_event

_log = logging.getLogger(__name__)


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
