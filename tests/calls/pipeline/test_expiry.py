"""What expires is deleted, and what is held is not, by a clock that the test sets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from calls import blobs
from calls.clients import Clients
from calls.errors import CallDeleted
from calls.events.dead_letters import write_letter
from calls.pipeline import expiry
from calls.pipeline.expiry import visit_expiries
from calls.pipeline.retention import run_unfinished
from calls.records.expiries import Expiry, list_expiries, remove_expiry
from calls.records.store import read_record
from calls.retention.deletions import begin_deletion, read_deletion
from calls.retention.holds import place_hold, release_hold
from calls.retention.model import SYSTEM_RETENTION
from contract import names
from tests.calls.call_events import record_events
from tests.calls.events.test_dead_letters import message_of_deleted
from tests.calls.retention.calls_to_delete import ADMIN, Clock
from tests.calls.sample_streams import SampleStream, new_call_id, noise
from tests.calls.stream_uploader import StreamUploader

# Long before all that other tests write: a run visits only this file's calls.
BEGAN = datetime(2003, 3, 1, 12, tzinfo=UTC)


async def create_call(clients: Clients, *events: str, **fields: Any) -> str:
    call = new_call_id()
    names_ = events or ("CallConnected", "CallDisconnected")
    await record_events(clients.storage, call, BEGAN, *names_, **fields)
    return call


async def run_daily(clients: Clients, clock: Clock, days: int) -> None:
    """Run the timer's function once a day."""
    for _ in range(days):
        clock.advance(days=1)
        await visit_expiries(clients, clock)
        await run_unfinished(clients, clock)


async def exists(clients: Clients, call: str) -> bool:
    try:
        await read_record(clients.storage, call)
    except CallDeleted:
        return False
    return True


@pytest.fixture
def clock() -> Clock:
    return Clock(BEGAN)


@pytest.fixture
def settings(clients: Clients) -> Any:
    def change(**fields: int) -> None:
        clients.settings = msgspec.structs.replace(clients.settings, **fields)

    return change


async def test_a_call_is_deleted_the_day_after_it_expires(
    clients: Clients, clock: Clock, settings: Any
) -> None:
    settings(retention_days=3, retention_days_incoming=1)
    outgoing = await create_call(clients, direction="outgoing")
    incoming = await create_call(clients, direction="incoming")
    own = await create_call(clients, direction="incoming", retention_days=5)
    deleted_on: dict[str, int] = {}
    for day in range(1, 9):
        await run_daily(clients, clock, 1)
        for call in (outgoing, incoming, own):
            if not await exists(clients, call):
                deleted_on.setdefault(call, day)
    assert deleted_on == {incoming: 2, outgoing: 4, own: 6}
    with pytest.raises(CallDeleted) as deleted:
        await read_record(clients.storage, own)
    receipt = (await read_deletion(clients.storage, deleted.value.deletion_id)).receipt
    assert (receipt.state, receipt.requested_by) == ("completed", SYSTEM_RETENTION)


async def test_a_hold_wins_over_retention_until_it_is_released(
    clients: Clients, clock: Clock, settings: Any
) -> None:
    settings(retention_days=2, segment_days=1)
    call = await create_call(clients)
    await clients.storage.put(names.DRAFTS, f"{call}/a", b"")
    await place_hold(clients.storage, call, "a claim", ADMIN, clock())
    await run_daily(clients, clock, 20)
    assert await exists(clients, call)
    assert await clients.storage.blob_names(names.DRAFTS, f"{call}/") == [f"{call}/a"]
    await release_hold(clients.storage, call, ADMIN, clock())
    await run_daily(clients, clock, 1)
    assert not await exists(clients, call)
    assert await clients.storage.blob_names(names.DRAFTS, f"{call}/") == []


async def test_a_hold_that_comes_between_the_look_and_the_deletion_wins(
    clients: Clients, clock: Clock, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(retention_days=1)
    call = await create_call(clients)
    begin = begin_deletion

    async def hold_first(*args: Any) -> Any:
        await place_hold(clients.storage, call, "a claim", ADMIN, clock())
        return await begin(*args)

    with monkeypatch.context() as patch:
        patch.setattr(expiry, "begin_deletion", hold_first)
        await run_daily(clients, clock, 3)
    assert await exists(clients, call)
    await release_hold(clients.storage, call, ADMIN, clock())
    await run_daily(clients, clock, 2)
    assert not await exists(clients, call)


async def test_segments_expire_before_their_call(
    uploader: StreamUploader, clock: Clock, settings: Any
) -> None:
    clients = uploader.clients
    settings(retention_days=6, segment_days=2)
    call = await create_call(clients)
    await uploader.process(SampleStream(call, {None: noise(16_000)}, start=BEGAN))
    await run_daily(clients, clock, 2)
    assert len(await clients.storage.blob_names(names.SEGMENTS, f"{call}/")) == 1
    await run_daily(clients, clock, 1)
    for container in (names.SEGMENTS, names.MANIFESTS):
        assert await clients.storage.blob_names(container, f"{call}/") == []
    assert await clients.storage.blob_names(blobs.RECORDINGS, f"{call}/") != []
    await run_daily(clients, clock, 5)
    assert await clients.storage.blob_names(blobs.RECORDINGS, f"{call}/") == []
    assert not await exists(clients, call)


async def test_a_call_that_goes_on_does_not_expire(
    clients: Clients, clock: Clock, settings: Any
) -> None:
    settings(retention_days=2)
    call = await create_call(clients, "CallConnected")
    await run_daily(clients, clock, 5)
    assert await exists(clients, call)
    ended_at = clock()
    await record_events(clients.storage, call, ended_at, "CallDisconnected")
    await run_daily(clients, clock, 1)
    assert await exists(clients, call)
    await run_daily(clients, clock, 2)
    assert not await exists(clients, call)


async def test_a_changed_setting_holds_for_older_calls(
    clients: Clients, clock: Clock, settings: Any
) -> None:
    settings(retention_days=0)
    call = await create_call(clients)
    await run_daily(clients, clock, 40)
    assert await exists(clients, call)
    settings(retention_days=7)
    await run_daily(clients, clock, 31)
    assert not await exists(clients, call)


async def test_a_call_without_a_record_expires(uploader: StreamUploader, settings: Any) -> None:
    clients, clock, call = uploader.clients, Clock(), new_call_id()
    settings(retention_days=2)
    await uploader.process(SampleStream(call, {None: noise(16_000)}))
    (entry,) = [
        e
        for e in await list_expiries(clients.storage, clock() + timedelta(days=2))
        if e.call_connection_id == call
    ]
    clock.advance(days=1)
    await expiry.visit_call(clients, entry, clock())
    clock.advance(days=2)
    (entry,) = [
        e for e in await list_expiries(clients.storage, clock()) if e.call_connection_id == call
    ]
    await expiry.visit_call(clients, entry, clock())
    await run_unfinished(clients, clock)
    assert await clients.storage.blob_names(blobs.RESULTS, f"{call}/") == []


async def test_an_entry_whose_call_never_had_anything_is_dropped(
    clients: Clients, clock: Clock
) -> None:
    call = await create_call(clients)
    await clients.storage.delete(blobs.CALLS, blobs.call_blob(call))
    await run_daily(clients, clock, 1)
    later = clock() + timedelta(days=99)
    assert call not in {e.call_connection_id for e in await list_expiries(clients.storage, later)}


async def test_a_dead_letter_of_a_deleted_call_expires(clients: Clients, clock: Clock) -> None:
    storage, call = clients.storage, await create_call(clients)
    await begin_deletion(storage, call, "call", ADMIN, clock())
    await run_daily(clients, clock, 2)
    await write_letter(storage, message_of_deleted(call), "status 500", clock())
    prefix = blobs.deleted_call_deliveries_prefix(call)
    await run_daily(clients, clock, 30)
    assert len(await storage.blob_names(blobs.DELIVERIES, prefix)) == 1
    await run_daily(clients, clock, 1)
    assert await storage.blob_names(blobs.DELIVERIES, prefix) == []
    later = clock() + timedelta(days=99)
    assert call not in {e.call_connection_id for e in await list_expiries(storage, later)}


async def test_what_no_event_reports_is_deleted_when_a_deleted_call_is_looked_at(
    clients: Clients, clock: Clock, settings: Any
) -> None:
    settings(retention_days=1)
    call = await create_call(clients)
    await run_daily(clients, clock, 3)
    assert not await exists(clients, call)
    for days in (1, 7, 30):
        await clients.storage.put(names.DRAFTS, f"{call}/late", b"")
        await run_daily(clients, clock, days)
        assert await clients.storage.blob_names(names.DRAFTS, f"{call}/") == []
    later = clock() + timedelta(days=999)
    listed = await list_expiries(clients.storage, later)
    assert call not in {entry.call_connection_id for entry in listed}


async def test_an_export_is_deleted_the_day_after_it_was_made(
    clients: Clients, clock: Clock
) -> None:
    call = await create_call(clients)
    prefix = blobs.export_blob(call, "")
    await clients.storage.put(blobs.RESULTS, blobs.export_zip_blob(call), b"PK")
    # It is younger than an hour by the service's clock: there is another look on the next day.
    now = datetime.now(UTC)
    entry = Expiry(blobs.expiry_blob(now.date(), call), call)
    await expiry.visit_call(clients, entry, now)
    assert await clients.storage.blob_names(blobs.RESULTS, prefix) != []
    tomorrow = Expiry(blobs.expiry_blob(now.date() + timedelta(days=1), call), call)
    later = now + timedelta(hours=2)
    assert await clients.storage.properties(blobs.RETENTION, tomorrow.blob) is not None
    await expiry.visit_call(clients, tomorrow, later)
    assert await clients.storage.blob_names(blobs.RESULTS, prefix) == []
    await remove_expiry(clients.storage, tomorrow)


async def test_a_call_that_fails_does_not_stop_the_others(
    clients: Clients, clock: Clock, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(retention_days=1)
    calls = [await create_call(clients) for _ in range(3)]
    visit = expiry.visit_call

    async def fail_once(clients: Clients, entry: Any, now: datetime) -> None:
        if entry.call_connection_id == calls[0]:
            raise ZeroDivisionError
        await visit(clients, entry, now)

    monkeypatch.setattr(expiry, "visit_call", fail_once)
    await run_daily(clients, clock, 3)
    assert [await exists(clients, call) for call in calls] == [True, False, False]
    monkeypatch.setattr(expiry, "visit_call", visit)
    await run_daily(clients, clock, 3)
    assert not await exists(clients, calls[0])


async def test_a_run_is_bounded_and_the_next_one_begins_where_it_ended(
    clients: Clients, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = sorted([await create_call(clients) for _ in range(3)])
    clock.advance(days=1)
    visited: list[str] = []

    async def visit(clients: Clients, entry: Any, now: datetime) -> None:
        if entry.call_connection_id in calls:
            visited.append(entry.call_connection_id)

    monkeypatch.setattr(expiry, "visit_call", visit)
    monkeypatch.setattr(expiry, "_AT_ONCE", 1)  # side by side, they may overtake each other
    with monkeypatch.context() as patch:
        patch.setattr(expiry, "RUN_TIME", timedelta(0))
        await visit_expiries(clients, clock)
    assert visited == []
    position = blobs.expiry_blob(clock().date(), calls[0])
    await clients.storage.put(blobs.RETENTION, blobs.EXPIRY_POSITION, position.encode())
    await visit_expiries(clients, clock)
    assert visited == [calls[1], calls[2], calls[0]]
    for entry in await list_expiries(clients.storage, clock()):
        await remove_expiry(clients.storage, entry)
