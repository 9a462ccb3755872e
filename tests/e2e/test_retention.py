"""Deleting a call over the running system while it is streamed: nothing stays or returns."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue.aio import QueueServiceClient

from local.client import AppClient, state_is, streaming_is
from local.up import Up
from tests.calls.retention.calls_to_delete import EXEMPT, search
from tests.e2e.ringing import wait_for_audio

pytestmark = pytest.mark.asyncio(loop_scope="session")

TO, CALLER = "15557770001", "15557770002"


async def until[T](look: Callable[[], Awaitable[T]], reached: Callable[[T], bool]) -> T:
    deadline = time.monotonic() + 100
    while not reached(value := await look()):
        assert time.monotonic() < deadline, value
        await asyncio.sleep(0.25)
    return value


async def uploaded_manifests(up: Up) -> float:
    url = up.addresses.streamer.replace("ws", "http", 1) + "/metrics"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        lines = (await response.text()).splitlines()
    return sum(
        float(line.split()[1])
        for line in lines
        if line.startswith("streamer_manifests_uploaded_total")
    )


async def queued(storage: str) -> list[str]:
    """The contents of all messages in all queues."""
    texts = []
    async with QueueServiceClient.from_connection_string(storage) as service:
        async for queue in service.list_queues():
            messages = await service.get_queue_client(queue.name).peek_messages(max_messages=32)
            texts += [base64.b64decode(message.content).decode() for message in messages]
    return texts


async def test_nothing_is_left_of_a_call_that_was_deleted_while_it_was_streamed(
    app: AppClient, up: Up, faults: aiohttp.ClientSession
) -> None:
    body = {"to": f"+{TO}", "from": f"+{CALLER}", "channels": "unmixed"}
    call = (await app.place_call(**body))["call_connection_id"]
    await app.until(call, streaming_is("active"), "streaming starts")
    await app.until(call, state_is("connected"), "the call connects")
    await wait_for_audio(faults, call, 192_000)
    path = f"/api/v1/calls/{call}"
    status, problem, _ = await app.request("DELETE", path)
    assert (status, problem["code"]) == (409, "call_not_ended")
    status, _, _ = await app.request("PUT", f"{path}/hold", {"reason": "Claim 118"})
    assert status == 200
    status, problem, _ = await app.request("DELETE", f"{path}?hangup=true")
    assert (status, problem["code"]) == (409, "call_on_hold")
    assert (await app.show(call))["state"] == "connected"
    status, _, _ = await app.request("DELETE", f"{path}/hold")
    assert status == 204

    before = await uploaded_manifests(up)
    status, deletion, headers = await app.request("DELETE", f"{path}?hangup=true")
    assert status == 202

    async def receipt() -> dict[str, Any]:
        status, document, _ = await app.request("GET", headers["Location"])
        assert status == 200
        return dict(document)

    completed = await until(receipt, lambda document: document["state"] == "completed")
    assert {"calls", "grants"} <= {entry["container"] for entry in completed["deleted"]}
    assert completed["id"] == deletion["id"]
    # The call's end, its last segments and its manifest come late.
    await until(lambda: uploaded_manifests(up), lambda count: count > before)

    async with BlobServiceClient.from_connection_string(
        up.addresses.storage_connection_string
    ) as service:

        async def left() -> list[str]:
            return [
                *await search(service, [TO, CALLER]),
                *await search(service, [call], exempt=EXEMPT),
                *(
                    text
                    for text in await queued(up.addresses.storage_connection_string)
                    if call in text
                ),
            ]

        assert await until(left, lambda hits: not hits) == []
    status, problem, _ = await app.request("GET", path)
    assert (status, problem["code"]) == (410, "call_deleted")
    assert await receipt() == completed
