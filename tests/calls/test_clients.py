"""The clients of the app: how they sign, how long they wait, and what they create."""

from __future__ import annotations

import asyncio
import base64
import time
from typing import Literal

import pytest
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import HttpResponseError, ServiceResponseError
from azure.core.pipeline.transport import AsyncHttpTransport

from calls.clients import Clients, call_automation_client, get_clients
from calls.settings import Settings
from configuration import SettingsError
from local.emulator.server import EmulatorServer
from tests.calls.emulator import ACCESS_KEY

KEY = AzureNamedKeyCredential("account", ACCESS_KEY)


@pytest.mark.parametrize("slash", ["", "/"])
async def test_an_endpoint_with_a_trailing_slash_has_the_right_signature(
    emulator: EmulatorServer, slash: str
) -> None:
    settings = Settings(acs_endpoint=emulator.endpoint + slash, acs_access_key=ACCESS_KEY)
    async with call_automation_client(settings) as client:
        with pytest.raises(Exception, match="Call not found") as refused:
            await client.get_call_connection("nothing").get_call_properties()
    assert getattr(refused.value, "status_code", None) == 404, "401 would be a wrong signature"


async def test_a_wrong_key_is_refused(emulator: EmulatorServer) -> None:
    wrong = base64.b64encode(b"x" * 32).decode()
    settings = Settings(acs_endpoint=emulator.endpoint, acs_access_key=wrong)
    async with call_automation_client(settings) as client:
        with pytest.raises(Exception, match="7509") as refused:
            await client.get_call_connection("nothing").get_call_properties()
    assert getattr(refused.value, "status_code", None) == 401


async def test_a_request_to_an_unresponsive_acs_ends_after_the_read_timeout() -> None:
    """The client's own timeouts are 300 s, more than a function has."""

    async def never_answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2)
        writer.close()

    server = await asyncio.start_server(never_answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = Settings(
        acs_endpoint=f"http://127.0.0.1:{port}",
        acs_access_key=ACCESS_KEY,
        acs_read_timeout_seconds=0.3,
    )
    started = time.monotonic()
    async with call_automation_client(settings) as client:
        with pytest.raises(ServiceResponseError):
            await client.get_call_connection("call").start_media_streaming(retry_total=0)
    assert 0.3 <= time.monotonic() - started < 100, "the client's own timeout is five minutes"
    server.close()


async def test_a_failing_blob_storage_is_asked_again_once_and_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Azure's own policy would wait 15 s: half of the time that a call rings."""
    requests = 0

    async def fail(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        requests += bool(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 503 Server Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(fail, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    storage = (
        "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=AAAA;"
        f"BlobEndpoint=http://127.0.0.1:{port}/devstoreaccount1;"
    )
    clients = Clients(
        Settings(audio_storage=storage, acs_endpoint="http://127.0.0.1:9", acs_access_key="AAAA")
    )
    pauses: list[float] = []

    async def pause(_: object, seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(AsyncHttpTransport, "sleep", pause)
    with pytest.raises(HttpResponseError) as failed:
        await clients.storage.read("calls", "blob")
    assert (failed.value.status_code, requests) == (503, 2)
    assert pauses == []
    await clients.close()
    server.close()


@pytest.mark.parametrize(("check", "verified"), [("require", True), ("warn", True), ("off", False)])
async def test_tokens_are_verified_unless_the_check_is_off(
    check: Literal["require", "warn", "off"], verified: bool
) -> None:
    clients = Clients(
        Settings(
            audio_storage="UseDevelopmentStorage=true",
            acs_endpoint="https://acs.example",
            acs_access_key=ACCESS_KEY,
            callback_token_check=check,
        )
    )
    assert (clients.verifier is not None) == verified
    await clients.close()


def test_wrong_settings_are_reported_by_each_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are not cached: the next request reads the settings again."""
    get_clients.cache_clear()
    for name in ("ACS_ENDPOINT", "AudioStorage", "AudioStorage__blobServiceUri"):
        monkeypatch.delenv(name, raising=False)
    for _ in range(2):
        with pytest.raises(SettingsError, match="ACS_ENDPOINT: is not set"):
            get_clients()


async def test_the_queue_of_deadlines_has_the_managed_identity(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("calls.clients.managed_identity", lambda _: KEY)
    clients = Clients(
        Settings(
            audio_storage_blob_service_uri="https://account.blob.core.windows.net",
            audio_storage_queue_service_uri="https://account.queue.core.windows.net",
            acs_endpoint="https://acs.example",
            acs_access_key=ACCESS_KEY,
            callback_token_check="off",
        )
    )
    queue = clients.deadline_queue()
    assert queue.url == "https://account.queue.core.windows.net/deadlines"
    assert clients.deadline_queue() is queue
    await clients.close()
