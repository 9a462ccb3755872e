"""Changing a document under its ETag, in a real Azurite."""

from __future__ import annotations

import asyncio
import uuid

import msgspec
import pytest

from calls import blobs
from calls.changes import change_document
from calls.clients import Clients
from calls.errors import Contended
from calls.storage import Storage


class _Counter(msgspec.Struct):
    value: int = 0


async def change(storage: Storage, blob: str, by: int) -> int:
    def apply(counter: _Counter) -> bool:
        counter.value += by
        return by != 0

    changed = await change_document(
        storage, blobs.RETENTION, blob, _Counter, apply, missing=_Counter, name="a counter"
    )
    return changed.value


async def test_simultaneous_changes_all_count(clients: Clients) -> None:
    blob = f"test/{uuid.uuid4()}"
    await asyncio.gather(*(change(clients.storage, blob, 1) for _ in range(5)))
    assert await change(clients.storage, blob, 0) == 5


async def test_without_a_change_nothing_is_written(clients: Clients) -> None:
    blob = f"test/{uuid.uuid4()}"
    assert await change(clients.storage, blob, 0) == 0
    assert await clients.storage.read(blobs.RETENTION, blob) is None


@pytest.mark.parametrize("write", ["create", "replace"])
async def test_a_document_that_always_changes_is_contended(
    clients: Clients, monkeypatch: pytest.MonkeyPatch, write: str
) -> None:
    blob = f"test/{uuid.uuid4()}"
    if write == "replace":
        await change(clients.storage, blob, 1)

    async def refuse(*_: object) -> None:
        return None

    monkeypatch.setattr(clients.storage, write, refuse)
    with pytest.raises(Contended, match="a counter"):
        await change(clients.storage, blob, 1)
