"""The audit trail's entries, in a real Azurite."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime

import msgspec
import pytest

from calls import audit, blobs
from calls.clients import Clients
from calls.principals import SYSTEM, Principal
from calls.storage import Storage

KEY = Principal(kind="key", id="Caller", name="Caller")


async def entries_of(storage: Storage, call: str) -> list[audit.Entry]:
    """The trail's entries of a call, in the order in which they were added."""
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
