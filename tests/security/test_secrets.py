"""After whole calls, no log, blob, queue or response contains a key or token."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any, Self

import aiohttp
import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from local.azurite import ACCOUNT_KEY
from local.client import AppClient, is_assembled, state_is, streaming_is
from local.up import Up
from tests.e2e.ringing import simulate_incoming_call
from tests.security.conftest import PHONE, TOKEN, Stranger

SHAPES = {
    "a JSON Web Token": TOKEN,
    "an Authorization header": re.compile(r"Bearer |HMAC-SHA256 SignedHeaders"),
    "a connection string": re.compile(
        r"AccountKey=|SharedAccessSignature=|accesskey=", re.IGNORECASE
    ),
    "a signature in a URL": re.compile(r"[?&]sig="),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY"),
    "a stream's address": re.compile(r"/media/[\w-]{8,}"),
    "a key in a query": re.compile(r"[?&]code=(?!\*)[^&\s\"']{8,}"),
}


def leaks(text: str, secrets: dict[str, str]) -> list[str]:
    """What a text holds that it must not: by name, never the secret itself."""
    found = [name for name, secret in secrets.items() if secret in text]
    return found + [name for name, shape in SHAPES.items() if shape.search(text)]


class Answers(AppClient):
    """A client that keeps what the app answered with, bodies and headers."""

    def __init__(self, up: Up) -> None:
        super().__init__(up.addresses.app, up.addresses.function_key)
        self.kept: list[str] = []

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        return self

    async def request(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any, dict[str, str]]:
        answer = await super().request(method, path, body, headers)
        if not path.endswith("/links"):
            self.kept.append(f"{method} {path} -> {json.dumps(answer[1])} {answer[2]}")
        return answer


async def whole_calls(up: Up, app: Answers, stranger: Stranger) -> dict[str, str]:
    """Calls that go well and calls that go wrong; the secrets that they were made with."""
    secrets = {
        "the function key": up.addresses.function_key,
        "the ACS access key": up.addresses.acs_key,
        "the storage's account key": ACCOUNT_KEY,
    }
    headers = {"Idempotency-Key": "a-key-of-a-client"}
    _, placed, _ = await app.request("POST", "/api/v1/calls", PHONE, headers)
    await app.request("POST", "/api/v1/calls", PHONE | {"channels": "unmixed"}, headers)
    call = placed["call_connection_id"]
    await app.until(call, streaming_is("active"), "streaming starts")
    await app.streaming(call, "stop")
    await app.until(call, streaming_is("inactive"), "streaming stops")
    await app.streaming(call, "start", operation_context="again")
    await app.until(call, streaming_is("active"), "streaming starts again")
    await asyncio.sleep(1)
    await app.hang_up(call)
    await app.until(call, state_is("disconnected"), "the call ends")
    await app.until(call, lambda record: is_assembled(record, 2), "the result", 80)
    _, made, _ = await app.request("POST", f"/api/v1/calls/{call}/links", {})
    secrets["a link's signature"] = made["links"][0]["url"].partition("sig=")[2][:20]

    forged = {"media_token": "wrong_key", "callback_token": "expired"}
    async with aiohttp.ClientSession(up.addresses.acs_endpoint) as emulator:
        await emulator.post("/emulator/faults", json=forged)
        wrong = (await app.place_call(**PHONE))["call_connection_id"]
        await asyncio.sleep(1)
        await emulator.post("/emulator/faults", json={})
    async with aiohttp.ClientSession(up.addresses.acs_endpoint) as emulator:
        answered = await simulate_incoming_call(emulator, to=PHONE["to"], **{"from": PHONE["from"]})
        await app.until(answered["call_connection_id"], streaming_is("active"), "it is answered")
        await emulator.post("/emulator/faults", json={"answer_status": 502})
        failed = await simulate_incoming_call(emulator, to=PHONE["to"], **{"from": PHONE["from"]})
        assert failed["deliveries"] == [500]
        await emulator.post("/emulator/faults", json={})
    for number, which in enumerate((call, wrong, answered["call_connection_id"])):
        token = (await stranger.transport_url(which)).rpartition("/")[2]
        secrets[f"the stream token of call {number}"] = token
    signed = str(await stranger.authorization("callback"))
    secrets["a callback's token"] = signed.rsplit(".", maxsplit=1)[-1]
    await stranger.post([{"id": signed}], signed)
    await stranger.post(b"{}", signed)
    await stranger.knock(
        up.addresses.streamer + "/media/a-guessed-token", {"Authorization": signed}
    )
    key = up.addresses.function_key
    await stranger.ask("GET", f"/api/v1/calls?code={key}&limit=0")
    await stranger.ask("GET", f"/api/v1/calls?code={key}x")
    await app.request("GET", "/api/v1/calls")
    await app.request("GET", "/api/v1/openapi.json")
    await app.request("GET", "/api/v1/calls?cursor=%25")
    await app.hang_up(wrong)
    return secrets


def logged(up: Up) -> dict[str, str]:
    return {path.name: path.read_text(errors="replace") for path in up.log_dir.glob("*.log")}


def stored(up: Up) -> dict[str, str]:
    """Every blob, by name: content, metadata, tags and headers; every message of every queue."""
    found: dict[str, str] = {}
    with BlobServiceClient.from_connection_string(up.addresses.storage_connection_string) as blobs:
        for container in blobs.list_containers(include_metadata=True):
            client = blobs.get_container_client(container.name)
            for blob in client.list_blobs(include=["metadata", "tags", "uncommittedblobs"]):
                content = client.download_blob(blob.name).readall()
                name = f"{container.name}/{blob.name}"
                found[name] = f"{name} {blob.metadata} {dict(blob)} {content.decode('latin-1')}"
    with QueueServiceClient.from_connection_string(
        up.addresses.storage_connection_string
    ) as queues:
        for queue in queues.list_queues():
            messages = queues.get_queue_client(queue.name).peek_messages(32)
            found[f"queue {queue.name}"] = str([message.content for message in messages])
    return found


async def told(up: Up, stranger: Stranger) -> AsyncIterator[tuple[str, str]]:
    """What the streamer tells whoever asks."""
    base = up.addresses.streamer.replace("ws", "http", 1)
    async with aiohttp.ClientSession() as session:
        for path in ("/healthz", "/readyz", "/metrics", "/media/x", "/nothing"):
            async with session.get(base + path) as answer:
                yield path, f"{dict(answer.headers)} {await answer.text()}"


@pytest.mark.asyncio(loop_scope="session")
async def test_no_secret_is_logged_stored_or_returned(up: Up, stranger: Stranger) -> None:
    async with Answers(up) as app:
        secrets = await whole_calls(up, app, stranger)
    places = logged(up) | await asyncio.to_thread(stored, up)
    places |= {line[:60]: line for line in app.kept}
    places |= {path: text async for path, text in told(up, stranger)}
    assert {"app.log", "streamer.log", "emulator.log", "/metrics"} <= places.keys()
    for container in ("calls", "grants", "segments", "manifests", "results", "idempotency"):
        assert any(place.startswith(container + "/") for place in places), container
    assert len(app.kept) > 10
    assert all(places[log] for log in logged(up))
    found = {place: leaked for place, text in places.items() if (leaked := leaks(text, secrets))}
    assert found == {}


def test_the_scan_finds_what_it_looks_for() -> None:
    secrets = {"a key": "k3y"}
    for planted in (
        "x k3y",
        "eyJhbGciOiJSUzI1NiJ9.e30.c2ln",
        "Authorization: Bearer x",
        "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=b",
        "https://a.blob/c/d?sp=r&sig=abc",
        "-----BEGIN RSA PRIVATE KEY-----",
        "ws://streamer/media/0123456789abcdef",
        "GET /api/v1/calls?code=0123456789abcdef",
    ):
        assert leaks(planted, secrets), planted
    assert leaks("call 123 was placed; 201 /api/v1/calls/123", secrets) == []
