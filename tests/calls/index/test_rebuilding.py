"""A rebuilt index is the living one, also while calls change and are deleted."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from calls import blobs
from calls.errors import Contended
from calls.index import rebuilding
from calls.index.call_index import CallIndex
from calls.index.compaction import compact
from calls.index.day_files import read_day, remove_call, write_day
from calls.index.rebuilding import compare, rebuild
from calls.records.change_log import log_change, read_checkpoint
from calls.storage import Storage
from tests.calls.index.sample_calls import BEGUN_AT, create_record, list_calls, write

DAY = "2026-11-26"


async def contents(storage: Storage) -> dict[str, bytes]:
    """The rows of a process that starts now."""
    index = CallIndex(storage)
    await index.refresh()
    rows = await index.read(lambda model: model.all_contents())
    await index.close()
    return rows


async def test_a_rebuilt_index_is_the_living_one(own_storage: Storage, index: CallIndex) -> None:
    for number in (0, 1, 2000):
        await write(own_storage, number, tags=[str(number)])
    await list_calls(index)
    await compact(index)
    await write(own_storage, 1, notes="after the compaction")
    await own_storage.delete(blobs.CALLS, blobs.call_blob("call-00000"))
    await remove_call(own_storage, "call-00000", BEGUN_AT)
    await index.refresh()
    living = await index.read(lambda model: model.all_contents())
    assert len(living) == 2
    assert await contents(own_storage) == living
    for blob in await own_storage.blob_names(blobs.INDEX, ""):
        await own_storage.delete(blobs.INDEX, blob)
    assert await rebuild(own_storage) == 2
    assert await contents(own_storage) == living
    assert await compare(own_storage) == []


async def test_what_changes_during_a_rebuild_is_in_the_log(
    own_storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = [await write(own_storage, number, to="+15550007777") for number in range(4)]
    await rebuild(own_storage)
    attempts = 0

    async def write_late(*arguments: Any) -> bool:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            await own_storage.delete(blobs.CALLS, blobs.call_blob(calls[0]))
            await remove_call(own_storage, calls[0], BEGUN_AT)
            await write(own_storage, 1, tags=["late"])
            await write(own_storage, 5)
        return await write_day(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(rebuilding, "write_day", write_late)
        await rebuild(own_storage)
    assert attempts == 2
    assert calls[0].encode() not in (await read_day(own_storage, DAY))[0]
    assert sorted(await contents(own_storage)) == [*calls[1:], "call-00005"]
    assert await compare(own_storage) == []


async def test_a_change_that_was_announced_before_a_rebuild_and_written_after_it_is_seen(
    own_storage: Storage, index: CallIndex
) -> None:
    call = await write(own_storage, 1)
    assert await list_calls(index) == [call]
    # As ``change_record`` does it, with a rebuild between the two.
    await log_change(own_storage, call, 1)
    await rebuild(own_storage)
    record = create_record(1, revision=1, tags=["VIP"])
    await own_storage.put(blobs.CALLS, blobs.call_blob(call), msgspec.json.encode(record))
    assert await list_calls(index, tags=("VIP",)) == [call]
    assert await compare(own_storage) == []


async def test_days_without_calls_are_emptied(own_storage: Storage) -> None:
    await write_day(own_storage, "2020-01-01", b'{"call_connection_id":"x"}\n', None)
    await rebuild(own_storage)
    assert (await read_day(own_storage, "2020-01-01"))[0] == b""
    assert (await read_checkpoint(own_storage))[0].days == []


async def test_foreign_and_broken_blobs_are_skipped(
    own_storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    call = await write(own_storage, 1)
    for blob, content in (("notes.txt", b""), ("-x.json", b"{}"), ("broken.json", b"{")):
        await own_storage.put(blobs.CALLS, blob, content)
    assert await rebuild(own_storage) == 1
    assert list(await contents(own_storage)) == [call]
    assert any("foreign_blobs_skipped" in message for message in caplog.messages)
    assert any("record_unreadable blob=broken.json" in message for message in caplog.messages)


async def test_the_calls_that_differ_are_named(own_storage: Storage) -> None:
    for number in range(4):
        await write(own_storage, number)
    await rebuild(own_storage)
    # Past the log: a lost row, a row without a record, another content.
    lines, etag = await read_day(own_storage, DAY)
    kept = [line for line in lines.splitlines() if b"call-00000" not in line]
    assert await write_day(own_storage, DAY, b"".join(line + b"\n" for line in kept), etag)
    await own_storage.delete(blobs.CALLS, blobs.call_blob("call-00001"))
    changed = msgspec.json.encode(create_record(2, notes="changed"))
    await own_storage.put(blobs.CALLS, blobs.call_blob("call-00002"), changed)
    assert await compare(own_storage) == ["call-00000", "call-00001", "call-00002"]
    await rebuild(own_storage)
    assert await compare(own_storage) == []


async def test_a_day_that_others_always_change_is_contended(
    own_storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write(own_storage, 1)

    async def write_never(*_: object) -> bool:
        return False

    monkeypatch.setattr(rebuilding, "write_day", write_never)
    with pytest.raises(Contended, match=DAY):
        await rebuild(own_storage)
