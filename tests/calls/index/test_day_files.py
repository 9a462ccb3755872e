"""The day files: written only over what was read, and without a call that was deleted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from calls import blobs
from calls.errors import Contended
from calls.index import day_files
from calls.index.call_index import CallIndex
from calls.index.compaction import compact
from calls.index.day_files import read_day, remove_call, replace_call, write_day
from calls.index.rows import decode_rows
from calls.records.change_log import read_entries
from calls.records.store import read_record
from calls.storage import Storage
from tests.calls.index.sample_calls import BEGUN_AT, create_record, list_calls, write

DAY = "2026-11-26"
NUMBER = "+15550007777"


async def calls_of_day(storage: Storage) -> list[str]:
    lines, _ = await read_day(storage, DAY)
    return [row.call for row in decode_rows(lines)]


async def test_a_file_is_written_only_over_the_one_that_was_read(own_storage: Storage) -> None:
    assert await read_day(own_storage, DAY) == (b"", None)
    assert await write_day(own_storage, DAY, b"a\n", None)
    assert not await write_day(own_storage, DAY, b"b\n", None)
    lines, etag = await read_day(own_storage, DAY)
    assert lines == b"a\n"
    assert await write_day(own_storage, DAY, b"c\n", etag)
    assert not await write_day(own_storage, DAY, b"d\n", etag)
    assert (await read_day(own_storage, DAY))[0] == b"c\n"


async def test_a_deleted_call_leaves_its_day(own_storage: Storage, index: CallIndex) -> None:
    calls = [await write(own_storage, number, to=NUMBER) for number in range(3)]
    await compact(index)
    assert await calls_of_day(own_storage) == calls
    await remove_call(own_storage, calls[1], BEGUN_AT)
    assert await calls_of_day(own_storage) == [calls[0], calls[2]]
    read = await read_entries(own_storage, 0)
    assert read is not None
    assert read[0][-1][:2] == ("deleted", calls[1])


async def test_a_deletion_changes_a_file_without_the_call(own_storage: Storage) -> None:
    """Whoever has read the log before the deletion must not write the file after it."""
    await remove_call(own_storage, "a-call", BEGUN_AT)
    _, etag = await read_day(own_storage, DAY)
    assert etag is not None
    await remove_call(own_storage, "a-call", BEGUN_AT)
    assert (await read_day(own_storage, DAY))[1] != etag
    await remove_call(own_storage, "a-call", None)


async def test_a_call_is_replaced_by_its_record(own_storage: Storage, index: CallIndex) -> None:
    calls = [await write(own_storage, number, to=NUMBER) for number in range(2)]
    await compact(index)
    record = await read_record(own_storage, calls[0])
    record.to = None
    await replace_call(own_storage, record)
    lines, _ = await read_day(own_storage, DAY)
    assert sorted(row.call for row in decode_rows(lines)) == calls
    assert lines.count(NUMBER.encode()) == 1


async def test_a_change_by_somebody_else_is_kept(
    own_storage: Storage, index: CallIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = [await write(own_storage, number) for number in range(2)]
    await compact(index)
    attempts = 0

    async def write_after_another(*arguments: Any) -> bool:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            lines, etag = await read_day(own_storage, DAY)
            line = msgspec.json.encode(create_record(2)) + b"\n"
            assert await write_day(own_storage, DAY, lines + line, etag)
        return await write_day(*arguments)

    monkeypatch.setattr(day_files, "write_day", write_after_another)
    await remove_call(own_storage, calls[0], BEGUN_AT)
    assert await calls_of_day(own_storage) == [calls[1], "call-00002"]
    assert attempts == 2


async def test_a_deletion_removes_a_damaged_file(own_storage: Storage) -> None:
    await own_storage.put(blobs.INDEX, blobs.day_blob(DAY), b"\x1f\x8bdamaged")
    await remove_call(own_storage, "a-call", BEGUN_AT)
    assert await read_day(own_storage, DAY) == (b"", None)


async def test_a_file_that_others_always_change_is_contended(
    own_storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def write_never(*_: object) -> bool:
        return False

    monkeypatch.setattr(day_files, "write_day", write_never)
    monkeypatch.setattr(day_files, "_PAUSE_SECONDS", 0)
    with pytest.raises(Contended, match=DAY):
        await remove_call(own_storage, "a-call", BEGUN_AT)


async def test_what_the_account_keeps_of_the_file_before_is_deleted(
    own_storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Azurite has snapshots, and no versions: a stand-in lists one."""
    await remove_call(own_storage, "a-call", BEGUN_AT)
    service = own_storage.service
    client = service.get_blob_client(blobs.INDEX, blobs.day_blob(DAY))
    await client.create_snapshot()
    await remove_call(own_storage, "a-call", BEGUN_AT)
    container = service.get_container_client(blobs.INDEX)
    names = [blob.name async for blob in container.list_blobs(include=["snapshots"])]
    assert names.count(blobs.day_blob(DAY)) == 1

    deleted: list[str] = []

    async def list_versions(**_: object) -> AsyncIterator[Any]:
        for version, is_current in (("1", None), ("2", True)):
            yield SimpleNamespace(version_id=version, is_current_version=is_current, snapshot=None)

    async def delete_blob(**options: Any) -> None:
        deleted.append(options["version_id"])

    stand_in = SimpleNamespace(
        get_container_client=lambda _: SimpleNamespace(list_blobs=list_versions),
        get_blob_client=lambda *_, **__: SimpleNamespace(delete_blob=delete_blob),
    )
    monkeypatch.setattr(own_storage, "_service", stand_in)
    await day_files._delete_older_versions(own_storage, DAY)
    assert deleted == ["1"]


async def test_no_list_has_a_deleted_call(own_storage: Storage, index: CallIndex) -> None:
    call = await write(own_storage, 1, to=NUMBER)
    await compact(index)
    assert await list_calls(index, participant=NUMBER) == [call]
    await own_storage.delete(blobs.CALLS, blobs.call_blob(call))
    await remove_call(own_storage, call, BEGUN_AT)
    for new in (index, CallIndex(own_storage)):
        assert await list_calls(new, participant=NUMBER) == []
        await new.close()
