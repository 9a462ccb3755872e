"""The audit trail's entries, in a real Azurite."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from calls import audit, blobs
from calls.clients import Clients
from calls.principals import SYSTEM, Principal
from calls.storage import Properties, Storage

KEY = Principal(kind="key", id="Caller", name="Caller")


async def entries_of(storage: Storage, call: str | None) -> list[audit.Entry]:
    """The trail's entries of a call, or of none, in the order in which they were added."""
    lines: list[bytes] = []
    for name in await storage.blob_names(blobs.AUDIT, ""):
        document = await storage.read(blobs.AUDIT, name)
        assert document is not None
        lines += document.content.splitlines()
    entries = [msgspec.json.decode(line, type=audit.Entry) for line in lines]
    return [entry for entry in entries if entry.call == call]


async def test_an_entry_says_who_did_what(clients: Clients) -> None:
    call = uuid.uuid4().hex
    before = datetime.now(UTC)
    await audit.record_action(
        clients.storage,
        "place_call",
        KEY,
        call=call,
        address="203.0.113.7",
        details={"status": "201"},
    )
    (entry,) = await entries_of(clients.storage, call)
    assert (entry.action, entry.outcome, entry.principal) == ("place_call", "done", KEY)
    assert (entry.address, entry.details) == ("203.0.113.7", {"status": "201"})
    assert before <= entry.time <= datetime.now(UTC)
    assert entry.time.tzinfo is not None


async def test_entries_that_many_add_at_once_are_all_there(clients: Clients) -> None:
    call = uuid.uuid4().hex
    numbers = [str(number) for number in range(40)]
    await asyncio.gather(
        *(
            audit.record_action(clients.storage, "erase", SYSTEM, call=call, details={"n": number})
            for number in numbers
        )
    )
    entries = await entries_of(clients.storage, call)
    assert sorted(entry.details["n"] for entry in entries) == sorted(numbers)
    assert len({entry.id for entry in entries}) == len(numbers)


async def test_a_full_blob_is_continued_in_another(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    appended: list[str] = []

    async def append(_: str, blob: str, content: bytes) -> bool:
        appended.append(blob.rpartition("/")[2])
        return not blob.endswith(("0000.jsonl", "0001.jsonl"))

    monkeypatch.setattr(audit, "_first_parts", {})
    monkeypatch.setattr(clients.storage, "append", append)
    await audit.record_action(clients.storage, "erase", SYSTEM)
    await audit.record_action(clients.storage, "erase", SYSTEM)
    assert appended == ["0000.jsonl", "0001.jsonl", "0002.jsonl", "0002.jsonl"]


class Trail:
    """A trail in memory, as Blob Storage has it."""

    def __init__(self, parts: dict[str, bytes]) -> None:
        self.parts = parts
        self.ranges: list[tuple[str, int, int]] = []

    async def listing(self, _: str, __: str) -> dict[str, Properties]:
        return {
            name: Properties(len(content), "", "", {}, datetime.now(UTC))
            for name, content in sorted(self.parts.items())
        }

    async def read_range(self, _: str, blob: str, offset: int, length: int) -> bytes:
        self.ranges.append((blob, offset, length))
        return self.parts[blob][offset : offset + length]


def line(number: int, day: str = "2026-11-26", **members: str) -> bytes:
    """The line of an entry."""
    entry = {
        "id": str(number),
        "time": f"{day}T00:00:{number % 60:02}Z",
        "action": "erase",
        "outcome": "done",
        "principal": {"kind": "system", "id": "call-audio", "name": "Call Audio"},
        **members,
    }
    return msgspec.json.encode(entry) + b"\n"


async def read_all(trail: Trail, selection: audit.Selection, limit: int = 10) -> list[str]:
    """The ids of all pages' entries."""
    storage: Any = trail
    ids: list[str] = []
    position = None
    while True:
        page = await audit.read_entries(storage, selection, limit, position)
        ids += [entry.id for entry in page.entries]
        if page.position is None:
            return ids
        position = page.position


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_pages_go_through_days_and_parts_in_order(limit: int) -> None:
    trail = Trail(
        {
            "2026-11-26/0001.jsonl": line(3),
            "2026-11-25/0000.jsonl": line(0, "2026-11-25"),
            "2026-11-26/0000.jsonl": line(1) + line(2),
        }
    )
    assert await read_all(trail, audit.Selection(), limit) == ["0", "1", "2", "3"]


async def test_only_the_days_of_the_selection_are_read() -> None:
    days = ["2026-11-24", "2026-11-25", "2026-11-26"]
    trail = Trail({f"{day}/0000.jsonl": line(n, day) for n, day in enumerate(days)})
    since = datetime.fromisoformat("2026-11-25T01:00:00+02:00")
    until = datetime.fromisoformat("2026-11-25T12:00:00+00:00")
    assert await read_all(trail, audit.Selection(since, until)) == ["1"]
    assert [blob for blob, _, _ in trail.ranges] == [f"{day}/0000.jsonl" for day in days[:2]]


async def test_a_page_reads_a_bounded_part_of_the_trail(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [line(number) for number in range(100)]
    monkeypatch.setattr(audit, "_SCAN_BYTES", 2 * len(lines[99]))
    monkeypatch.setattr(audit, "_MAX_SCANNED_BYTES", 6 * len(lines[99]))
    trail = Trail({"2026-11-26/0000.jsonl": b"".join(lines)})
    storage: Any = trail
    page = await audit.read_entries(storage, audit.Selection(call="none"), 100, None)
    assert page.entries == []
    assert page.position is not None
    assert sum(length for _, _, length in trail.ranges) == 6 * len(lines[99])
    assert await read_all(trail, audit.Selection(), 100) == [str(n) for n in range(100)]


async def test_an_entry_that_was_added_twice_counts_once() -> None:
    trail = Trail({"2026-11-26/0000.jsonl": line(1) + line(1) + line(2)})
    assert await read_all(trail, audit.Selection()) == ["1", "2"]


async def test_a_line_that_is_not_an_entry_is_logged_and_skipped(
    caplog: pytest.LogCaptureFixture,
) -> None:
    trail = Trail({"2026-11-26/0000.jsonl": line(1) + b"\xff{}\n" + line(2)})
    assert await read_all(trail, audit.Selection()) == ["1", "2"]
    (message,) = caplog.messages
    assert message.startswith("audit_entry_unreadable blob=2026-11-26/0000.jsonl ")
