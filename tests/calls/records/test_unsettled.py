"""The index of unsettled calls, in a real Azurite: never an entry too few."""

from __future__ import annotations

import pytest

from calls import blobs
from calls.clients import Clients
from calls.errors import CallNotFound
from calls.records.model import CallRecord
from calls.records.store import change_record, read_record, reopen_call
from calls.records.unsettled import (
    UnsettledCall,
    add_unsettled,
    list_unsettled,
    read_position,
    remove_unsettled,
    write_position,
)
from tests.calls.sample_streams import STARTED_AT, new_call_id


async def entry_of(clients: Clients, call: str) -> UnsettledCall | None:
    entries = await list_unsettled(clients.storage)
    assert [entry.call_connection_id for entry in entries] == sorted(
        entry.call_connection_id for entry in entries
    )
    return next((entry for entry in entries if entry.call_connection_id == call), None)


async def test_a_new_call_is_unsettled(clients: Clients) -> None:
    call = new_call_id()
    await change_record(clients.storage, call, lambda _: True, create_at=STARTED_AT)
    assert await entry_of(clients, call) is not None


async def test_a_process_that_dies_before_the_record_leaves_an_entry(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = new_call_id()

    class Killed(BaseException):
        pass

    async def die(*_: object) -> bool:
        raise Killed

    monkeypatch.setattr(clients.storage, "create", die)
    with pytest.raises(Killed):
        await change_record(clients.storage, call, lambda _: True, create_at=STARTED_AT)
    with pytest.raises(CallNotFound):
        await read_record(clients.storage, call)
    assert await entry_of(clients, call) is not None


async def test_a_removed_call_is_no_longer_listed(clients: Clients) -> None:
    call = new_call_id()
    await add_unsettled(clients.storage, call)
    entry = await entry_of(clients, call)
    assert entry is not None
    await remove_unsettled(clients.storage, entry)
    await remove_unsettled(clients.storage, entry)
    assert await entry_of(clients, call) is None


async def test_an_entry_that_was_added_again_is_not_removed(clients: Clients) -> None:
    call = new_call_id()
    await add_unsettled(clients.storage, call)
    entry = await entry_of(clients, call)
    assert entry is not None
    await add_unsettled(clients.storage, call)
    await remove_unsettled(clients.storage, entry)
    assert await entry_of(clients, call) is not None


async def test_the_position_is_kept_and_is_not_a_call(clients: Clients) -> None:
    call = new_call_id()
    await write_position(clients.storage, call)
    assert await read_position(clients.storage) == call
    assert await entry_of(clients, call) is None


async def test_a_finalized_call_that_is_reopened_is_unsettled_again(clients: Clients) -> None:
    call = new_call_id()

    def finalize(record: CallRecord) -> bool:
        record.finalized = True
        return True

    await change_record(clients.storage, call, finalize, create_at=STARTED_AT)
    entry = await entry_of(clients, call)
    assert entry is not None
    await reopen_call(clients.storage, call)
    await remove_unsettled(clients.storage, entry)
    assert await entry_of(clients, call) is not None, "the entry is a new one"
    assert not (await read_record(clients.storage, call)).finalized
    with pytest.raises(CallNotFound):
        await reopen_call(clients.storage, new_call_id())


async def test_foreign_blobs_are_skipped_and_counted(
    clients: Clients, caplog: pytest.LogCaptureFixture
) -> None:
    call = new_call_id()
    await add_unsettled(clients.storage, call)
    foreign = blobs.unsettled_blob(f"{call}/notes.txt")
    await clients.storage.put(blobs.UNSETTLED, foreign, b"")
    await clients.storage.put(blobs.UNSETTLED, blobs.RECONCILER_POSITION, b"\xff")
    try:
        assert await entry_of(clients, call) is not None
        assert await entry_of(clients, f"{call}/notes.txt") is None
        assert await read_position(clients.storage)
        assert any(line.startswith("foreign_blobs_skipped") for line in caplog.messages)
    finally:
        await clients.storage.delete(blobs.UNSETTLED, foreign)
        await write_position(clients.storage, "")
