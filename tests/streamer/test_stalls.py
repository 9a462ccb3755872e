"""The event loop stands still for seconds: a slow disk, or a frozen process. Nobody is cut off."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import uvloop

from streamer.server import Streamer
from streamer.settings import Settings

UNREACHABLE = (
    "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;BlobEndpoint=http://127.0.0.1:1/a;"
)
_CLOSE_FRAME = 0x88
_PACKET = json.dumps({"kind": "AudioMetadata", "audioMetadata": {"sampleRate": 16000}}).encode()
_METADATA = b"\x81" + bytes([0x80 | len(_PACKET)]) + bytes(4) + _PACKET


class _Peer(asyncio.Protocol):
    """A raw WebSocket client on the server's own event loop, which it can hold up."""

    def __init__(self, call: str, on_ping: Callable[[], None] = lambda: None) -> None:
        self._call = call
        self._on_ping = on_ping
        self._received = b""
        self.is_open = asyncio.get_running_loop().create_future()
        self.ping = asyncio.get_running_loop().create_future()

    @property
    def frames(self) -> bytes:
        """What the server has sent after the handshake."""
        return self._received.partition(b"\r\n\r\n")[2]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from it.
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(
            b"GET /media/token HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            b"Sec-WebSocket-Version: 13\r\nx-ms-call-connection-id: "
            + self._call.encode()
            + b"\r\nx-ms-call-correlation-id: c\r\n\r\n"
        )

    def data_received(self, data: bytes) -> None:
        self._received += data
        if b"\r\n\r\n" not in self._received:
            return
        if not self.is_open.done():
            self.is_open.set_result(None)
        if self.frames[:1] == b"\x89" and not self.ping.done():
            # What is sent now is on its way, but the event loop stands still: its timers run first.
            self.transport.write(b"\x8a\x80\0\0\0\0")
            self._on_ping()
            time.sleep(3.2)
            self.ping.set_result(None)


async def _start_streamer(
    folder: Path, first_packet_seconds: float = 60
) -> tuple[Streamer, tuple[str, int]]:
    streamer = Streamer(
        Settings(
            audio_storage_connection_string=UNREACHABLE,
            spool_dir=str(folder),
            host="127.0.0.1",
            port=0,
            token_check="off",
            grant_check="off",
            drain_grace_seconds=0,
            drain_upload_seconds=0,
            ping_interval_seconds=0.3,
            first_packet_timeout_seconds=first_packet_seconds,
        )
    )
    return streamer, await streamer.start()


async def _connect(address: tuple[str, int], peer: _Peer) -> _Peer:
    await asyncio.get_running_loop().create_connection(lambda: peer, *address)
    await asyncio.wait_for(peer.is_open, 60)
    return peer


def test_an_answered_ping_counts_even_if_the_event_loop_was_held_up(tmp_path: Path) -> None:
    async def hold_up() -> bytes:
        streamer, address = await _start_streamer(tmp_path)
        peer = await _connect(address, _Peer("call-1"))
        await asyncio.wait_for(peer.ping, 60)
        await asyncio.sleep(0.2)
        peer.transport.abort()
        await streamer.drain()
        return peer.frames

    assert _CLOSE_FRAME not in uvloop.run(hold_up())


def test_time_in_which_the_event_loop_is_held_up_is_nobodys_silence(tmp_path: Path) -> None:
    async def hold_up() -> bytes:
        streamer, address = await _start_streamer(tmp_path, first_packet_seconds=3)
        peer = _Peer("call-1")
        # The other one holds up the event loop, just after this one has sent its first packet.
        other = _Peer("call-2", on_ping=lambda: peer.transport.write(_METADATA))
        await asyncio.gather(_connect(address, peer), _connect(address, other))
        await asyncio.wait_for(other.ping, 60)
        await asyncio.sleep(0.2)
        for each in (peer, other):
            each.transport.abort()
        await streamer.drain()
        return peer.frames

    assert _CLOSE_FRAME not in uvloop.run(hold_up())
