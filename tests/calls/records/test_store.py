"""Call records in a real Azurite: changed under their ETag, and listed newest first."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import HttpResponseError

from calls import blobs
from calls.clients import Clients
from calls.errors import CallNotFound, Contended, InvalidCursor
from calls.records.model import CallRecord
from calls.records.store import change_record, list_newest, read_record
from calls.storage import Page
from tests.calls.call_events import record_events
from tests.calls.sample_streams import STARTED_AT, new_call_id

FAR_FUTURE = datetime(2200, 1, 1, tzinfo=UTC)
"""Calls of this time are the first of the list, whatever calls other tests create."""


async def test_a_call_without_a_record_is_not_found(clients: Clients) -> None:
    call = new_call_id()
    with pytest.raises(CallNotFound, match=call):
        await read_record(clients.storage, call)
    with pytest.raises(CallNotFound, match=call):
        await change_record(clients.storage, call, lambda _: True)
    assert await clients.storage.read(blobs.CALLS, blobs.call_blob(call)) is None


async def test_a_new_record_is_written_and_listed(clients: Clients) -> None:
    call = new_call_id()

    def apply(record: CallRecord) -> bool:
        record.to = "+15551230000"
        return True

    record = await change_record(clients.storage, call, apply, create_at=STARTED_AT)
    assert (record.call_connection_id, record.created_at) == (call, STARTED_AT)
    assert await read_record(clients.storage, call) == record
    index = blobs.index_blob(STARTED_AT, call)
    assert await clients.storage.properties(blobs.INDEX, index) is not None


async def test_a_record_that_does_not_change_is_not_written(clients: Clients) -> None:
    call = new_call_id()
    await change_record(clients.storage, call, lambda _: True, create_at=STARTED_AT)
    before = await clients.storage.read(blobs.CALLS, blobs.call_blob(call))
    await change_record(clients.storage, call, lambda _: False)
    after = await clients.storage.read(blobs.CALLS, blobs.call_blob(call))
    assert before is not None
    assert after is not None
    assert after.etag == before.etag


async def test_changes_at_the_same_time_are_all_kept(clients: Clients) -> None:
    """Some also create the record."""
    call = new_call_id()

    async def change(name: str) -> None:
        def apply(record: CallRecord) -> bool:
            record.participants.append(name)
            return True

        await change_record(clients.storage, call, apply, create_at=STARTED_AT)

    names = [f"4:+1555000000{number}" for number in range(6)]
    await asyncio.gather(*map(change, names))
    record = await read_record(clients.storage, call)
    assert sorted(record.participants) == names


async def test_a_record_that_changes_before_every_attempt_is_contended(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = new_call_id()
    await change_record(clients.storage, call, lambda _: True, create_at=STARTED_AT)

    async def replace(*_: object) -> bool:
        return False

    monkeypatch.setattr(clients.storage, "replace", replace)
    with pytest.raises(Contended, match=call):
        await change_record(clients.storage, call, lambda _: True)


async def test_what_the_change_raises_leaves_the_record_as_it_was(clients: Clients) -> None:
    call = new_call_id()

    def fail(record: CallRecord) -> bool:
        record.to = "+15551230000"
        raise LookupError

    with pytest.raises(LookupError):
        await change_record(clients.storage, call, fail, create_at=STARTED_AT)
    with pytest.raises(CallNotFound):
        await read_record(clients.storage, call)
    await change_record(clients.storage, call, lambda _: True, create_at=STARTED_AT)
    with pytest.raises(LookupError):
        await change_record(clients.storage, call, fail)
    assert (await read_record(clients.storage, call)).to is None


async def test_the_newest_calls_come_first_page_by_page(clients: Clients) -> None:
    calls = [new_call_id() for _ in range(5)]
    for number, call in enumerate(calls):
        created_at = FAR_FUTURE - timedelta(seconds=number)
        await change_record(clients.storage, call, lambda _: True, create_at=created_at)
    listed: list[str] = []
    cursor: str | None = None
    while len(listed) < len(calls):
        records, cursor = await list_newest(clients.storage, 2, cursor)
        assert len(records) <= 2
        listed += [record.call_connection_id for record in records]
        assert cursor is not None or len(listed) >= len(calls)
    assert listed[:5] == calls
    for number, call in enumerate(calls):
        index = blobs.index_blob(FAR_FUTURE - timedelta(seconds=number), call)
        await clients.storage.delete(blobs.INDEX, index)


async def test_a_call_that_is_indexed_twice_is_listed_once(clients: Clients) -> None:
    call = new_call_id()
    await change_record(clients.storage, call, lambda _: True, create_at=STARTED_AT)
    indexes = [blobs.index_blob(FAR_FUTURE + timedelta(seconds=n), call) for n in range(2)]
    for index in indexes:
        await clients.storage.put(blobs.INDEX, index, b"")
    records, _ = await list_newest(clients.storage, 2, None)
    assert [record.call_connection_id for record in records] == [call]
    for index in indexes:
        await clients.storage.delete(blobs.INDEX, index)


async def test_an_index_entry_without_a_record_is_left_out(clients: Clients) -> None:
    call = new_call_id()
    index = blobs.index_blob(FAR_FUTURE, call)
    await clients.storage.put(blobs.INDEX, index, b"")
    records, _ = await list_newest(clients.storage, 1, None)
    assert records == []
    await clients.storage.delete(blobs.INDEX, index)


async def test_a_cursor_that_the_storage_refuses_is_invalid(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Azure answers 400; Azurite accepts any marker."""

    async def refuse(*_: object) -> Page:
        raise HttpResponseError("the marker is wrong")

    monkeypatch.setattr(clients.storage, "page", refuse)
    with pytest.raises(InvalidCursor):
        await list_newest(clients.storage, 1, "wrong")
    with pytest.raises(HttpResponseError):
        await list_newest(clients.storage, 1, None)


async def test_a_foreign_blob_in_the_index_is_not_a_call(
    clients: Clients, caplog: pytest.LogCaptureFixture
) -> None:
    call = new_call_id()
    await change_record(clients.storage, call, lambda _: True, create_at=FAR_FUTURE)
    # Sorted before all calls.
    await clients.storage.put(blobs.INDEX, "!notes.txt", b"not ours")
    records, _ = await list_newest(clients.storage, 10, None)
    assert call in [record.call_connection_id for record in records]
    assert "foreign_blobs_skipped container=index count=1 first=!notes.txt" in caplog.messages
    await clients.storage.delete(blobs.INDEX, "!notes.txt")
    await clients.storage.delete(blobs.INDEX, blobs.index_blob(FAR_FUTURE, call))


async def test_a_write_that_reaches_a_milestone_is_reported_and_no_other(clients: Clients) -> None:
    call, reported = new_call_id(), list[str]()

    class Listening:
        async def report(self, call: str) -> None:
            record = await read_record(clients.storage, call)
            assert record.milestones, "the record is written before it is reported"
            reported.append(call)

    clients.storage.subscribers = Listening()  # type: ignore[assignment]
    await record_events(clients.storage, call, STARTED_AT, "CallConnected")
    assert reported == [call], "at its creation"
    await record_events(clients.storage, call, STARTED_AT, "CallConnected", notes="changed")
    assert reported == [call]
    await record_events(clients.storage, call, STARTED_AT, "CallDisconnected", result_state="none")
    assert reported == [call, call]
