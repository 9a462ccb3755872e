"""Compaction: the days and the checkpoint are what the records say, whoever else writes."""

from __future__ import annotations

from typing import Any

import pytest

from calls import blobs
from calls.errors import Contended
from calls.index import compaction
from calls.index.call_index import CallIndex
from calls.index.compaction import compact
from calls.index.day_files import read_day, remove_call, write_day
from calls.index.rebuilding import compare
from calls.records.change_log import log_change, read_checkpoint
from calls.storage import Storage
from tests.calls.counted_requests import count_requests
from tests.calls.index.sample_calls import BEGUN_AT, list_calls, write

DAY = "2026-11-26"


async def test_the_first_compaction_writes_all_there_is(
    own_storage: Storage, index: CallIndex
) -> None:
    for number in (0, 1, 2000):
        await write(own_storage, number)
    assert await compact(index)
    checkpoint, _ = await read_checkpoint(own_storage)
    assert checkpoint.days == [DAY, "2026-11-27"]
    assert await compare(own_storage) == []


async def test_only_days_that_have_changed_are_written(
    own_storage: Storage, index: CallIndex
) -> None:
    for number in (0, 2000, 4000):
        await write(own_storage, number)
    await compact(index)
    await list_calls(index)
    await write(own_storage, 2001, tags=["VIP"])
    with count_requests(own_storage) as requests:
        assert await compact(index)
    written = [request.rpartition("/")[2] for request in requests if request.startswith("PUT ")]
    assert written == ["2026-11-27.jsonl.gz", "checkpoint.json"]
    assert await compare(own_storage) == []
    # The checkpoint may still say so of what was changed before it was written.
    await compact(index)
    assert not await compact(index), "nothing has changed"


async def test_the_checkpoint_waits_for_a_change_that_was_announced(
    own_storage: Storage, index: CallIndex
) -> None:
    await write(own_storage, 1)
    await compact(index)
    await list_calls(index)
    await log_change(own_storage, "call-00001", 1)
    position = index.settled_position
    await write(own_storage, 2)
    await compact(index)
    checkpoint, _ = await read_checkpoint(own_storage)
    assert checkpoint.position == position
    await write(own_storage, 1, notes="written at last")
    assert await compact(index)
    other = CallIndex(own_storage)
    await other.refresh_thoroughly()
    assert await other.read(lambda model: model.all_contents()) == await index.read(
        lambda model: model.all_contents()
    )
    await other.close()
    assert await compare(own_storage) == []


async def test_a_call_that_is_deleted_meanwhile_is_not_written(
    own_storage: Storage, index: CallIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deletion comes after the log was read, and before the day is written."""
    await compact(index)
    calls = [await write(own_storage, number) for number in range(2)]
    attempts = 0

    async def write_late(*arguments: Any) -> bool:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            await own_storage.delete(blobs.CALLS, blobs.call_blob(calls[0]))
            await remove_call(own_storage, calls[0], BEGUN_AT)
        return await write_day(*arguments)

    monkeypatch.setattr(compaction, "write_day", write_late)
    assert await compact(index)
    assert attempts == 2
    assert calls[0].encode() not in (await read_day(own_storage, DAY))[0]
    assert await compare(own_storage) == []


async def test_of_two_at_once_one_writes_the_checkpoint(
    own_storage: Storage, index: CallIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    await compact(index)
    other = CallIndex(own_storage)
    await write(own_storage, 1)
    write_first = compaction._write

    async def write_second(*arguments: Any) -> None:
        monkeypatch.setattr(compaction, "_write", write_first)
        assert await compact(other)
        await write_first(*arguments)

    monkeypatch.setattr(compaction, "_write", write_second)
    assert not await compact(index)
    assert await compare(own_storage) == []
    await compact(index)
    assert await compare(own_storage) == []
    await other.close()


async def test_a_day_that_others_always_change_is_contended(
    own_storage: Storage, index: CallIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    await compact(index)
    before = await read_checkpoint(own_storage)
    await write(own_storage, 1)

    async def write_never(*_: object) -> bool:
        return False

    with monkeypatch.context() as patched:
        patched.setattr(compaction, "write_day", write_never)
        with pytest.raises(Contended, match=DAY):
            await compact(index)
    assert await read_checkpoint(own_storage) == before
    assert await compact(index), "the day is still to be written"
    assert await compare(own_storage) == []
