"""One WebSocket: fragments, pings, and a close code for each violation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from websockets.asyncio.client import connect
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
        ([audio(0)], 1008, "AudioMetadata must come before"),
        ([metadata().replace("16000", "44100")], 1003, "44100 Hz"),
        ([metadata().replace("PCM", "opus")], 1003, "PCM"),
        ([metadata(), b"\x00\x01"], 1003, "text messages"),
        ([metadata(), "x" * 70_000], 1009, ""),
        ([metadata(), ["x" * 30_000] * 3], 1009, "MAX_MESSAGE_BYTES"),
        ([metadata(), *["{"] * 4], 1007, "malformed"),
        ([metadata(), *[audio(0, data=b"abc")] * 4], 1007, "odd_bytes"),
        ([metadata(), *[audio(i, raw_id=f"4:+{i}") for i in range(3)]], 1008, "tracks"),
    ],
)
async def test_each_violation_has_a_close_reason(
    streamer: Start, headers: Headers, messages: list[object], code: int, reason: str
) -> None:
    server = streamer(MAX_MALFORMED_PACKETS="3", MAX_TRACKS="2")
    async with open_websocket(server, headers) as socket:
        for message in messages:
            await socket.send(message)  # type: ignore[arg-type]
        close_code, close_reason = await wait_for_close(socket)
    assert close_code == code
    assert reason in close_reason
    assert server.get("/healthz")[0] == 200


async def test_pings_are_answered_and_a_dead_peer_is_disconnected(
    streamer: Start, headers: Headers, stored: Stored
) -> None:
    server = streamer(PING_INTERVAL_SECONDS="0.5")
    async with open_websocket(server, headers) as socket:
        await socket.send(metadata())
        await socket.send(audio(0))
        await asyncio.wait_for(await socket.ping(), 5)
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
