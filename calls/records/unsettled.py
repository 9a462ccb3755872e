"""The index of unsettled calls: those for which the reconciler may still have something to do.

Each call has an empty blob here, written before its record and deleted once the record is
finalized. So a process that dies between two writes leaves an entry too many, never one too few;
the reconciler deletes it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from acs.identifiers import is_call_connection_id
from calls import blobs
from calls.listings import log_foreign
from calls.storage import Storage

WITHOUT_RECORD = timedelta(hours=1)
"""After this time, nobody writes the record of an entry that has none: its process died."""


class UnsettledCall(NamedTuple):
    """An entry of the index, as it was when it was listed."""

    call_connection_id: str
    written_at: datetime
    etag: str


async def add_unsettled(storage: Storage, call_connection_id: str) -> None:
    """Add a call to the index, before its record is written. Raises AzureError."""
    await storage.put(blobs.UNSETTLED, blobs.unsettled_blob(call_connection_id), b"")


async def list_unsettled(storage: Storage) -> list[UnsettledCall]:
    """List all unsettled calls, sorted by their ids. Raises AzureError."""
    prefix = blobs.unsettled_blob("")
    entries = await storage.listing(blobs.UNSETTLED, prefix)
    own = {blob: call for blob in entries if is_call_connection_id(call := blob[len(prefix) :])}
    log_foreign(blobs.UNSETTLED, entries.keys() - own.keys())
    return [
        UnsettledCall(call, entries[blob].last_modified, entries[blob].etag)
        for blob, call in own.items()
    ]


async def remove_unsettled(storage: Storage, entry: UnsettledCall) -> None:
    """Remove a call from the index, unless it has been added again since. Raises AzureError."""
    blob = blobs.unsettled_blob(entry.call_connection_id)
    await storage.delete(blobs.UNSETTLED, blob, entry.etag)


async def read_position(storage: Storage) -> str:
    """Return the call at which the last run of the reconciler has ended. Raises AzureError."""
    document = await storage.read(blobs.UNSETTLED, blobs.RECONCILER_POSITION)
    return document.content.decode(errors="replace") if document else ""


async def write_position(storage: Storage, call_connection_id: str) -> None:
    """Write the call from which the next run of the reconciler goes on. Raises AzureError."""
    await storage.put(blobs.UNSETTLED, blobs.RECONCILER_POSITION, call_connection_id.encode())
