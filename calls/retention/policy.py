"""How long a call is kept: its own retention, or that of the settings. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from calls.records.model import CallRecord
from calls.settings import Settings

MAX_RETENTION_DAYS = 36_500


def expires_at(
    record: CallRecord | None, began_at: datetime, settings: Settings
) -> datetime | None:
    """Return when a call expires; None if it is kept indefinitely.

    Args:
        record: The call's record; None for a call that this app did not place.
        began_at: When the call began, for a call whose end is not known.
        settings: RETENTION_DAYS and RETENTION_DAYS_INCOMING.
    """
    days = settings.retention_days
    if record is not None:
        if record.direction == "incoming" and settings.retention_days_incoming >= 0:
            days = settings.retention_days_incoming
        if record.retention_days is not None:
            days = record.retention_days
    return _after(record, began_at, days)


def segments_expire_at(
    record: CallRecord | None, began_at: datetime, settings: Settings
) -> datetime | None:
    """Return when a call's segments and manifests expire; None if they expire with the call."""
    return _after(record, began_at, settings.segment_days)


def _after(record: CallRecord | None, began_at: datetime, days: int) -> datetime | None:
    if not days:
        return None
    ended_at = record.ended_at if record is not None else None
    return (ended_at or began_at) + timedelta(days=days)
