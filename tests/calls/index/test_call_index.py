"""A process's index: current at each use, in few requests, whatever dies or is damaged."""

from __future__ import annotations

import asyncio
import gzip
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from azure.core.exceptions import ResourceNotFoundError

from calls import blobs
from calls.index import call_index
from calls.index.call_index import PENDING_SECONDS, CallIndex, get_index
from calls.index.compaction import compact
from calls.index.rebuilding import rebuild
from calls.index.selection import Cursor, Selection, Sort
from calls.records import change_log
from calls.records.change_log import log_change, log_deletion
from calls.records.store import change_record, decode_record
from calls.storage import Storage
from tests.calls.counted_requests import count_requests
from tests.calls.index.sample_calls import (
    BEGUN_AT,
    create_record,
    list_calls,
    list_pages,
    setting,
    write,
)


def content_id(content: bytes) -> str:
    return decode_record(content).call_connection_id


class FakeClock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_a_change_is_seen_at_once(own_storage: Storage, index: CallIndex) -> None:
    assert await list_calls(index) == []
    call = await write(own_storage, 1, to="+15551230000")
    assert await list_calls(index, participant="+15551230000") == [call]
    await write(own_storage, 1, tags=["VIP"])
    assert await list_calls(index, tags=("VIP",)) == [call]
    await own_storage.delete(blobs.CALLS, blobs.call_blob(call))
    await log_deletion(own_storage, call)
    assert await list_calls(index) == []


async def test_without_changes_a_page_takes_one_request(
    own_storage: Storage, index: CallIndex
) -> None:
    for number in range(3):
        await write(own_storage, number)
    await list_calls(index)
    log = f"GET {blobs.INDEX}/{blobs.log_blob(0)}"
    with count_requests(own_storage) as requests:
        assert len(await list_calls(index)) == 3
    assert requests == [log]
    await write(own_storage, 1, tags=["VIP"])
    with count_requests(own_storage) as requests:
        assert len(await list_calls(index)) == 3
    assert requests == [log, f"GET {blobs.CALLS}/{blobs.call_blob('call-00001')}"]


async def test_a_new_process_reads_days_and_not_records(
    own_storage: Storage, index: CallIndex
) -> None:
    for number in range(0, 4000, 1000):
        await write(own_storage, number)
    await compact(index)
    expected = await list_calls(index)
    other = CallIndex(own_storage)
    with count_requests(own_storage) as requests:
        assert await list_calls(other) == expected
    await other.close()
    assert not [request for request in requests if f"GET {blobs.CALLS}/" in request]
    days = [request for request in requests if f"{blobs.INDEX}/{blobs.DAY_PREFIX}" in request]
    assert len(days) == 3


async def test_requests_at_once_share_a_refresh(own_storage: Storage, index: CallIndex) -> None:
    await write(own_storage, 1)
    await list_calls(index)
    with count_requests(own_storage) as requests:
        pages = await asyncio.gather(*(list_calls(index) for _ in range(20)))
    assert pages == [["call-00001"]] * 20
    # The first one's, and one for all who came while it was running.
    assert len(requests) <= 2


async def test_a_change_that_was_announced_and_not_written_is_looked_for_again(
    own_storage: Storage,
) -> None:
    clock = FakeClock()
    index = CallIndex(own_storage, clock)
    await write(own_storage, 1)
    assert await list_calls(index, tags=("VIP",)) == []
    # As ``change_record`` does it, with a pause between the two.
    await log_change(own_storage, "call-00001", 1)
    assert await list_calls(index, tags=("VIP",)) == []
    record = create_record(1, revision=1, tags=["VIP"])
    await own_storage.put(blobs.CALLS, blobs.call_blob("call-00001"), msgspec.json.encode(record))
    assert await list_calls(index, tags=("VIP",)) == ["call-00001"]
    with count_requests(own_storage) as requests:
        await list_calls(index)
    assert len(requests) == 1, "it was seen"
    await index.close()


async def test_a_change_that_nobody_makes_is_looked_for_less_often_and_then_forgotten(
    own_storage: Storage,
) -> None:
    clock = FakeClock()
    index = CallIndex(own_storage, clock)
    await write(own_storage, 1)
    await log_change(own_storage, "call-00001", 5)

    async def looks() -> int:
        with count_requests(own_storage) as requests:
            assert await list_calls(index) == ["call-00001"]
        return len(requests) - 1

    await list_calls(index)
    assert [await looks(), await looks()] == [1, 1]
    clock.now += 11
    assert [await looks(), await looks()] == [1, 0]
    await index.refresh_thoroughly()
    assert index.settled_position == 0, "the change may still come"
    clock.now += PENDING_SECONDS
    assert await looks() == 1
    assert index.settled_position == 2
    clock.now += 11
    assert await looks() == 0
    await index.close()


async def test_calls_that_change_while_pages_are_read_are_on_one_page_and_hide_none(
    own_storage: Storage, index: CallIndex
) -> None:
    """Calls begin, end, and are deleted between two pages."""
    for number in range(8):
        is_over = number % 2 == 0
        ended_at = BEGUN_AT + timedelta(hours=number) if is_over else None
        await write(own_storage, number, connected_at=BEGUN_AT, ended_at=ended_at)
    untouched = {f"call-{number:05d}" for number in range(8)} - {"call-00003", "call-00005"}
    sorts: tuple[Sort, ...] = ("-created_at", "created_at", "-duration", "duration")
    for sort in sorts:
        cursor: Cursor | None = None
        seen: list[str] = []
        for step in range(5):
            page = await index.page(Selection(sort=sort), 3, cursor)
            seen += [content_id(content) for content in page.contents]
            cursor = page.cursor
            if cursor is None:
                break
            # One call ends, and so gets a duration; another one begins.
            ended_at = BEGUN_AT + timedelta(minutes=70 * step)
            await write(own_storage, 3 if step % 2 else 5, ended_at=ended_at)
            await write(own_storage, 100 + step)
        assert len(seen) == len(set(seen)), sort
        assert untouched - set(seen) == set(), sort
        for number in (3, 5):
            await write(own_storage, number, ended_at=None)


async def test_a_damaged_database_is_discarded_and_made_again(
    own_storage: Storage, index: CallIndex, caplog: pytest.LogCaptureFixture
) -> None:
    await write(own_storage, 1)
    assert await list_calls(index) == ["call-00001"]

    def damage(model: Any) -> None:
        model._database.execute("DROP TABLE calls")

    await index.read(damage)
    assert await list_calls(index) == ["call-00001"]
    assert "index_discarded error=OperationalError" in caplog.messages
    await index.read(damage)
    await write(own_storage, 2)
    assert await list_calls(index) == ["call-00002", "call-00001"], "found while refreshing"


@pytest.mark.parametrize(
    "content",
    [b"", b"\x1f\x8bdamaged", gzip.compress(b"{}\n"), None],
    ids=["empty", "no gzip", "no records", "missing"],
)
async def test_a_damaged_day_is_reported_and_the_next_compaction_repairs_it(
    own_storage: Storage, index: CallIndex, caplog: pytest.LogCaptureFixture, content: bytes | None
) -> None:
    await write(own_storage, 1)
    await write(own_storage, 2000)
    await compact(index)
    blob = blobs.day_blob("2026-11-26")
    if content is None:
        await own_storage.delete(blobs.INDEX, blob)
    else:
        await own_storage.put(blobs.INDEX, blob, content)
    other = CallIndex(own_storage)
    assert await list_calls(other) == ["call-02000"]
    assert any("index_day_unreadable day=2026-11-26" in message for message in caplog.messages)
    await write(own_storage, 2)
    # By a process that had read the day before it was damaged.
    assert await compact(index)
    expected = ["call-02000", "call-00002", "call-00001"]
    assert await list_calls(other) == expected
    assert await list_calls(index) == expected
    await other.close()


async def test_a_record_that_cannot_be_read_hides_no_other_one(
    own_storage: Storage, index: CallIndex, caplog: pytest.LogCaptureFixture
) -> None:
    await write(own_storage, 1)
    await own_storage.put(blobs.CALLS, blobs.call_blob("broken"), b"{")
    await log_change(own_storage, "broken", 0)
    assert await list_calls(index) == ["call-00001"]
    assert any("record_unreadable call=broken" in message for message in caplog.messages)
    with count_requests(own_storage) as requests:
        await list_calls(index)
    assert len(requests) == 1


async def test_an_index_that_was_rebuilt_is_loaded_again(
    own_storage: Storage, index: CallIndex
) -> None:
    await write(own_storage, 1)
    assert await list_calls(index) == ["call-00001"]
    # Nothing in the log says so.
    record = create_record(2)
    await own_storage.put(blobs.CALLS, blobs.call_blob("call-00002"), msgspec.json.encode(record))
    assert await list_calls(index) == ["call-00001"]
    assert await rebuild(own_storage) == 2
    assert await list_calls(index) == ["call-00002", "call-00001"]
    with count_requests(own_storage) as requests:
        await list_calls(index)
    assert len(requests) == 1


async def test_a_process_that_was_idle_for_long_loads_the_days_again(
    own_storage: Storage, index: CallIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_log, "ENTRIES_PER_BLOB", 3)
    monkeypatch.setattr(change_log, "_BLOB_BYTES", 3 * change_log.ENTRY_BYTES)
    idle = CallIndex(own_storage)
    await write(own_storage, 0)
    assert await list_calls(idle) == ["call-00000"]
    await rebuild(own_storage)
    for number in range(1, 12):
        await write(own_storage, number)
    await compact(index)
    with pytest.raises(ResourceNotFoundError):
        await own_storage.read_range(blobs.INDEX, blobs.log_blob(0), 0, 1)
    assert await list_calls(idle) == await list_calls(index)
    assert len(await list_calls(idle)) == 12
    await idle.close()


async def test_an_index_that_nobody_uses_loses_deleted_calls(
    own_storage: Storage, index: CallIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_index, "KEEP_CURRENT_SECONDS", 0.01)
    call = await write(own_storage, 1)
    assert await list_calls(index) == [call]
    await own_storage.delete(blobs.CALLS, blobs.call_blob(call))
    await log_deletion(own_storage, call)
    for _ in range(6000):
        if not await index.read(lambda model: model.count()):
            return
        await asyncio.sleep(0.01)
    pytest.fail("the deleted call is still there")


async def test_one_index_for_all_requests(clients: Any) -> None:
    assert get_index(clients) is get_index(clients)


async def test_all_pages_follow_each_other(own_storage: Storage, index: CallIndex) -> None:
    for number in range(7):
        await write(own_storage, number)
    expected = [f"call-{number:05d}" for number in range(7)]
    assert await list_pages(index, 2, sort="created_at") == expected
    assert await list_pages(index, 3) == expected[::-1]


async def test_a_change_of_a_record_that_is_contended_is_seen(
    own_storage: Storage, index: CallIndex
) -> None:
    await write(own_storage, 1)
    await asyncio.gather(
        *(
            change_record(own_storage, "call-00001", setting(notes=str(number)))
            for number in range(5)
        ),
        *(list_calls(index) for _ in range(5)),
    )
    page = await index.page(Selection(), 1)
    assert page.contents[0].count(b'"revision":5') == 1
