"""The control interface: faults, requests, tokens and keys."""

from __future__ import annotations

import aiohttp
import pytest

from tests.local.emulator.conftest import CALLS, PLACE, Client


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


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "attacker.example"},
        {"Origin": "http://attacker.example"},
        {"Origin": "null"},
    ],
)
async def test_websites_cannot_control_the_emulator(
    client: Client, headers: dict[str, str]
) -> None:
    url = client.emulator.endpoint
    async with aiohttp.ClientSession(url) as session:
        for method, path in (
            ("POST", "/emulator/faults"),
            ("POST", "/%65mulator/faults"),
            ("POST", "/emulator/incoming"),
            ("GET", "/emulator/health"),
        ):
            async with session.request(method, path, headers=headers, json={}) as response:
                assert response.status == 403, path
        async with session.get("/calling/keys", headers=headers) as response:
            assert response.status == 200, "these are public"
