"""Malformed input of every kind: no crash, no growth, a counter and a close reason for each."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed

from acs import media
from streamer.close import Close
from streamer.settings import load
from streamer.spool import Spool
from streamer.stream import Stream
from tests.streamer.conftest import StreamerProcess, audio, metadata, open_websocket

Start = Callable[..., StreamerProcess]
Headers = dict[str, str]

_NESTED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


def _changed(packet: dict[str, Any], path: tuple[str, ...], value: object) -> str:
    changed = json.loads(json.dumps(packet))
    at = changed
    for name in path[:-1]:
        at = at[name]
    at[path[-1]] = value
    return json.dumps(changed, ensure_ascii=False)


_PLACES = [
    *[("kind",), ("audioData",), ("audioMetadata",)],
    *[("audioData", name) for name in ("timestamp", "participantRawID", "data", "silent")],
    *[("audioMetadata", name) for name in ("sampleRate", "channels", "length", "encoding")],
]
_BASE = {**json.loads(audio(3)), **json.loads(metadata())}
_MESSAGES = st.one_of(
    st.binary(max_size=300),
    st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")),
    _NESTED.map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass")),
    st.builds(
        lambda kind, place, value: _changed(
            {**_BASE, "kind": kind},
            place,
            value,
        ).encode("utf-8", "surrogatepass"),
        st.sampled_from([media.AUDIO_DATA, media.AUDIO_METADATA, "audiodata", "DtmfData", "x"]),
        st.sampled_from(_PLACES),
        _NESTED | st.sampled_from([16_000, 24_000, -1, 2**70, 640, 641, "", "####", "QQ==", "1e9"]),
    ),
    st.integers(0, 40).map(lambda index: audio(index).encode()),
    st.integers(0, 40).map(lambda index: audio(index)[: 20 + index * 20].encode()),
    st.sampled_from([metadata().encode(), metadata(24_000).encode()]),
)


class _Outbox:
    def add(self, *_: object) -> None:
        """Leave the file in the spool's outbox."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spool]:
    spool = Spool(tmp_path_factory.mktemp("fuzz"), 1 << 30)
    yield spool
    spool.close()


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(messages=st.lists(_MESSAGES, max_size=25))
@example(messages=[m.encode() for m in (metadata(), audio(0), metadata(24_000), audio(0))])
@example(messages=[m.encode() for m in (metadata(), audio(0, data=b"odd"))])
def test_a_stream_survives_any_message(folder: Spool, messages: list[bytes]) -> None:
    """Every message is audio, another packet, malformed, or a reason to close. None raises."""

    async def feed() -> None:
        closes: list[Close] = []
        stream = Stream(
            "call",
            "",
            settings=load(
                {
                    "AUDIO_STORAGE_CONNECTION_STRING": "x",
                    "TOKEN_CHECK": "off",
                    "MAX_MALFORMED_PACKETS": "10",
                }
            ),
            spool=folder,
            outbox=_Outbox(),  # type: ignore[arg-type]
            request_close=closes.append,
        )
        handled = 0
        for message in messages:
            handled += 1
            close = stream.handle_message(message)
            if close is not None:
                assert 1001 <= close.code <= 1011
                assert close.reason
                closes.append(close)
                break
        assert stream.pending_bytes < 4 * 65_536
        # A stream that never ends must fail here, or hypothesis would retry it forever.
        await asyncio.wait_for(stream.end("end of test"), 60)
        if not closes:
            counted = sum(stream.packets.values())
            assert counted == handled, stream.packets

    asyncio.run(feed())


@pytest.mark.parametrize(
    ("messages", "counted", "code"),
    [
        ([b"\xff\xfe not json"], "packet", None),
        (["[]", "{}", "null", '"x"', "1", '{"kind":1}'], "packet", None),
        ([audio(0).replace('"data":"', '"data":"####')], "packet", None),
        ([audio(0).encode()[:50] + b"\xaa" + audio(0).encode()[51:]], "packet", None),
        ([audio(0).replace("{", '{"x":' + "[" * 9999 + "]" * 9999 + ",", 1)], "packet", None),
        ([audio(0, data=bytes(100_000))], "too_big", 1009),
        (["x" * 140_000], "too_big", 1009),
        ([["x" * 60_000] * 3], "too_big", 1009),
        ([b"\x00\x01\x02"], "packet", None),
        ([metadata(24_000), metadata()] * 20, None, None),
        ([json.dumps({"kind": f"kind {n}" + "x" * 5000}) for n in range(80)], None, None),
    ],
)
async def test_each_kind_of_malformed_message_has_a_counter_and_a_close_reason(
    streamer: Start, headers: Headers, messages: list[Any], counted: str | None, code: int | None
) -> None:
    server = streamer()
    async with open_websocket(server, headers) as websocket:
        await websocket.send(metadata())
        for message in messages:
            # As text frames, although the bytes may not be UTF-8.
            is_text = message != b"\x00\x01\x02"
            with contextlib.suppress(ConnectionClosed):
                await websocket.send(message, text=is_text)
        if code is None:
            await websocket.send(audio(1))
        else:
            with pytest.raises(ConnectionClosed) as closed:
                await asyncio.wait_for(websocket.recv(), 60)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == code
            assert closed.value.rcvd.reason
    name = 'streamer_streams_closed_total{reason="%d"}'
    await asyncio.to_thread(server.until, lambda: server.metric(name % (code or 1000)) == 1)
    if counted is not None:
        assert server.metric(f'streamer_packets_malformed_total{{reason="{counted}"}}') >= 1
    assert server.get("/healthz")[0] == 200


_FRAMES = {
    "not masked": b"\x81\x02{}",
    "an unknown opcode": b"\x83\x80\0\0\0\0",
    "a continuation of nothing": b"\x80\x80\0\0\0\0",
    "a ping in parts": b"\x09\x80\0\0\0\0",
    "a ping of 200 bytes": b"\x89\xfe\0\xc8\0\0\0\0" + bytes(200),
    "a gigabyte": b"\x81\xff" + struct.pack("!Q", 1 << 30) + bytes(4),
    "more than the address space": b"\x81\xff" + b"\xff" * 8 + bytes(4),
}


@pytest.mark.parametrize("frame", _FRAMES.values(), ids=_FRAMES.keys())
async def test_malformed_frames_close_the_stream_and_are_counted(
    streamer: Start, headers: Headers, frame: bytes
) -> None:
    server = streamer()
    async with open_websocket(server, headers) as websocket:
        await websocket.send(metadata())
        websocket.transport.write(frame)
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(websocket.recv(), 60)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code in (1002, 1009)
    await asyncio.to_thread(
        server.until, lambda: "streamer_packets_malformed_total{" in server.get("/metrics")[1]
    )
    assert server.get("/healthz")[0] == 200


async def test_random_bytes_do_not_use_up_memory(streamer: Start, headers: Headers) -> None:
    """After 150 connections of nonsense, the process has not grown and still serves."""
    server = streamer()
    rng = random.Random(4)
    before = 0
    for number in range(150):
        if number == 50:
            before = server.resident_kib
        async with open_websocket(server, headers) as websocket:
            await websocket.send(metadata())
            for _ in range(rng.randrange(5)):
                good = audio(rng.randrange(10)).encode()
                cut = rng.randrange(len(good))
                broken = good[:cut] + rng.randbytes(rng.randrange(3)) + good[cut + 1 :]
                await websocket.send(broken, text=True)
            if rng.random() < 0.5:
                websocket.transport.write(rng.randbytes(rng.randrange(1, 400)))
            if rng.random() < 0.3:
                websocket.transport.abort()
    await asyncio.to_thread(server.until, lambda: not server.get("/healthz")[1]["streams"])
    assert server.resident_kib - before < 20_000
    assert server.metric('streamer_packets_malformed_total{reason="packet"}') > 20
    assert not [line for line in server.log.read_text().splitlines() if "Traceback" in line]


def test_a_peer_that_stops_in_the_middle_of_a_frame_is_disconnected(
    streamer: Start, headers: Headers
) -> None:
    server = streamer(PING_INTERVAL_SECONDS="0.5")
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as peer:
        peer.sendall(
            b"GET /media/token HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            + f"x-ms-call-connection-id: {headers['x-ms-call-connection-id']}\r\n\r\n".encode()
            + b"\x81\xfe\x03\x00\0\0\0\0{"
        )
        received = b""
        while chunk := peer.recv(4096):
            received += chunk
    assert b" 101 " in received.split(b"\r\n")[0]
    server.until(lambda: not server.get("/healthz")[1]["streams"])
