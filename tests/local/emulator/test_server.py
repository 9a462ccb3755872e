"""The emulator's HTTP server: signatures, errors, repeatability, and the control interface."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from local.emulator.server import EmulatorServer, EmulatorSettings
from local.emulator.signature import content_hash, sign

KEY = base64.b64encode(bytes(32)).decode()
CALLS = "/calling/callConnections"
# Nothing listens there: callback events are not what these tests are about.
PLACE = {"targets": [{"rawId": "4:+15551230000"}], "callbackUri": "http://127.0.0.1:9/"}


class Client:
    """Sends signed requests."""

    def __init__(self, emulator: EmulatorServer, session: aiohttp.ClientSession) -> None:
        self.emulator = emulator
        self._session = session

    async def request(
        self, method: str, path: str, body: Any = None, key: str = KEY, **headers: str
    ) -> tuple[int, Any]:
        content = b"" if body is None else json.dumps(body).encode()
        date = datetime.now(UTC).isoformat()
        host = self.emulator.endpoint.removeprefix("http://")
        headers |= {
            "x-ms-date": date,
            "x-ms-content-sha256": content_hash(content),
            "Authorization": sign(key, method, path, date, host, content),
        }
        async with self._session.request(method, path, data=content, headers=headers) as response:
            text = await response.text()
            return response.status, json.loads(text) if text else None


@pytest_asyncio.fixture
async def client() -> AsyncIterator[Client]:
    settings = EmulatorSettings(KEY, "resource", port=0, answer_seconds=60)
    emulator = EmulatorServer(settings)
    await emulator.start()
    async with aiohttp.ClientSession(emulator.endpoint) as session:
        yield Client(emulator, session)
    await emulator.stop()


async def test_requests_are_signed_and_counted(client: Client) -> None:
    wrong = base64.b64encode(b"x" * 32).decode()
    status, body = await client.request("POST", CALLS, PLACE, key=wrong)
    assert (status, body["error"]["code"]) == (401, "7509")
    assert (await client.request("POST", CALLS, PLACE))[0] == 201
    status, counts = await client.request("GET", "/emulator/requests")
    assert (status, counts) == (200, {"POST callConnections": 2})
    assert client.emulator.requests == counts


async def test_a_repeated_request_returns_the_same_call(client: Client) -> None:
    headers = {"Repeatability-Request-ID": "one"}
    _, first = await client.request("POST", CALLS, PLACE, **headers)
    _, again = await client.request("POST", CALLS, PLACE, **headers)
    _, other = await client.request("POST", CALLS, PLACE)
    assert first["callConnectionId"] == again["callConnectionId"] != other["callConnectionId"]
    _, health = await client.request("GET", "/emulator/health")
    assert health == {"status": "ok", "calls": 2}


async def test_errors_have_acs_s_shape(client: Client) -> None:
    for method, path, body, expected in (
        ("GET", f"{CALLS}/missing", None, (404, "8522")),
        ("POST", CALLS, {"targets": 1}, (400, "8523")),
        ("POST", f"{CALLS}:answer", {"incomingCallContext": "x", "callbackUri": ""}, (400, "8523")),
        ("GET", "/emulator/calls/missing/sent", None, (404, "8522")),
    ):
        status, answer = await client.request(method, path, body)
        assert (status, answer["error"]["code"]) == expected, path
    _, call = await client.request("POST", CALLS, PLACE)
    path = f"{CALLS}/{call['callConnectionId']}"
    status, answer = await client.request("POST", f"{path}:startMediaStreaming", {})
    assert (status, answer["error"]["code"]) == (409, "8501"), "it is not connected"
    assert (await client.request("POST", f"{path}:mute", {}))[0] == 501


async def test_a_call_keeps_its_requests_and_faults(client: Client) -> None:
    _, faults = await client.request("POST", "/emulator/faults", {"drop": 0.5})
    assert faults["drop"] == 0.5
    _, call = await client.request("POST", CALLS, PLACE)
    path = f"/emulator/calls/{call['callConnectionId']}"
    assert await client.request("GET", f"{path}/requests") == (
        200,
        [{"operation": "create", "body": PLACE}],
    )
    assert await client.request("GET", f"{path}/sent") == (200, [])
    status, faults = await client.request("POST", f"{path}/faults", {"repeat": 0.1})
    assert (status, faults["repeat"], faults["drop"]) == (200, 0.1, 0.0)
    assert (await client.request("POST", "/emulator/faults", {"colour": "blue"}))[0] == 400


@pytest.mark.parametrize("entrance", ["callback", "media"])
async def test_tokens_and_keys(client: Client, entrance: str) -> None:
    _, token = await client.request("POST", "/emulator/tokens", {"entrance": entrance})
    assert token["authorization"].startswith("Bearer ")
    forged = {"entrance": entrance, "fault": "none"}
    assert await client.request("POST", "/emulator/tokens", forged) == (
        200,
        {"authorization": None},
    )
    url = client.emulator.endpoint
    _, configuration = await client.request("GET", "/calling/.well-known/acsopenidconfiguration")
    assert configuration["jwks_uri"] == f"{url}/calling/keys"
    assert (await client.request("POST", "/emulator/keys/rotate?keep_old=false"))[0] == 204
    _, key_set = await client.request("GET", "/calling/keys")
    assert len(key_set["keys"]) == 1
