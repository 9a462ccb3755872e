"""The emulator's server: its address, its public keys, its errors, and its end."""

from __future__ import annotations

import aiohttp
import jwt
import pytest

from local.emulator.server import ISSUER, EmulatorServer, EmulatorSettings
from tests.local.emulator.conftest import CALLS, KEY, PLACE, Client


async def test_the_port_0_is_a_free_one(client: Client) -> None:
    assert client.emulator.endpoint.startswith("http://127.0.0.1:")
    assert int(client.emulator.endpoint.rpartition(":")[2]) > 0


async def test_a_port_that_is_taken_is_an_error(client: Client) -> None:
    port = int(client.emulator.endpoint.rpartition(":")[2])
    second = EmulatorServer(EmulatorSettings(KEY, "resource", port=port))
    with pytest.raises(OSError, match=str(port)):
        await second.start()
    await second.stop()


async def test_its_keys_verify_its_tokens(client: Client) -> None:
    async with aiohttp.ClientSession(client.emulator.endpoint) as session:
        async with session.get("/calling/.well-known/acsopenidconfiguration") as answer:
            configuration = await answer.json()
        async with session.get(configuration["jwks_uri"]) as answer:
            key_set = jwt.PyJWKSet.from_dict(await answer.json())
    assert configuration["issuer"] == ISSUER
    _, body = await client.request("POST", "/emulator/tokens", {"entrance": "callback"})
    token = body["authorization"].removeprefix("Bearer ")
    key = key_set[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, algorithms=["RS256"], audience="resource", issuer=ISSUER)
    assert claims["aud"] == "resource"


async def test_only_rest_calls_must_be_signed(client: Client) -> None:
    async with aiohttp.ClientSession(client.emulator.endpoint) as session:
        async with session.get("/emulator/health") as answer:
            assert (answer.status, await answer.json()) == (200, {"status": "ok", "calls": 0})
        async with session.post(CALLS, json=PLACE) as answer:
            assert answer.status == 401
            assert (await answer.json())["error"]["code"] == "7509"


@pytest.mark.parametrize("body", [{}, {"targets": []}, {"entrance": "callback", "x": 1}, []])
async def test_a_wrong_body_is_a_400_with_acs_s_code(client: Client, body: object) -> None:
    status, answer = await client.request("POST", "/emulator/tokens", body)
    assert (status, answer["error"]["code"]) == (400, "8523")
    assert answer["error"]["message"]


async def test_nothing_listens_after_its_end(client: Client) -> None:
    await client.request("POST", CALLS, PLACE)
    await client.emulator.stop()
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.request("GET", "/emulator/health")
