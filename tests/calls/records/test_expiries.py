"""The index of expiries, in a real Azurite."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from calls.clients import Clients
from calls.records import expiries
from calls.records.expiries import Expiry, add_expiry, list_expiries, remove_expiry
from tests.calls.handler_requests import create_record
from tests.calls.sample_streams import STARTED_AT, new_call_id

# Long before all that other tests write.
NOW = datetime(2001, 3, 1, 15, tzinfo=UTC)


async def listed(clients: Clients, now: datetime) -> list[str]:
    entries = await list_expiries(clients.storage, now)
    for entry in entries:
        await remove_expiry(clients.storage, entry)
    return [entry.call_connection_id for entry in entries]


async def test_a_call_is_listed_from_the_day_after_on(clients: Clients) -> None:
    call = new_call_id()
    await add_expiry(clients.storage, call, NOW)
    assert await listed(clients, NOW) == []
    assert await listed(clients, NOW.replace(hour=23, minute=59)) == []
    assert await listed(clients, datetime(2001, 3, 2, tzinfo=UTC)) == [call]
    assert await listed(clients, NOW + timedelta(days=9)) == []


async def test_the_oldest_come_first_and_are_limited(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = [new_call_id() for _ in range(3)]
    for days, call in enumerate(calls):
        await add_expiry(clients.storage, call, NOW - timedelta(days=days))
    monkeypatch.setattr(expiries, "MAX_ENTRIES", 2)
    later = NOW + timedelta(days=2)
    assert await listed(clients, later) == calls[:0:-1]
    assert await listed(clients, later) == calls[:1]


async def test_a_blob_of_another_name_is_skipped(clients: Clients) -> None:
    await clients.storage.put("retention", "expiry/2001-02-30/a-call", b"")
    await clients.storage.put("retention", "expiry/2001-02-01/a/b", b"")
    call = new_call_id()
    await add_expiry(clients.storage, call, NOW)
    assert await listed(clients, NOW + timedelta(days=1)) == [call]


async def test_a_new_record_is_listed_for_the_next_day(clients: Clients) -> None:
    call = new_call_id()
    await create_record(clients, call)
    blob = f"expiry/{STARTED_AT.date() + timedelta(days=1)}/{call}"
    assert await clients.storage.blob_names("retention", blob) == [blob]
    await remove_expiry(clients.storage, Expiry(blob, call))
    assert await clients.storage.blob_names("retention", blob) == []
