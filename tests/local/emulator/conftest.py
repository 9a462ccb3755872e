"""An emulator and a client that signs its requests as the SDK does."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import aiohttp
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
