"""The signing keys change, or cannot be fetched, during calls."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from local import verify
from local.client import AppClient, Json, is_assembled, state_is, streaming_is
from local.up import Up
from tests.security.conftest import PHONE, Stranger

pytestmark = pytest.mark.asyncio(loop_scope="session")


class KeyServer:
    """Stands before the emulator's key set, and can be down."""

    def __init__(self) -> None:
        self.source = ""
        self.down = False
        self.asked = 0
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/keys", self._keys)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/keys"

    async def stop(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _keys(self, _: web.Request) -> web.Response:
        self.asked += 1
        if self.down:
            return web.Response(status=503)
        async with aiohttp.ClientSession() as session, session.get(self.source) as answer:
            return web.json_response(await answer.json())


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def keys() -> AsyncIterator[KeyServer]:
    server = KeyServer()
    await server.start()
    yield server
    await server.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def up(keys: KeyServer) -> AsyncIterator[Up]:
    settings = {"ACS_TOKEN_JWKS_URL": keys.url, "TRANSCRIPTION": "off"}
    async with Up(use_free_ports=True, settings=settings) as running:
        keys.source = running.addresses.acs_endpoint + "/calling/keys"
        yield running


async def rotate(up: Up, *, keep_old: bool) -> None:
    """The emulator signs with a new key from now on."""
    url = f"{up.addresses.acs_endpoint}/emulator/keys/rotate"
    params = {"keep_old": str(keep_old).lower()}
    async with aiohttp.ClientSession() as session, session.post(url, params=params) as answer:
        assert answer.status == 204


async def place(app: AppClient) -> str:
    """A call that streams."""
    call = str((await app.place_call(**PHONE))["call_connection_id"])
    await app.until(call, streaming_is("active"), "streaming starts")
    return call


async def finish(app: AppClient, up: Up, call: str, streams: int) -> Json:
    """Hang up; every sample that was sent must have landed, and every event come."""
    await app.hang_up(call)
    await app.until(call, state_is("disconnected"), "the call ends")
    record = await app.until(call, lambda r: is_assembled(r, streams), "the result", 80)
    sent = await verify.fetch_sent(up.addresses.acs_endpoint, call)
    landed = await verify.fetch_uploaded(up.addresses.storage_connection_string, call)
    assert verify.compare(sent, landed) > 0
    return record


@pytest.mark.parametrize("keep_old", [True, False])
async def test_rotating_keys_during_calls_loses_no_call(
    app: AppClient, up: Up, keep_old: bool
) -> None:
    """Twice at once, as fast as can be: calls before, between and after go on and end well."""
    before = await place(app)
    await rotate(up, keep_old=keep_old)
    between = await place(app)
    await app.streaming(before, "stop")
    await app.until(before, streaming_is("inactive"), "streaming stops")
    await rotate(up, keep_old=keep_old)
    after = await place(app)
    await app.streaming(before, "start")
    await app.until(before, streaming_is("active"), "streaming starts again")
    await asyncio.sleep(0.5)
    records = await asyncio.gather(
        finish(app, up, before, 2), finish(app, up, between, 1), finish(app, up, after, 1)
    )
    for record in records:
        names = [event["type"] for event in record["events"]]
        assert {"CallConnected", "MediaStreamingStarted", "CallDisconnected"} <= set(names)


async def test_while_the_key_server_is_down_only_known_keys_are_accepted(
    app: AppClient, up: Up, stranger: Stranger, keys: KeyServer
) -> None:
    call = await place(app)
    keys.down = True
    unknown = await stranger.authorization("callback", "unknown_kid")
    url = await stranger.transport_url(call)
    record = await app.show(call)
    headers = {
        "x-ms-call-connection-id": call,
        "x-ms-call-correlation-id": record["correlation_id"],
        "Authorization": str(await stranger.authorization("media", "unknown_kid")),
    }
    asked, begun = keys.asked, time.monotonic()
    for _ in range(5):
        status, text = await stranger.post([], unknown)
        assert (status, "cannot be verified now" in text) == (503, True)
        assert await stranger.knock(url, headers) == 503
    # Each entrance asks at most every five seconds.
    assert keys.asked <= asked + 2 * (1 + (time.monotonic() - begun) // 5)
    assert await stranger.refusals("callbacks", 503, "token_keys_unavailable", 5) == 5
    refused = "streamer_handshakes_refused_total"
    assert await stranger.streamer_counts(refused, "keys_unavailable") == 5
    known = await place(app)
    await finish(app, up, known, 1)
    await finish(app, up, call, 1)
    keys.down = False
    # Each entrance asks again five seconds after it was told nothing, most of which have passed.
    async with asyncio.timeout(60):
        while (await stranger.post([], unknown))[0] == 503:  # noqa: ASYNC110 (another process)
            await asyncio.sleep(0.05)
        while await stranger.knock(url, headers) == 503:  # noqa: ASYNC110 (another process)
            await asyncio.sleep(0.05)
    assert (await stranger.post([], unknown))[0] == 401
    assert await stranger.knock(url, headers) == 401
