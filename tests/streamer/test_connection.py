"""One WebSocket: fragments, pings, and a close code for each violation."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import struct
from collections.abc import Callable
from socket import SO_LINGER, SOL_SOCKET

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from tests.streamer.conftest import (
    Stored,
    StreamerProcess,
    audio,
    metadata,
    open_websocket,
    pcm,
    wait_for_close,
)

Start = Callable[..., StreamerProcess]
Headers = dict[str, str]


@pytest.mark.parametrize(
    ("messages", "code", "reason"),
    [
        (
            [
                metadata().replace("16000", "44100"),
                *[audio(i, data=pcm(i, 882)) for i in range(50)],
            ],
            1003,
            "44100 Hz",
        ),
        ([metadata().replace("PCM", "opus")], 1003, "PCM"),
        ([metadata().replace(':1,"', ':2,"')], 1003, "2 channels"),
        ([metadata(), *[b"\x00\x01"] * 4], 1007, "malformed"),
        ([metadata(), "x" * 140_000], 1009, ""),
        ([metadata(), ["x" * 60_000] * 3], 1009, "MAX_MESSAGE_BYTES"),
        ([metadata(), *["{"] * 4], 1007, "malformed"),
    ],
)
async def test_each_violation_has_a_close_reason(
    streamer: Start, headers: Headers, messages: list[object], code: int, reason: str
) -> None:
    server = streamer(MAX_MALFORMED_PACKETS="3")
    async with open_websocket(server, headers) as socket:
        for message in messages:
            with contextlib.suppress(ConnectionClosed):  # it is closed before the last one
                await socket.send(message)  # type: ignore[arg-type]
        close_code, close_reason = await wait_for_close(socket)
    assert close_code == code
    assert reason in close_reason
    assert server.get("/healthz")[0] == 200


async def test_a_peer_that_does_not_read_its_pongs_does_not_use_up_memory(
    streamer: Start, headers: Headers, stored: Stored
) -> None:
    """Its audio is recorded all the same, and once it reads, the latest ping is answered."""
    server = streamer()
    async with open_websocket(server, headers) as socket:
        await socket.send(metadata())
        await socket.send(audio(0))
        socket.transport.pause_reading()
        pings = Frame(Opcode.PING, bytes(125)).serialize(mask=True) * 1000
        before = server.resident_kib
        for _ in range(400):  # 50 MB of pongs
            socket.transport.write(pings)
            while socket.transport.get_write_buffer_size():  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        await socket.send(audio(1))
        assert server.resident_kib - before < 20_000
        last = await socket.ping(b"last")
        await asyncio.sleep(0.5)
        socket.transport.resume_reading()
        await asyncio.wait_for(last, 60)
    stored.manifests()
    assert stored.track() == pcm(0) + pcm(1)


@pytest.mark.parametrize("bit", [0x40, 0x20, 0x10])
@pytest.mark.parametrize("first", [0x81, 0x82, 0x89, 0x88])
async def test_a_reserved_bit_is_refused(
    streamer: Start, headers: Headers, stored: Stored, bit: int, first: int
) -> None:
    server = streamer()
    async with open_websocket(server, headers) as socket:
        await socket.send(metadata())
        await socket.send(audio(0))
        frame = bytearray(Frame(Opcode.TEXT, audio(1).encode()[:100]).serialize(mask=True))
        frame[0] = first | bit
        socket.transport.write(bytes(frame))
        assert (await wait_for_close(socket))[0] == 1002
    stored.manifests()
    assert stored.track() == pcm(0)
    assert server.metric('streamer_packets_malformed_total{reason="protocol"}') == 1


@pytest.mark.parametrize("batch_ms", ["0", "80"])
async def test_a_reset_with_unread_data_is_noticed_at_once(
    streamer: Start, headers: Headers, stored: Stored, batch_ms: str
) -> None:
    # Neither a ping nor the lack of packets ends the stream before the reset is noticed.
    server = streamer(READ_BATCH_MS=batch_ms, PING_INTERVAL_SECONDS="3600")
    async with open_websocket(server, headers) as socket:
        await socket.send(metadata())
        for index in range(50):
            await socket.send(audio(index))
            await asyncio.sleep(0.02)
        # Less than a batch, then a reset instead of an orderly end.
        await socket.send(audio(50))
        linger = struct.pack("ii", 1, 0)
        socket.transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, linger)
        socket.transport.abort()
    (manifest,) = await asyncio.to_thread(stored.manifests)
    assert manifest.ended_by == "1006"
    assert stored.track() == b"".join(map(pcm, range(51)))


async def test_pings_are_answered_and_a_dead_peer_is_disconnected(
    streamer: Start, headers: Headers, stored: Stored
) -> None:
    server = streamer(PING_INTERVAL_SECONDS="2")
    async with open_websocket(server, headers) as socket:
        await socket.send(metadata())
        await socket.send(audio(0))
        await asyncio.wait_for(await socket.ping(), 60)
        # From here on, this peer reads nothing: pings go unanswered.
        socket.transport.pause_reading()
        (manifest,) = await asyncio.to_thread(stored.manifests)
        assert manifest.ended_by.startswith("1001 peer has not replied to ping")
        socket.transport.abort()
    assert stored.track() == pcm(0)


async def test_compression_is_declined(streamer: Start, headers: Headers) -> None:
    server = streamer()
    async with connect(server.url, additional_headers=headers, compression="deflate") as socket:
        assert not socket.protocol.extensions


async def test_a_client_that_sends_a_byte_at_a_time(
    streamer: Start, headers: Headers, stored: Stored
) -> None:
    server = streamer()
    async with open_websocket(server, headers) as socket:
        for text in (metadata(), audio(0)):
            frame = Frame(Opcode.TEXT, text.encode()).serialize(mask=True)
            for byte in frame[:200]:
                socket.transport.write(bytes([byte]))
                await asyncio.sleep(0)
            socket.transport.write(frame[200:])
    stored.manifests()
    assert stored.track() == pcm(0)


async def test_frames_of_a_stream_that_cannot_begin_are_ignored(
    streamer: Start, headers: Headers
) -> None:
    """They come with the handshake, before the peer can know."""
    server = streamer()
    shutil.rmtree(server.spool / "streams")
    (server.spool / "streams").touch()
    lines = [
        "GET /media/token HTTP/1.1",
        "Host: x",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    messages = [metadata(), audio(0), audio(1)]
    frames = [Frame(Opcode.TEXT, text.encode()).serialize(mask=True) for text in messages]
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write("\r\n".join([*lines, "", ""]).encode() + b"".join(frames))
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
    assert head.startswith(b"HTTP/1.1 101 ")
    close = await asyncio.wait_for(reader.readexactly(4), 60)
    assert (close[0], int.from_bytes(close[2:])) == (0x88, 1013)
    writer.close()
    log = server.log.read_text()
    assert "stream_open_failed " in log
    assert "Traceback" not in log
