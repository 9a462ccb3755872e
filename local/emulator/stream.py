"""One media stream. The emulator is the WebSocket client, as ACS is."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import count

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from acs import media
from event_log import log_event
from local.emulator.audio import CallAudio
from local.emulator.faults import Faults, ticks_to_send

TICK_SECONDS = media.FRAME_MILLISECONDS / 1000

_log = logging.getLogger(__name__)
_CONNECT_SECONDS = 10


class CallClock:
    """A call's time, in ticks of 20 ms since it connected.

    Args:
        start: When the call connected; cut to milliseconds, as ACS's timestamps are.
        speed: How many times faster than real time the call runs.
    """

    def __init__(self, start: datetime, speed: float) -> None:
        self.start_us = media.to_microseconds(start) // 1000 * 1000
        self._start = time.monotonic()
        self._speed = speed

    def tick(self) -> int:
        """The current tick."""
        return int((time.monotonic() - self._start) * self._speed / TICK_SECONDS)

    def due(self, tick: int) -> float:
        """When to send a tick, on the clock of ``time.monotonic``."""
        return self._start + tick * TICK_SECONDS / self._speed

    def timestamp(self, tick: int) -> datetime:
        """The timestamp of a tick's frames."""
        return media.from_microseconds(self.start_us + tick * media.FRAME_MILLISECONDS * 1000)


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
        """Connect and send the metadata. Raises StreamError."""
        try:
            self._socket = await connect(
                self._url,
                additional_headers=headers,
                compression=None,
                open_timeout=_CONNECT_SECONDS,
                ping_interval=None,
                user_agent_header=None,
            )
        except (OSError, InvalidHandshake, InvalidURI, TimeoutError, ValueError) as error:
            response = getattr(error, "response", None)
            # Not chained: the cause's message may contain the URL, and so the stream token.
            raise StreamError(response.status_code if response else 0) from None
        metadata = media.AudioMetadata(
            self._audio.sample_rate, self.subscription_id, "PCM", 1, self._audio.frame_bytes
        )
        await self._send(media.Packet(media.AUDIO_METADATA, audio_metadata=metadata))

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
        first = self._clock.tick() + 1
        self.sent.started_at = self._clock.timestamp(first)
        reader = asyncio.create_task(self._read())
        try:
            for number, ticks in enumerate(ticks_to_send(count(first), self._faults)):
                if number == self._faults.cut_after_ticks:
                    self._socket.transport.abort()
                    self.sent.ended = True
                    on_lost()
                    return
                wait = self._clock.due(first + number) - time.monotonic()
                if wait > 0:
                    await asyncio.sleep(wait)
                await self._send_ticks(first + number, ticks)
        except ConnectionClosed as error:
            self.sent.ended = True
            log_event(_log, logging.WARNING, "media_socket_closed", reason=error)
            on_lost()
        finally:
            reader.cancel()

    async def _read(self) -> None:
        """Read and discard: websockets answers pings and closes only while something reads."""
        assert self._socket is not None
        async for _ in self._socket:
            pass

    async def _send_ticks(self, current: int, ticks: list[int]) -> None:
        for participant, pcm in self._frames(current):
            self.sent.tracks.setdefault(participant, bytearray()).extend(pcm)
        for tick in ticks:
            for participant, pcm in self._frames(tick):
                silent = not any(pcm)
                data = None if silent and self._faults.omit_data_when_silent else pcm
                frame = media.AudioData(self._clock.timestamp(tick), participant, data, silent)
                await self._send(media.Packet(media.AUDIO_DATA, audio_data=frame))

    def _frames(self, tick: int) -> Iterator[tuple[str | None, bytes]]:
        if self._unmixed:
            for participant in self._audio.voices:
                yield participant, self._audio.frame(participant, tick)
        else:
            yield None, self._audio.mixed(tick)

    async def _send(self, packet: media.Packet) -> None:
        assert self._socket is not None
        text = _encode(packet)
        if self._faults.kind_case:
            text = text.replace(packet.kind, packet.kind.lower(), 1)
        parts = self._faults.fragments
        if parts <= 1:
            await self._socket.send(text)
            return
        size = -(-len(text) // parts)
        await self._socket.send([text[at : at + size] for at in range(0, len(text), size)])


def _encode(packet: media.Packet) -> str:
    """Encode a packet as ACS does, with milliseconds in its timestamp."""
    text = media.encode(packet).decode()
    audio = packet.audio_data
    if audio is not None and audio.timestamp is not None:
        plain = audio.timestamp.isoformat().replace("+00:00", "Z")
        milliseconds = audio.timestamp.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        text = text.replace(plain, milliseconds, 1)
    return text
