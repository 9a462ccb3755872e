"""One media stream: the emulator as WebSocket client, as ACS is."""

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
from local.emulator.audio import CallAudio
from local.emulator.faults import Faults, order

TICK_SECONDS = media.FRAME_MILLISECONDS / 1000

_log = logging.getLogger(__name__)
_CONNECT_SECONDS = 10


class CallClock:
    """A call's own time: it begins when the call connects, and runs ``speed`` times as fast."""

    def __init__(self, begun: datetime, speed: float) -> None:
        self.begun_us = media.to_microseconds(begun) // 1000 * 1000
        self._begun = time.monotonic()
        self._speed = speed

    def tick(self) -> int:
        """The tick of 20 ms that is now."""
        return int((time.monotonic() - self._begun) * self._speed / TICK_SECONDS)

    def due(self, tick: int) -> float:
        """When a tick is to be sent, on ``time.monotonic``'s clock."""
        return self._begun + tick * TICK_SECONDS / self._speed

    def timestamp(self, tick: int) -> datetime:
        """A tick's timestamp."""
        return media.from_microseconds(self.begun_us + tick * media.FRAME_MILLISECONDS * 1000)


class Sent:
    """What one socket was sent: the truth that tests compare with. Faults are not in it."""

    def __init__(self, started_at: datetime) -> None:
        self.started_at = started_at
        self.tracks: dict[str | None, bytearray] = {}
        self.ended = False

    def describe(self) -> dict[str, object]:
        """For ``GET /emulator/calls/{id}/sent``."""
        return {
            "started_at": self.started_at.isoformat(),
            "ended": self.ended,
            "tracks": [
                {"participant": name, "bytes": len(pcm), "sha256": hashlib.sha256(pcm).hexdigest()}
                for name, pcm in self.tracks.items()
            ],
        }


class StreamFailed(Exception):
    """Raised when the WebSocket cannot be opened; ``status`` is the HTTP status, 0 for none."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}" if status else "no connection")
        self.status = status


class MediaStream:
    """Streams a call's audio over one WebSocket, from now on, until stopped."""

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
        self.sent = Sent(clock.timestamp(0))

    async def open(self, headers: dict[str, str]) -> None:
        """Connect and send the metadata. Raises StreamFailed."""
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
            # Not chained: the cause's text may hold the URL, and with it the stream token.
            raise StreamFailed(response.status_code if response else 0) from None
        metadata = media.AudioMetadata(
            self._audio.sample_rate, self.subscription_id, "PCM", 1, self._audio.frame_bytes
        )
        await self._send(media.Packet(media.AUDIO_METADATA, audio_metadata=metadata))

    def begin(self, ended: Callable[[bool], None]) -> None:
        """Stream in the background; ``ended(cut)`` is called when the socket is lost or cut."""
        self._task = asyncio.create_task(self._run(ended))

    async def stop(self) -> None:
        """Stop sending; close with 1000, unless told to keep the socket."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self.sent.ended = True
        if self._socket is not None and not self._faults.stop_keeps_socket:
            await self._socket.close(1000)

    async def close(self) -> None:
        """The call is over: close whatever is open."""
        await self.stop()
        if self._socket is not None:
            await self._socket.close(1000)

    async def _run(self, ended: Callable[[bool], None]) -> None:
        assert self._socket is not None
        first = self._clock.tick() + 1
        self.sent.started_at = self._clock.timestamp(first)
        drained = asyncio.create_task(self._drain())
        try:
            for number, ticks in enumerate(order(count(first), self._faults)):
                if number == self._faults.cut_after_ticks:
                    self._socket.transport.abort()
                    self.sent.ended = True
                    ended(True)
                    return
                wait = self._clock.due(first + number) - time.monotonic()
                if wait > 0:
                    await asyncio.sleep(wait)
                await self._send_ticks(first + number, ticks)
        except ConnectionClosed as closed:
            self.sent.ended = True
            _log.warning("the streamer closed the socket: %s", closed)
            ended(False)
        finally:
            drained.cancel()

    async def _drain(self) -> None:
        """Read what the server says (closes and pings are answered while reading)."""
        assert self._socket is not None
        async for _ in self._socket:
            pass

    async def _send_ticks(self, now: int, ticks: list[int]) -> None:
        for participant, pcm in self._frames(now):
            self.sent.tracks.setdefault(participant, bytearray()).extend(pcm)
        for tick in ticks:
            for participant, pcm in self._frames(tick):
                silent = not any(pcm)
                data = None if silent and self._faults.omit_data_when_silent else pcm
                stamp = self._clock.timestamp(tick)
                frame = media.AudioData(stamp, participant, data, silent)
                await self._send(media.Packet(media.AUDIO_DATA, audio_data=frame))

    def _frames(self, tick: int) -> Iterator[tuple[str | None, bytes]]:
        if self._unmixed:
            for participant in self._audio.voices:
                yield participant, self._audio.frame(participant, tick)
        else:
            yield None, self._audio.mixed(tick)

    async def _send(self, packet: media.Packet) -> None:
        assert self._socket is not None
        text = _wire(packet)
        if self._faults.kind_case:
            text = text.replace(packet.kind, packet.kind.lower(), 1)
        parts = self._faults.fragments
        if parts <= 1:
            await self._socket.send(text)
            return
        size = -(-len(text) // parts)
        await self._socket.send([text[at : at + size] for at in range(0, len(text), size)])


def _wire(packet: media.Packet) -> str:
    """A packet as ACS writes it: milliseconds in its stamp."""
    text = media.encode(packet).decode()
    audio = packet.audio_data
    if audio is not None and audio.timestamp is not None:
        written = audio.timestamp.isoformat().replace("+00:00", "Z")
        stamp = audio.timestamp.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        text = text.replace(written, stamp, 1)
    return text
