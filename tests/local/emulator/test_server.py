"""The emulator's HTTP server: its address, its start and stop, and the shape of all errors."""

from __future__ import annotations

import json

import aiohttp
import pytest

from local.emulator.server import EmulatorServer, EmulatorSettings
from tests.local.emulator.conftest import CALLS, KEY, Client


async def test_a_taken_port_is_an_error_and_a_stopped_emulator_frees_its_port() -> None:
    first = EmulatorServer(EmulatorSettings(KEY, "resource", port=0))
    await first.start()
    port = int(first.endpoint.rpartition(":")[2])
    second = EmulatorServer(EmulatorSettings(KEY, "resource", port=port))
    with pytest.raises(OSError, match="address already in use"):
        await second.start()
    await second.stop()
    await first.stop()
    third = EmulatorServer(EmulatorSettings(KEY, "resource", port=port))
    await third.start()
    assert third.endpoint == first.endpoint
    await third.stop()


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status", "code"),
    [
        ("POST", "/emulator/faults", {}, b"{", 400, "8523"),
        ("POST", "/emulator/faults", {"Origin": "http://a.example"}, b"{}", 403, "8500"),
        ("GET", "/emulator/incoming/none", {}, b"", 404, "8522"),
        ("POST", CALLS, {}, b"{}", 401, "7509"),
    ],
)
async def test_errors_have_acs_s_shape(
    client: Client,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    status: int,
    code: str,
) -> None:
    async with (
        aiohttp.ClientSession(client.emulator.endpoint) as session,
        session.request(method, path, headers=headers, data=body) as response,
    ):
        assert response.status == status
        error = json.loads(await response.text())["error"]
        assert error["code"] == code
        assert error["message"]
