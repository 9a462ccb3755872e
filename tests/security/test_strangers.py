"""What strangers are answered names no value of a setting: no account, host or endpoint."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import aiohttp
import azure.functions as func
import pytest

from calls.clients import Clients
from calls.http import callbacks, respond
from calls.settings import Settings, load
from configuration import SettingsError, variable
from local.up import ACS_RESOURCE_ID
from tests.security.conftest import Stranger

REQUESTS: list[tuple[str, str, bytes, dict[str, str]]] = [
    ("POST", "/api/v1/callbacks", b"", {}),
    ("POST", "/api/v1/callbacks", b"{", {"Authorization": "Bearer a.b.c"}),
    ("POST", "/api/v1/callbacks?x=1", b"[]", {"Authorization": "Bearer " + "x" * 9000}),
    ("POST", "/api/v1/callbacks", b" " * 300_000, {}),
    ("POST", "/api/v1/callbacks", b"", {"Content-Length": "99000000"}),
    ("PUT", "/api/v1/callbacks", b"[]", {}),
    ("POST", "/api/v1/health", b"", {}),
    ("GET", "/api/v1/health?x=1", b"", {}),
    ("GET", "/api/v1/openapi.json?x=1", b"", {}),
    ("DELETE", "/api/v1/openapi.json", b"", {}),
    ("GET", "/api/console/nothing", b"", {}),
    ("GET", "/api/console/..%2fsettings.py", b"", {}),
    ("POST", "/api/console", b"x", {}),
    ("GET", "/api/v1/calls", b"", {}),
    ("POST", "/api/v1/calls", b"{}", {"x-functions-key": "wrong"}),
    ("GET", "/api/v1/nothing", b"", {}),
    ("POST", "/runtime/webhooks/EventGrid", b"[]", {}),
    ("POST", "/runtime/webhooks/blobs", b"[]", {}),
    ("GET", "/admin/host/status", b"", {}),
    ("GET", "/", b"", {}),
]
STREAMER_PATHS = ["/", "/healthz", "/readyz", "/media/", "/media/x", "/metrics", "/nothing"]


@pytest.mark.asyncio(loop_scope="session")
async def test_no_answer_to_a_stranger_names_a_host_an_account_or_a_resource(
    stranger: Stranger,
) -> None:
    addresses = stranger.up.addresses
    parts = dict(
        part.split("=", 1) for part in addresses.storage_connection_string.split(";") if part
    )
    values = {
        parts["AccountName"],
        urlsplit(parts["BlobEndpoint"]).netloc,
        urlsplit(addresses.acs_endpoint).netloc,
        ACS_RESOURCE_ID,
        addresses.function_key,
        addresses.acs_key,
    }
    refused = 0
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(300)) as session:
        for method, path, body, headers in REQUESTS:
            sent = aiohttp.payload.BytesPayload(body) if "Content-Length" not in headers else None
            if sent is None:
                # The body of a client that only says that it is large.
                head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 99000000\r\n\r\n"
                assert await stranger.send(head.encode()) == 413
                continue
            url = addresses.app + path
            async with session.request(method, url, data=sent, headers=headers) as response:
                text = f"{dict(response.headers)} {await response.text()}"
            refused += response.status >= 400
            own_host = urlsplit(addresses.app).netloc
            found = {value for value in values if value in text.replace(own_host, "")}
            assert not found, (method, path)
        for path in STREAMER_PATHS:
            url = addresses.streamer.replace("ws", "http", 1) + path
            async with session.get(url) as response:
                text = f"{dict(response.headers)} {await response.text()}"
            assert not {value for value in values if value in text}, path
    assert refused >= len(REQUESTS) - 3


async def test_wrong_settings_are_named_to_a_stranger_without_their_values() -> None:
    marks = {
        variable(field, {"audio_storage": "AudioStorage"}): f"value-of-{field}"
        for field in Settings.__struct_fields__
    }

    def create_clients() -> Clients:
        with pytest.raises(SettingsError) as wrong:
            load(marks)
        assert "value-of-" in str(wrong.value), "the log has the values"
        raise wrong.value

    request = func.HttpRequest("POST", "/api/v1/callbacks", body=b"[]")
    handler = callbacks.callback_handler(lambda _: None)
    response = await respond.respond_with(handler, create_clients, request)
    assert response.status_code == 500
    problem = json.loads(response.get_body())
    assert problem["code"] == "not_configured"
    assert "ANSWER_CALLS" in problem["detail"]
    assert "value-of-" not in response.get_body().decode()
