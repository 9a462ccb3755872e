"""New blobs become BlobCreated events for the host's own webhook."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import aiohttp
import pytest
from aiohttp import web
from azure.storage.blob import BlobServiceClient

from local.host.blobs import WEBHOOK
from local.host.event_grid import BlobEventPublisher, parse_listing
from local.host.worker import Function


class Webhook:
    """What a publisher sends, in a queue; the answers are the given statuses, in turn."""

    def __init__(self, *statuses: int) -> None:
        self.address = ""
        self._statuses = list(statuses)
        self._events: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue()

    async def next_event(self) -> tuple[str, dict[str, Any]]:
        """Wait for an event; return it with the function that it is for."""
        return await asyncio.wait_for(self._events.get(), 60)

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post(WEBHOOK, self._receive)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.address = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _receive(self, request: web.Request) -> web.Response:
        (event,) = await request.json()
        assert request.query["code"] == "key"
        self._events.put_nowait((request.query["functionName"], event))
        return web.Response(status=self._statuses.pop(0))


def watch(storage: str, container: str, address: str, since: datetime) -> BlobEventPublisher:
    function = Function("1", "analyse", {"type": "blobTrigger", "path": container + "/{name}"})
    return BlobEventPublisher([function], storage, address, "key", 0.02, since)


async def test_only_new_and_changed_blobs_are_published(storage: str) -> None:
    name = f"events-{uuid.uuid4().hex}"
    container = BlobServiceClient.from_connection_string(storage).create_container(name)
    container.upload_blob("before", b"")
    async with Webhook(503, 202, 202) as webhook:
        since = datetime.now(UTC) + timedelta(seconds=2)
        publisher = watch(storage, name, webhook.address, since)
        await publisher.start()
        container.upload_blob("new blob", b"1")
        events = [await webhook.next_event() for _ in range(2)]
        container.upload_blob("new blob", b"22", overwrite=True)
        events.append(await webhook.next_event())
        await publisher.stop()
    assert {function_id for function_id, _ in events} == {"Host.Functions.analyse"}
    subject = f"/blobServices/default/containers/{name}/blobs/new blob"
    assert {event["subject"] for _, event in events} == {subject}, "not the blob from before"
    assert [event["data"]["contentLength"] for _, event in events] == [1, 1, 2], "503 is retried"
    assert events[0][1]["eventType"] == "Microsoft.Storage.BlobCreated"


async def test_a_blob_that_is_written_while_the_host_starts_is_published(storage: str) -> None:
    since = datetime.now(UTC)
    name = f"events-{uuid.uuid4().hex}"
    container = BlobServiceClient.from_connection_string(storage).create_container(name)
    container.upload_blob("early", b"")
    async with Webhook(202) as webhook:
        publisher = watch(storage, name, webhook.address, since)
        await publisher.start()
        _, event = await webhook.next_event()
        await publisher.stop()
    assert event["subject"].endswith("/early")


def test_a_listing_is_read_page_by_page_with_every_name() -> None:
    def element(name: str, attribute: str = "") -> str:
        return (
            f"<Blob><Name{attribute}>{name}</Name><Properties><Etag>0x1</Etag><Content-Length>7"
            "</Content-Length><Content-Type>audio/wav</Content-Type>"
            "<Last-Modified>Thu, 26 Nov 2026 13:27:20 GMT</Last-Modified></Properties></Blob>"
        )

    names = element("a/b c&amp;\u00fc.wav") + element("bell%07", ' Encoded="true"')
    page = f"<EnumerationResults><Blobs>{names}</Blobs><NextMarker>{{}}</NextMarker>"
    page += "</EnumerationResults>"
    blobs, marker = parse_listing(page.format("2!next"))
    assert [blob.name for blob in blobs] == ["a/b c&\u00fc.wav", "bell\x07"]
    modified_at = datetime(2026, 11, 26, 13, 27, 20, tzinfo=UTC)
    assert blobs[0][1:] == ("0x1", 7, "audio/wav", modified_at)
    assert marker == "2!next"
    assert parse_listing(page.format(""))[1] is None


async def test_all_pages_of_a_container_are_listed(
    storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"pages-{uuid.uuid4().hex}"
    container = BlobServiceClient.from_connection_string(storage).create_container(name)
    for number in range(3):
        container.upload_blob(f"{number} ü&", b"")
    publisher = watch(storage, name, "http://127.0.0.1:9", datetime.now(UTC))
    monkeypatch.setitem(publisher._links, name, publisher._links[name] + "&maxresults=2")
    async with aiohttp.ClientSession() as session:
        blobs = await publisher._list(session, name)
    await publisher.stop()
    assert [blob.name for blob in blobs] == ["0 ü&", "1 ü&", "2 ü&"]
