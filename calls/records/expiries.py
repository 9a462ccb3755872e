"""The index of expiries: which call to look at on which day. Retention needs no other listing.

An entry does not say that its call expires on its day, only that somebody must look at it then:
that is when the call's retention, the settings and its hold decide. Each call has an entry from its
record's creation on, for the following day; whoever looks at it writes the next entry.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from calls import blobs
from calls.listings import parse_names
from calls.storage import Storage

MAX_ENTRIES = 5000
"""The most entries that one run reads: the oldest."""


class Expiry(NamedTuple):
    """An entry of the index."""

    blob: str
    call_connection_id: str


async def add_expiry(storage: Storage, call: str, moment: datetime) -> None:
    """Have a call looked at on the day after ``moment``. Raises AzureError."""
    day = moment.astimezone(UTC).date() + timedelta(days=1)
    await storage.put(blobs.RETENTION, blobs.expiry_blob(day, call), b"")


async def list_expiries(storage: Storage, now: datetime) -> list[Expiry]:
    """List the entries until today, the oldest first. Raises AzureError."""
    last = blobs.expiry_blob(now.astimezone(UTC).date(), "") + "~"
    listing = await storage.blob_names_until(blobs.RETENTION, "expiry/", last, MAX_ENTRIES)
    parsed = parse_names(blobs.RETENTION, listing, blobs.parse_expiry_blob)
    return [Expiry(blob, call) for blob, (_, call) in parsed.items()]


async def remove_expiry(storage: Storage, entry: Expiry) -> None:
    """Remove an entry whose call was looked at. Raises AzureError."""
    await storage.delete(blobs.RETENTION, entry.blob)
