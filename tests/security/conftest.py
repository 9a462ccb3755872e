"""One running system for all tests of a worker, and a stranger who tries its entrances."""

from __future__ import annotations

import asyncio
import json
import re
import runpy
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import aiohttp
import pytest_asyncio
from azure.functions import AuthLevel, HttpMethod
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from local.up import ROOT, Up

PHONE = {"to": "+15551230000", "from": "+15559990000"}
MAX_CONCURRENT_CALLS = 100
"""More than the tests leave open with the function key, whose calls are counted apart."""
UNKNOWN_ROUTE = "v1/{*path}"
"""The route of all requests under /api/v1 that no other route serves."""
TOKEN = re.compile(r"eyJ[\w-]{8,}\.[\w-]+\.")
"""A JSON Web Token, in any text."""


class HttpFunction(NamedTuple):
    """One method of one route of the app."""

    method: str
    route: str
    level: AuthLevel
    name: str


def http_functions() -> list[HttpFunction]:
    """What ``function_app.py`` serves, as its decorators have it."""
    # A new app each time: its functions may be listed only once.
    app = runpy.run_path(str(ROOT / "function_app.py"))["app"]
    found = []
    for function in app.get_functions():
        trigger = function.get_trigger().get_dict_repr()
        if trigger["type"] == "httpTrigger":
            for method in trigger.get("methods") or HttpMethod:
                verb, name = str(getattr(method, "value", method)), function.get_function_name()
                found.append(HttpFunction(verb, trigger["route"], trigger["authLevel"], name))
    return found


class Stranger:
    """Whoever finds the entrances; the emulator's control interface gives it tokens, forged too."""

    def __init__(self, up: Up, session: aiohttp.ClientSession) -> None:
        self.up = up
        self._session = session

    async def authorization(self, entrance: str, fault: str | None = None) -> str | None:
        """An ``Authorization`` header as ACS would send it to an entrance, or forged."""
        url = self.up.addresses.acs_endpoint + "/emulator/tokens"
        async with self._session.post(url, json={"entrance": entrance, "fault": fault}) as answer:
            assert answer.status == 200, await answer.text()
            made: str | None = (await answer.json())["authorization"]
            return made

    async def transport_url(self, call: str) -> str:
        """The URL, with its stream token, that ACS was told to stream a call to."""
        url = f"{self.up.addresses.acs_endpoint}/emulator/calls/{call}/requests"
        async with self._session.get(url) as answer:
            asked = await answer.json()
        return str(asked[0]["body"]["mediaStreamingOptions"]["transportUrl"])

    async def knock(self, url: str, headers: dict[str, str]) -> int:
        """Open a media WebSocket; the status of the answer."""
        try:
            async with connect(url, additional_headers=headers, compression=None, open_timeout=60):
                return 101
        except InvalidStatus as refused:
            return refused.response.status_code

    async def post(self, body: Any, authorization: str | None) -> tuple[int, str]:
        """Post to the callbacks: status and text. ``body`` is sent as it is, or as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        if authorization is not None:
            headers["Authorization"] = authorization
        url = self.up.addresses.app + "/api/v1/callbacks"
        async with self._session.post(url, data=content, headers=headers) as answer:
            return answer.status, await answer.text()

    async def ask(self, method: str, path: str, **headers: str) -> tuple[int, bytes]:
        """Any request to the app: status and body."""
        url = self.up.addresses.app + path
        async with self._session.request(method, url, headers=headers) as answer:
            return answer.status, await answer.read()

    async def send(self, request: bytes) -> int:
        """A request to the app as no client would write it; the status of the answer."""
        app = urlsplit(self.up.addresses.app)
        reader, writer = await asyncio.open_connection(app.hostname, app.port)
        writer.write(request)
        status = int((await reader.readline()).split()[1])
        writer.close()
        return status

    async def streamer_counts(self, metric: str, reason: str) -> float:
        """One of the streamer's counters."""
        url = self.up.addresses.streamer.replace("ws", "http", 1) + "/metrics"
        async with self._session.get(url) as answer:
            for line in (await answer.text()).splitlines():
                if line.startswith(f'{metric}{{reason="{reason}"}} '):
                    return float(line.split()[-1])
        return 0.0

    def log(self, part: str) -> str:
        """What a part has logged so far."""
        return (Path(self.up.log_dir) / f"{part}.log").read_text(errors="replace")

    async def refusals(self, entrance: str, status: int, reason: str, least: int = 0) -> int:
        """How often the app's log reports a refusal; waits for ``least``."""
        line = f"refused entrance={entrance} status={status} reason={reason} "
        deadline = time.monotonic() + 60
        while (found := self.log("app").count(line)) < least:
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(0.05)
        return found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def up() -> AsyncIterator[Up]:
    settings = {"MAX_CONCURRENT_CALLS": str(MAX_CONCURRENT_CALLS)}
    async with Up(use_free_ports=True, settings=settings) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def stranger(up: Up) -> AsyncIterator[Stranger]:
    async with aiohttp.ClientSession() as session:
        yield Stranger(up, session)
