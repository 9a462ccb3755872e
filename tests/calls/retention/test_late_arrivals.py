"""What arrives late, and when a deleted call is looked at again; ``test_run`` has the rest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from calls import blobs
from calls.clients import Clients
from calls.records.expiries import list_expiries
from calls.retention.deletions import begin_deletion
from calls.retention.late_arrivals import (
    delete_late_arrivals,
    removing_late_arrivals,
    watch_for_late_arrivals,
)
from calls.retention.run import run_deletion
from contract import names
from tests.calls.retention.calls_to_delete import ADMIN, Clock
from tests.calls.sample_streams import new_call_id

# Long before all that other tests write.
DELETED_AT = datetime(2002, 3, 1, 12, tzinfo=UTC)


async def test_a_failure_is_raised_unless_the_call_is_deleted(clients: Clients) -> None:
    call = new_call_id()
    with pytest.raises(ZeroDivisionError):
        async with removing_late_arrivals(clients.storage, call):
            raise ZeroDivisionError
    await begin_deletion(clients.storage, call, "call", ADMIN, Clock()())
    async with removing_late_arrivals(clients.storage, call):
        raise ZeroDivisionError


async def test_what_is_written_within_is_kept_unless_the_call_is_deleted(clients: Clients) -> None:
    call, clock = new_call_id(), Clock()
    async with removing_late_arrivals(clients.storage, call):
        await clients.storage.put(names.DRAFTS, f"{call}/a", b"")
    assert not await delete_late_arrivals(clients.storage, call)
    assert await clients.storage.blob_names(names.DRAFTS, f"{call}/") == [f"{call}/a"]
    deletion = await begin_deletion(clients.storage, call, "call", ADMIN, clock())
    await run_deletion(clients.storage, deletion.receipt.id, clock)
    async with removing_late_arrivals(clients.storage, call):
        await clients.storage.put(names.DRAFTS, f"{call}/a", b"")
    assert await clients.storage.blob_names(names.DRAFTS, f"{call}/") == []


async def test_a_deleted_call_is_looked_at_a_day_a_week_and_a_month_later(
    clients: Clients,
) -> None:
    call = new_call_id()
    await begin_deletion(clients.storage, call, "call", ADMIN, DELETED_AT)
    looks, now = [], DELETED_AT
    for _ in range(4):
        await watch_for_late_arrivals(clients.storage, call, now)
        entries = await list_expiries(clients.storage, DELETED_AT + timedelta(days=99))
        for entry in entries:
            await clients.storage.delete(blobs.RETENTION, entry.blob)
            day, listed = blobs.parse_expiry_blob(entry.blob)
            assert listed == call
            looks.append((day - DELETED_AT.date()).days)
            now = datetime(day.year, day.month, day.day, tzinfo=UTC)
    assert looks == [2, 8, 31]


async def test_a_call_that_was_not_deleted_is_not_watched(clients: Clients) -> None:
    before = await list_expiries(clients.storage, DELETED_AT)
    await watch_for_late_arrivals(clients.storage, new_call_id(), DELETED_AT)
    assert await list_expiries(clients.storage, DELETED_AT) == before
