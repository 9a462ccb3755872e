"""Compacting the index on a schedule."""

from __future__ import annotations

from calls.clients import get_clients
from calls.index.call_index import get_index
from calls.index.compaction import compact


async def compact_index() -> None:
    """Write what has changed in the index; the first time, all of it.

    Raises Contended, AzureError, sqlite3.Error.
    """
    await compact(get_index(get_clients()))
