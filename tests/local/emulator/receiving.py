"""A WebSocket receiver for the emulator's streams: it keeps all messages and when they came."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers

from acs.media import to_microseconds

Message = str | bytes


class Received:
    """What came over all sockets, in order."""

    def __init__(self) -> None:
        self.url = ""
        self.messages: list[Message] = []
        self.arrivals: list[float] = []
        self.handshakes: list[Headers] = []
        self.sockets_closed = 0
        self._changed = asyncio.Event()

    async def on_socket(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        self.handshakes.append(socket.request.headers)
        async for message in socket:
            self.messages.append(message)
            self.arrivals.append(time.monotonic())
            self._changed.set()
        self.sockets_closed += 1
        self._changed.set()

    async def until(self, reached: Callable[[], bool], timeout: float = 60) -> None:
        """Wait until ``reached`` is true."""
        async with asyncio.timeout(timeout):
            while not reached():
                self._changed.clear()
                await self._changed.wait()

    def packets(self) -> list[dict[str, Any]]:
        """All messages as JSON."""
        return [json.loads(decode(message)) for message in self.messages]

    def frames(self) -> list[dict[str, Any]]:
        """The audioData members of all AudioData packets."""
        return [p["audioData"] for p in self.packets() if p["kind"].lower() == "audiodata"]

    def kinds(self) -> list[str]:
        """The kinds of all packets."""
        return [packet["kind"] for packet in self.packets()]

    def stamps_ms(self) -> list[int]:
        """The timestamps of all frames that have one, in ms since the first of them."""
        stamps = [
            to_microseconds(datetime.fromisoformat(frame["timestamp"])) // 1000
            for frame in self.frames()
            if "timestamp" in frame
        ]
        return [stamp - stamps[0] for stamp in stamps]


def decode(message: Message) -> str:
    """A message's JSON, without a byte order mark."""
    text = message.decode() if isinstance(message, bytes) else message
    return text.removeprefix("\ufeff")


@asynccontextmanager
async def receiver() -> AsyncIterator[Received]:
    """Listen for the emulator's sockets."""
    received = Received()
    async with serve(received.on_socket, "127.0.0.1", 0, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        received.url = f"ws://127.0.0.1:{port}/media"
        yield received
