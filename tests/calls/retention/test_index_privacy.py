"""Deleted calls and erased participants leave the index before their receipt."""

from __future__ import annotations

from typing import Any

import pytest
from azure.storage.blob.aio import BlobServiceClient

from calls import blobs
from calls.index.call_index import CallIndex
from calls.index.compaction import compact
from calls.index.rebuilding import compare
from calls.index.selection import Selection
from calls.retention.deletions import begin_deletion, read_deletion
from calls.retention.erasure import begin_erasure
from calls.retention.run import run_deletion
from calls.storage import Storage
from tests.calls.retention.calls_to_delete import (
    ADMIN,
    AGENT,
    CALLER,
    Clock,
    create_call,
    search,
)
from tests.calls.stream_uploader import StreamUploader


async def days_with(service: BlobServiceClient, text: str) -> list[str]:
    """The day files that have a text."""
    days = f"{blobs.INDEX}/{blobs.DAY_PREFIX}"
    return [hit for hit in await search(service, [text]) if hit.startswith(days)]


async def listed(index: CallIndex, participant: str) -> int:
    return len((await index.page(Selection(participant=participant), 10)).contents)


@pytest.mark.parametrize("scope", ["call", "participant"])
async def test_a_number_has_left_the_index_before_the_receipt(
    uploader: StreamUploader, own_storage: Storage, service: BlobServiceClient, scope: Any
) -> None:
    clock = Clock()
    stream = await create_call(uploader, is_processed=scope == "participant")
    index = CallIndex(own_storage)
    await compact(index)
    assert await listed(index, AGENT) == 1
    assert len(await days_with(service, AGENT)) == 1
    if scope == "call":
        deletion = await begin_deletion(own_storage, stream.call, "call", ADMIN, clock())
        assert await listed(index, AGENT) == 0, "it is not listed from the beginning"
    else:
        deletion = await begin_erasure(own_storage, stream.call, AGENT, ADMIN, clock())
    await run_deletion(own_storage, deletion.receipt.id, clock)
    receipt = (await read_deletion(own_storage, deletion.receipt.id)).receipt
    assert receipt.state == "completed"
    assert await days_with(service, AGENT) == []
    assert await listed(index, AGENT) == 0
    assert await listed(index, CALLER) == (1 if scope == "participant" else 0)
    rows = await index.read(lambda model: model.all_contents())
    assert not [content for content in rows.values() if AGENT[2:].encode() in content]
    await index.close()
    assert await compare(own_storage) == []
