"""New blobs become BlobCreated events for the host's own webhook."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from azure.storage.blob import BlobServiceClient

from local.host.blobs import WEBHOOK
from local.host.event_grid import BlobEventPublisher, parse_listing
from local.host.worker import Function


async def test_only_new_and_changed_blobs_are_published(storage: str) -> None:
    name = f"events-{uuid.uuid4().hex}"
    container = BlobServiceClient.from_connection_string(storage).create_container(name)
    container.upload_blob("before", b"")
    events: list[tuple[str, dict[str, Any]]] = []
    received = asyncio.Semaphore(0)
    statuses = [503, 202, 202]

    async def webhook(request: web.Request) -> web.Response:
        (event,) = await request.json()
        assert request.query["code"] == "key"
        events.append((request.query["functionName"], event))
        received.release()
        return web.Response(status=statuses.pop(0))

    app = web.Application()
    app.router.add_post(WEBHOOK, webhook)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    function = Function("1", "analyse", {"type": "blobTrigger", "path": name + "/{name}"})
    address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    publisher = BlobEventPublisher([function], storage, address, "key", 0.02)
    await publisher.start()
    container.upload_blob("new blob", b"1")
    for _ in range(2):
        await asyncio.wait_for(received.acquire(), 60)
    container.upload_blob("new blob", b"22", overwrite=True)
    await asyncio.wait_for(received.acquire(), 60)
    await publisher.stop()
    await runner.cleanup()
    assert {function_id for function_id, _ in events} == {"Host.Functions.analyse"}
    subject = f"/blobServices/default/containers/{name}/blobs/new blob"
    assert {event["subject"] for _, event in events} == {subject}, "not the blob from before"
    assert [event["data"]["contentLength"] for _, event in events] == [1, 1, 2], "503 is retried"
    assert events[0][1]["eventType"] == "Microsoft.Storage.BlobCreated"


def test_a_listing_is_read_page_by_page_with_every_name() -> None:
    def element(name: str, attribute: str = "") -> str:
        return (
            f"<Blob><Name{attribute}>{name}</Name><Properties><Etag>0x1</Etag><Content-Length>7"
            "</Content-Length><Content-Type>audio/wav</Content-Type></Properties></Blob>"
        )

    names = element("a/b c&amp;\u00fc.wav") + element("bell%07", ' Encoded="true"')
    page = f"<EnumerationResults><Blobs>{names}</Blobs><NextMarker>{{}}</NextMarker>"
    page += "</EnumerationResults>"
    blobs, marker = parse_listing(page.format("2!next"))
    assert [blob.name for blob in blobs] == ["a/b c&\u00fc.wav", "bell\x07"]
    assert blobs[0][1:] == ("0x1", 7, "audio/wav")
    assert marker == "2!next"
    assert parse_listing(page.format(""))[1] is None


async def test_all_pages_of_a_container_are_listed(
    storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"pages-{uuid.uuid4().hex}"
    container = BlobServiceClient.from_connection_string(storage).create_container(name)
    for number in range(3):
        container.upload_blob(f"{number} ü&", b"")
    function = Function("1", "analyse", {"type": "blobTrigger", "path": name + "/{name}"})
    publisher = BlobEventPublisher([function], storage, "http://127.0.0.1:9", "key", 60)
    monkeypatch.setitem(publisher._links, name, publisher._links[name] + "&maxresults=2")
    async with aiohttp.ClientSession() as session:
        blobs = await publisher._list(session, name)
    await publisher.stop()
    assert [blob.name for blob in blobs] == ["0 ü&", "1 ü&", "2 ü&"]
