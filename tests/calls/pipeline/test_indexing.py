"""Compacting the index on a schedule."""

from __future__ import annotations

import pytest

from calls.clients import Clients
from calls.index.call_index import get_index
from calls.index.selection import Selection
from calls.pipeline import indexing
from calls.records.change_log import read_checkpoint
from tests.calls.handler_requests import create_record
from tests.calls.sample_streams import new_call_id


@pytest.mark.usefixtures("own_storage")
async def test_the_process_s_index_is_compacted(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "get_clients", lambda: clients)
    call = new_call_id()
    await create_record(clients, call)
    await indexing.compact_index()
    checkpoint, etag = await read_checkpoint(clients.storage)
    assert etag is not None
    assert checkpoint.days
    page = await get_index(clients).page(Selection(sort="created_at"), 1)
    assert page.contents
