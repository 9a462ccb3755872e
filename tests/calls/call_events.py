"""Callback events of a call, as ACS sends them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from acs import events
from acs.events import CallbackEvent, EventData
from calls.records.derive import add_event
from calls.records.model import CallRecord
from calls.records.store import change_record
from calls.storage import Storage


def create_event(call: str, name: str, time: datetime, **data: Any) -> CallbackEvent:
    """Create an event; its id is made of its name and time."""
    return CallbackEvent(
        id=f"{name}-{time.isoformat()}",
        type=events.TYPE_PREFIX + name,
        time=time,
        data=EventData(call_connection_id=call, **data),
    )


async def record_events(
    storage: Storage, call: str, start: datetime, *names: str, **fields: Any
) -> CallRecord:
    """Add events, one second after the other, to a call's record, and set its ``fields``.

    The record is created if it does not exist.
    """

    def apply(record: CallRecord) -> bool:
        for field, value in fields.items():
            setattr(record, field, value)
        for second, name in enumerate(names):
            add_event(record, create_event(call, name, start + timedelta(seconds=second)))
        return True

    return await change_record(storage, call, apply, create_at=start)
