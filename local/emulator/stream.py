"""One media stream. The emulator is the WebSocket client, as ACS is."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
import uuid
from collections.abc import Callable
from datetime import datetime
from itertools import count

from websockets.asyncio.client import ClientConnection, connect
from websockets.datastructures import Headers, HeadersLike
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.http11 import Request

from event_log import log_event
from local.emulator.audio import CallAudio
from local.emulator.clock import CallClock, Stamps
from local.emulator.faults import Faults
from local.emulator.packets import PacketWriter, split
from local.emulator.schedule import ticks_to_send

_log = logging.getLogger(__name__)
_CONNECT_SECONDS = 10


class SentAudio:
    """The audio sent on one socket, without the effect of faults, for tests to compare with."""

    def __init__(self, started_at: datetime) -> None:
        self.started_at = started_at
        self.tracks: dict[str | None, bytearray] = {}
        self.ended = False

    def describe(self) -> dict[str, object]:
        """One entry of ``GET /emulator/calls/{id}/sent``."""
        return {
            "started_at": self.started_at.isoformat(),
            "ended": self.ended,
            "tracks": [
                {"participant": name, "bytes": len(pcm), "sha256": hashlib.sha256(pcm).hexdigest()}
                for name, pcm in self.tracks.items()
            ],
        }


class StreamError(Exception):
    """Raised when the WebSocket cannot be opened. ``status`` is the HTTP status; 0 for none."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}" if status else "no connection")
        self.status = status


class MediaStream:
    """Streams a call's audio over one WebSocket, from the current tick until stopped."""

    def __init__(
        self, url: str, audio: CallAudio, clock: CallClock, *, unmixed: bool, faults: Faults
    ) -> None:
        self._url = url
        self._audio = audio
        self._clock = clock
        self._unmixed = unmixed
        self._faults = faults
        self._socket: ClientConnection | None = None
        self._task: asyncio.Task[None] | None = None
        self.subscription_id = str(uuid.uuid4())
        self.sent = SentAudio(clock.timestamp(0))

    async def open(self, headers: dict[str, str]) -> None:
        """Connect. Raises StreamError."""
        try:
            self._socket = await connect(
                self._url,
                create_connection=_Connection,
                additional_headers=headers | self._faults.handshake_headers,
                compression=None,
                open_timeout=_CONNECT_SECONDS,
                ping_interval=None,
                user_agent_header=None,
            )
        except (OSError, InvalidHandshake, InvalidURI, TimeoutError, ValueError) as error:
            response = getattr(error, "response", None)
            # Not chained: the cause's message may contain the URL, and so the stream token.
            raise StreamError(response.status_code if response else 0) from None

    def begin(self, on_lost: Callable[[], None]) -> None:
        """Stream in the background. ``on_lost`` is called when the socket is lost or cut."""
        self._task = asyncio.create_task(self._run(on_lost))

    async def stop(self) -> None:
        """Stop sending, then close with 1000, unless ``stop_keeps_socket`` is set."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self.sent.ended = True
        if self._socket is not None and not self._faults.stop_keeps_socket:
            await self._socket.close(1000)

    async def close(self) -> None:
        """Stop sending and close the socket: the call is over."""
        await self.stop()
        if self._socket is not None:
            await self._socket.close(1000)

    async def _run(self, on_lost: Callable[[], None]) -> None:
        assert self._socket is not None
        reader = asyncio.create_task(self._read())
        try:
            if await self._stream():
                self._socket.transport.abort()
                self.sent.ended = True
                on_lost()
        except ConnectionClosed as error:
            self.sent.ended = True
            log_event(_log, logging.WARNING, "media_socket_closed", reason=error)
            on_lost()
        finally:
            reader.cancel()

    async def _stream(self) -> bool:
        """Send metadata and frames until cancelled; return True when the socket is to be cut."""
        faults = self._faults
        first = self._clock.tick() + 1
        self.sent.started_at = self._clock.timestamp(first)
        stamps = Stamps(self._clock.start_us, self._clock.begin_stream(first), faults)
        writer = PacketWriter(
            self._audio, stamps, unmixed=self._unmixed, first_tick=first, faults=faults
        )
        if faults.metadata_after_ticks == 0:
            await self._send(writer.metadata(self.subscription_id))
        pace = 1 + faults.pace_ppm / 1e6
        for number, ticks in enumerate(ticks_to_send(count(first), faults)):
            if number == faults.cut_after_ticks:
                return True
            wait = self._clock.due(first + number * pace) - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            if number and number == faults.metadata_after_ticks:
                await self._send(writer.metadata(self.subscription_id))
            for participant, pcm in writer.audio_of(first + number):
                self.sent.tracks.setdefault(participant, bytearray()).extend(pcm)
            for tick in ticks:
                for message in writer.frames(tick):
                    await self._send(message)
            for message in writer.tone(first + number):
                await self._send(message)
        return False

    async def _read(self) -> None:
        """Read and discard: websockets answers pings and closes only while something reads."""
        assert self._socket is not None
        async for _ in self._socket:
            pass

    async def _send(self, message: str) -> None:
        assert self._socket is not None
        await self._socket.send(split(message, self._faults))


class _Connection(ClientConnection):
    """A connection whose handshake may replace its own headers, such as ``Connection``."""

    async def handshake(
        self, additional_headers: HeadersLike | None = None, user_agent_header: str | None = None
    ) -> None:
        build_request = self.protocol.connect

        def connect() -> Request:
            request = build_request()
            for name in Headers(additional_headers or {}):
                request.headers.pop(name, None)
            return request

        self.protocol.connect = connect  # type: ignore[method-assign]
        await super().handshake(additional_headers, user_agent_header)
