"""Deletions are begun once, found again, and forgotten if they were abandoned."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from calls import blobs
from calls.clients import Clients
from calls.errors import Contended, DeletionNotFound
from calls.http.call_details import show_call
from calls.http.links import create_links
from calls.http.respond import Handler
from calls.http.results import send_recording, send_segment, show_timeline
from calls.http.transcripts import show_transcript
from calls.records.dispositions import read_disposition
from calls.retention import deletions
from calls.retention.deletions import (
    begin_deletion,
    change_deletion,
    is_current,
    list_unfinished,
    read_deletion,
)
from calls.retention.run import run_deletion
from contract import names
from tests.calls.handler_requests import create_record, decode_body, send_request
from tests.calls.retention.calls_to_delete import ADMIN, Clock, create_call
from tests.calls.sample_streams import STARTED_AT, new_call_id
from tests.calls.stream_uploader import StreamUploader

NOW = datetime(2026, 11, 26, tzinfo=UTC)


async def test_a_call_is_deleted_once(clients: Clients) -> None:
    call = new_call_id()
    await create_record(clients, call)
    begun = await asyncio.gather(
        *(begin_deletion(clients.storage, call, "call", ADMIN, NOW) for _ in range(4))
    )
    (id_,) = {deletion.receipt.id for deletion in begun}
    assert id_ in await list_unfinished(clients.storage)
    deletion = await read_deletion(clients.storage, id_)
    assert deletion.created_at == STARTED_AT
    assert deletion.receipt.requested_by == ADMIN
    disposition = await read_disposition(clients.storage, call)
    assert (disposition.deletion, disposition.deleted_at) == (id_, NOW)


async def test_nothing_of_a_call_is_shown_from_the_beginning_of_its_deletion(
    uploader: StreamUploader,
) -> None:
    storage = uploader.storage
    stream = await create_call(uploader, is_processed=True)
    call, track = stream.call, next(iter(stream.tracks.values()))
    handlers: list[Handler] = [
        show_call,
        send_recording,
        send_segment,
        show_timeline,
        show_transcript,
        create_links,
    ]
    for handler in handlers:
        response = await send_request(uploader.clients, handler, id=call, track=track, index="0")
        assert response.status_code in (200, 307), handler
    # No run of the deletion has begun: its queue may be held up.
    deletion = await begin_deletion(storage, call, "call", ADMIN, NOW)
    for handler in handlers:
        response = await send_request(uploader.clients, handler, id=call, track=track, index="0")
        assert (response.status_code, decode_body(response)["code"]) == (410, "call_deleted")
    assert not await run_deletion(storage, deletion.receipt.id, Clock(NOW))
    receipt = (await read_deletion(storage, deletion.receipt.id)).receipt
    assert {each.container: each.count for each in receipt.deleted}[blobs.CALLS] == 1


async def test_a_process_that_dies_before_the_tombstone_has_deleted_nothing(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    call, clock = new_call_id(), Clock(NOW)
    await create_record(clients, call)
    await clients.storage.put(names.DRAFTS, f"{call}/a", b"")
    before = set(await list_unfinished(clients.storage))

    async def die(*_: Any) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(deletions, "change_disposition", die)
        patch.setattr(deletions, "_forget", die)
        with pytest.raises(asyncio.CancelledError):
            await begin_deletion(clients.storage, call, "call", ADMIN, NOW)
    (id_,) = set(await list_unfinished(clients.storage)) - before
    assert not await run_deletion(clients.storage, id_, clock)
    assert await clients.storage.blob_names(names.DRAFTS, f"{call}/") == [f"{call}/a"]
    assert (await read_deletion(clients.storage, id_)).receipt.state == "running"
    clock.advance(hours=2)
    assert not await is_current(clients.storage, await read_deletion(clients.storage, id_), clock())
    with pytest.raises(DeletionNotFound):
        await read_deletion(clients.storage, id_)
    assert set(await list_unfinished(clients.storage)) == before


@pytest.mark.parametrize("id_", ["", "0" * 32, "../calls/a", "A" * 32, "0" * 33])
async def test_an_unknown_deletion_is_not_found(clients: Clients, id_: str) -> None:
    with pytest.raises(DeletionNotFound):
        await read_deletion(clients.storage, id_)
    with pytest.raises(DeletionNotFound):
        await change_deletion(clients.storage, id_, lambda _: True)
    assert not await run_deletion(clients.storage, id_, Clock(NOW + timedelta(0)))


async def test_a_deletion_that_changes_all_the_time_is_contended(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    deletion = await begin_deletion(clients.storage, new_call_id(), "call", ADMIN, NOW)

    async def refuse(*_: object) -> bool:
        return False

    monkeypatch.setattr(clients.storage, "replace", refuse)
    with pytest.raises(Contended):
        await change_deletion(clients.storage, deletion.receipt.id, lambda _: True)
    assert await clients.storage.read(blobs.RETENTION, blobs.unfinished_blob(deletion.receipt.id))
