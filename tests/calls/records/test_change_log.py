"""The change log: in order, across its blobs, whatever is repeated, full or deleted."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
import pytest_asyncio

from calls import blobs
from calls.clients import Clients
from calls.records import change_log
from calls.records.change_log import (
    Checkpoint,
    delete_before,
    log_change,
    log_deletion,
    log_rebuilt,
    read_checkpoint,
    read_entries,
)
from calls.storage import Storage
from tests.calls.counted_requests import count_requests
from tests.calls.lossy_storage import LossyStorage

LONGEST = "c" * 128
IN_A_BLOB = 3


@pytest_asyncio.fixture
async def small_log(own_storage: Storage, monkeypatch: pytest.MonkeyPatch) -> Storage:
    """A storage of the test's own, in which a blob of the log has three entries."""
    monkeypatch.setattr(change_log, "ENTRIES_PER_BLOB", IN_A_BLOB)
    monkeypatch.setattr(change_log, "_BLOB_BYTES", IN_A_BLOB * change_log.ENTRY_BYTES)
    return own_storage


async def set_checkpoint(storage: Storage, position: int) -> None:
    content = msgspec.json.encode(Checkpoint(position=position))
    await storage.put(blobs.INDEX, blobs.CHECKPOINT, content)


async def revisions(storage: Storage, position: int = 0) -> list[int]:
    read = await read_entries(storage, position)
    assert read is not None
    assert read[1] == position + len(read[0])
    return [entry.revision for entry in read[0]]


async def test_entries_are_read_in_the_order_of_their_positions(small_log: Storage) -> None:
    assert await read_entries(small_log, 0) == ([], 0)
    await log_change(small_log, LONGEST, 999_999_999)
    await log_deletion(small_log, "a-call")
    await log_rebuilt(small_log)
    await log_change(small_log, "a_call", 0)
    read = await read_entries(small_log, 0)
    assert read == (
        [
            ("changed", LONGEST, 999_999_999, 0),
            ("deleted", "a-call", 0, 1),
            ("rebuilt", "all", 0, 2),
            ("changed", "a_call", 0, 3),
        ],
        4,
    )
    assert await read_entries(small_log, 3) == (read[0][3:], 4)


async def test_nothing_new_takes_one_request(small_log: Storage) -> None:
    await log_change(small_log, "a-call", 1)
    with count_requests(small_log) as requests:
        assert await read_entries(small_log, 1) == ([], 1)
    assert requests == [f"GET {blobs.INDEX}/{blobs.log_blob(0)}"]


async def test_a_full_blob_is_followed_by_the_next_one(
    clients: Clients, small_log: Storage
) -> None:
    """Whether this process has filled it or another one."""
    for revision in range(4):
        await log_change(small_log, "a-call", revision)
    other = Clients(clients.settings)
    for revision in range(4, 8):
        await log_change(other.storage, "a-call", revision)
    await log_change(small_log, "a-call", 8)
    await other.close()
    assert await revisions(small_log) == list(range(9))
    assert await revisions(small_log, 7) == [7, 8]
    names = await small_log.blob_names(blobs.INDEX, blobs.LOG_PREFIX)
    assert names == [blobs.log_blob(number) for number in range(3)]


async def test_writers_at_once_lose_nothing(clients: Clients, small_log: Storage) -> None:
    others = [Clients(clients.settings) for _ in range(3)]
    await asyncio.gather(
        *(
            log_change(others[number % 3].storage, "a-call", number)
            for number in range(4 * IN_A_BLOB)
        )
    )
    for other in others:
        await other.close()
    assert sorted(await revisions(small_log)) == list(range(4 * IN_A_BLOB))


async def test_what_lies_far_before_the_checkpoint_is_deleted(small_log: Storage) -> None:
    for revision in range(10):
        await log_change(small_log, "a-call", revision)
    await set_checkpoint(small_log, 9)
    await delete_before(small_log, 9)
    names = await small_log.blob_names(blobs.INDEX, blobs.LOG_PREFIX)
    assert names == [blobs.log_blob(2), blobs.log_blob(3)]
    assert await read_entries(small_log, 5) is None
    assert await revisions(small_log, 6) == [6, 7, 8, 9]
    await delete_before(small_log, 0)
    await delete_before(small_log, 5)
    assert await small_log.blob_names(blobs.INDEX, blobs.LOG_PREFIX) == names


async def test_a_writer_that_was_idle_does_not_bring_back_a_deleted_blob(
    clients: Clients, small_log: Storage
) -> None:
    await log_change(small_log, "a-call", 0)
    other = Clients(clients.settings)
    for revision in range(1, 8):
        await log_change(other.storage, "a-call", revision)
    await other.close()
    await set_checkpoint(small_log, 7)
    await delete_before(small_log, 7)
    await log_change(small_log, "a-call", 8)
    assert await revisions(small_log, 7) == [7, 8]


async def test_a_new_process_appends_after_the_checkpoint(small_log: Storage) -> None:
    await set_checkpoint(small_log, 2 * IN_A_BLOB)
    assert await read_entries(small_log, 2 * IN_A_BLOB) == ([], 2 * IN_A_BLOB)
    await log_change(small_log, "a-call", 5)
    assert await revisions(small_log, 2 * IN_A_BLOB) == [5]


async def test_a_checkpoint_that_was_never_written(small_log: Storage) -> None:
    assert await read_checkpoint(small_log) == (Checkpoint(), None)


async def test_an_unreadable_entry_is_skipped_and_logged(
    small_log: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    await log_change(small_log, "a-call", 0)
    await small_log.append(blobs.INDEX, blobs.log_blob(0), b"\xff" * change_log.ENTRY_BYTES)
    await log_change(small_log, "a-call", 2)
    read = await read_entries(small_log, 0)
    assert read is not None
    assert ([entry.revision for entry in read[0]], read[1]) == ([0, 2], 3)
    assert "change_log_entry_unreadable position=1" in caplog.messages


async def test_a_lost_response_repeats_the_entry(
    clients: Clients, lossy_storage: LossyStorage, small_log: Storage
) -> None:
    settings = msgspec.structs.replace(
        clients.settings, audio_storage=lossy_storage.connection_string
    )
    other = Clients(settings)
    await log_change(small_log, "a-call", 0)
    lossy_storage.lose_next_write("comp=appendblock")
    await log_change(other.storage, "a-call", 1)
    await other.close()
    assert len(lossy_storage.lost) == 1
    assert await revisions(small_log) == [0, 1, 1]
