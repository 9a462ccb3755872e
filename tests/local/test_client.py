"""The client of the app's HTTP interface, against a small app."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from local.client import AppClient, AppError, is_assembled, state_is, streaming_is

RECORDING = bytes(range(250))


class App:
    """Answers as the app does; ``transcripts`` are answered in turn."""

    def __init__(self) -> None:
        self.transcripts = ["pending", "pending", "complete"]
        self.states = ["connecting", "connected"]
        self.keys: set[str | None] = set()

    async def place(self, request: web.Request) -> web.Response:
        self.keys.add(request.headers.get("x-functions-key"))
        body = await request.json()
        if "to" not in body:
            return web.json_response({"title": "Bad Request"}, status=400)
        return web.json_response({"call_connection_id": "id"}, status=201)

    async def show(self, _: web.Request) -> web.Response:
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return web.json_response({"state": state, "streaming": {"state": "inactive"}})

    async def transcript(self, _: web.Request) -> web.Response:
        return web.json_response({"state": self.transcripts.pop(0)})

    async def recording(self, request: web.Request) -> web.Response:
        begin, end = map(int, request.headers["Range"].removeprefix("bytes=").split("-"))
        assert end - begin == 4 * 1024 * 1024 - 1
        part = RECORDING[begin : begin + 100]
        headers = {"Content-Range": f"bytes {begin}-{begin + len(part) - 1}/{len(RECORDING)}"}
        return web.Response(status=206, body=part, headers=headers)


@pytest_asyncio.fixture
async def client() -> AsyncIterator[tuple[App, AppClient]]:
    app, server = App(), web.Application()
    server.router.add_post("/api/v1/calls", app.place)
    server.router.add_get("/api/v1/calls/id", app.show)
    server.router.add_get("/api/v1/calls/id/transcript", app.transcript)
    server.router.add_get("/api/v1/calls/id/recording", app.recording)
    runner = web.AppRunner(server)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with AppClient(f"http://127.0.0.1:{runner.addresses[0][1]}", "key") as client:
        yield app, client
    await runner.cleanup()


async def test_requests_have_the_key_and_errors_the_problem(client: tuple[App, AppClient]) -> None:
    app, sender = client
    assert (await sender.place_call(to="+1555"))["call_connection_id"] == "id"
    with pytest.raises(AppError) as error:
        await sender.place_call()
    assert (error.value.status, error.value.problem) == (400, {"title": "Bad Request"})
    assert app.keys == {"key"}


async def test_it_waits_for_states_and_names_what_it_waited_for(
    client: tuple[App, AppClient],
) -> None:
    _, sender = client
    assert (await sender.until("id", state_is("connected"), "connects"))["state"] == "connected"
    with pytest.raises(TimeoutError, match=r"streaming starts: not after 0 s .*connected"):
        await sender.until("id", streaming_is("active"), "streaming starts", 0)


async def test_it_waits_for_the_transcript(client: tuple[App, AppClient]) -> None:
    _, sender = client
    assert await sender.transcript("id") == {"state": "complete"}


async def test_a_recording_is_downloaded_range_by_range(client: tuple[App, AppClient]) -> None:
    _, sender = client
    assert await sender.recording("id") == RECORDING


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({}, False),
        ({"summary": None, "result_state": "final"}, False),
        ({"summary": {"streams": 2}, "result_state": "processing"}, False),
        ({"summary": {"streams": 1}, "result_state": "final"}, False),
        ({"summary": {"streams": 2}, "result_state": "final"}, True),
    ],
)
def test_assembled_from_as_many_streams(record: dict[str, Any], expected: bool) -> None:
    assert is_assembled(record, 2) is expected
