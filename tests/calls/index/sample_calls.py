"""Records of calls for the tests of the index."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from calls.index.call_index import CallIndex
from calls.index.selection import Cursor, Selection
from calls.records.model import CallRecord
from calls.records.store import change_record, decode_record
from calls.storage import Storage

BEGUN_AT = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)


def create_record(number: int = 0, **members: Any) -> CallRecord:
    """A record; each number's call begins a minute after the one before it."""
    record = CallRecord(
        call_connection_id=f"call-{number:05d}",
        created_at=BEGUN_AT + timedelta(minutes=number),
    )
    for name, value in members.items():
        setattr(record, name, value)
    return record


def setting(**members: Any) -> Callable[[CallRecord], bool]:
    """Return a change that sets members of a record."""

    def apply(record: CallRecord) -> bool:
        for name, value in members.items():
            setattr(record, name, value)
        return True

    return apply


async def write(storage: Storage, number: int, **members: Any) -> str:
    """Create or change a call's record; return the call's id."""
    record = create_record(number)
    call = record.call_connection_id
    await change_record(storage, call, setting(**members), create_at=record.created_at)
    return call


async def list_calls(index: CallIndex, *, limit: int = 100, **selection: Any) -> list[str]:
    """The ids of the first page of a selection."""
    page = await index.page(Selection(**selection), limit)
    return [decode_record(content).call_connection_id for content in page.contents]


async def list_pages(index: CallIndex, limit: int, **selection: Any) -> list[str]:
    """The ids of all pages of a selection."""
    calls: list[str] = []
    cursor: Cursor | None = None
    while True:
        page = await index.page(Selection(**selection), limit, cursor)
        calls += [decode_record(content).call_connection_id for content in page.contents]
        cursor = page.cursor
        if cursor is None:
            return calls
