"""The streamer as ACS meets it: a real process, a real WebSocket, real Blob Storage."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import socket
from collections.abc import Callable

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode

from contract import names
from tests.streamer.conftest import FRAME, Stored, StreamerProcess, audio, metadata, pcm

Start = Callable[..., StreamerProcess]
Headers = dict[str, str]


def opened(server: StreamerProcess, headers: Headers) -> connect:
    return connect(server.url, additional_headers=headers, compression=None)


async def closed(socket: ClientConnection) -> tuple[int, str]:
    """Wait for the server's close: its code and reason."""
    with pytest.raises(ConnectionClosed) as close:
        await asyncio.wait_for(socket.recv(), 10)
    received = close.value.rcvd
    assert received is not None
    return received.code, received.reason


async def test_a_mixed_stream_lands_sample_for_sample(
    streamer: Start, headers: Headers, stored: Stored
) -> None:
    server = streamer(SEGMENT_SECONDS="1")
    async with opened(server, headers) as socket:
        await socket.send(metadata())
        for index in range(130):
            await socket.send(audio(index))
    (manifest,) = stored.manifests()
    assert stored.track() == b"".join(map(pcm, range(130)))
    assert [entry.samples for entry in manifest.segments] == [16_000, 16_000, 9_600]
    assert manifest.ended_by.startswith("1000")
    assert manifest.packets == {"AudioMetadata": 1, "AudioData": 130}
    assert manifest.counts.frames == 130
    assert manifest.correlation_id == "correlation"
    assert len(stored.segments()) == len(manifest.segments)


async def test_an_unmixed_stream_has_a_track_for_each_participant(
    streamer: Start, headers: Headers, stored: Stored
) -> None:
    server = streamer(SEGMENT_SECONDS="1")
    async with opened(server, headers) as socket:
        await socket.send(metadata(24_000))
        for index in range(60):
            for raw_id, base in (("4:+15551230000", 0), ("8:acs:a_b", 1000)):
                await socket.send(audio(index, raw_id=raw_id, data=pcm(base + index, 480)))
    (manifest,) = stored.manifests()
    for raw_id, base in (("4:+15551230000", 0), ("8:acs:a_b", 1000)):
        track = names.track_name(raw_id)
        assert stored.track(track) == b"".join(pcm(base + i, 480) for i in range(60))
    spans = {
        track: [(e.start, e.samples) for e in manifest.segments if e.track == track]
        for track in {e.track for e in manifest.segments}
    }
    assert len(spans) == 2
    assert len(set(map(tuple, spans.values()))) == 1, "the spans line up"


async def test_what_is_no_error(streamer: Start, headers: Headers, stored: Stored) -> None:
    """Fragments, another case, an absent participant, empty data, unknown kinds, metadata again."""
    server = streamer()
    async with opened(server, headers) as socket:
        await socket.send(metadata())
        whole = audio(0)
        await socket.send([whole[:10], whole[10:500], whole[500:]])
        await socket.send(audio(1).replace("AudioData", "audiodata"))
        await socket.send(json.dumps({"kind": "Hologram"}))
        silent = json.loads(audio(2))
        silent["audioData"].pop("data")
        silent["audioData"]["silent"] = True
        await socket.send(json.dumps(silent))
        await socket.send(metadata())
        await socket.send(audio(3))
        await socket.send('{"kind":"DtmfData","dtmfData":{"data":"3"}}')
    (manifest,) = stored.manifests()
    assert stored.track() == pcm(0) + pcm(1) + bytes(2 * FRAME) + pcm(3)
    assert manifest.counts.silent_frames == 1
    assert [tone.tone for tone in manifest.dtmf] == ["3"]
    assert manifest.packets["Hologram"] == 1


async def test_a_new_format_whose_clock_begins_anew_overwrites_nothing(
    streamer: Start, headers: Headers, stored: Stored
) -> None:
    """Its stamps are those of what was heard already, so that its segments would bear their names.

    The stream used to wait for ever for the second of two segments of one name.
    """
    server = streamer(SEGMENT_SECONDS="1")
    async with opened(server, headers) as socket:
        for rate, first in ((16_000, 0), (24_000, 500), (16_000, 1000)):
            await socket.send(metadata(rate))
            for index in range(70):
                frame = pcm(first + index, rate // 50)
                await socket.send(audio(index, data=frame))
    (manifest,) = stored.manifests()
    heard = [e for e in manifest.segments if e.samples]
    assert [e.samples for e in heard] == [16_000, 6_400, 24_000, 9_600, 16_000, 6_400]
    assert manifest.counts.frames == 210
    for before, after in itertools.pairwise(heard):
        assert before.end <= after.start
    segments = stored.segments()
    landed = b"".join(segments[e.name(stored.call, manifest.stream_id).blob] for e in heard)
    assert landed == b"".join(
        pcm(first + index, rate // 50)
        for rate, first in ((16_000, 0), (24_000, 500), (16_000, 1000))
        for index in range(70)
    )


async def test_two_streams_of_a_call_stay_apart_and_in_order(
    streamer: Start, headers: Headers, stored: Stored
) -> None:
    first, second = streamer(), streamer()
    async with opened(first, headers) as socket:
        await socket.send(metadata())
        for index in range(20):
            await socket.send(audio(index))
    stored.manifests(1)
    async with opened(second, headers) as socket:
        await socket.send(metadata())
        for index in range(20, 40):
            await socket.send(audio(index))
    manifests = stored.manifests(2)
    assert len({manifest.stream_id for manifest in manifests}) == 2
    assert stored.track() == b"".join(map(pcm, range(40)))


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
async def test_a_close_reason_for_each_breach(
    streamer: Start, headers: Headers, messages: list[object], code: int, reason: str
) -> None:
    server = streamer(MAX_MALFORMED_PACKETS="3", MAX_TRACKS="2")
    async with opened(server, headers) as socket:
        for message in messages:
            await socket.send(message)  # type: ignore[arg-type]
        found = await closed(socket)
    assert found[0] == code
    assert reason in found[1]
    assert server.get("/healthz")[0] == 200


async def test_a_malformed_packet_costs_itself_only(
    streamer: Start, headers: Headers, stored: Stored
) -> None:
    server = streamer()
    async with opened(server, headers) as socket:
        await socket.send(metadata())
        for index in range(100):
            await socket.send("{" if index == 50 else audio(index))
    (manifest,) = stored.manifests()
    frames = [bytes(2 * FRAME) if index == 50 else pcm(index) for index in range(100)]
    assert stored.track() == b"".join(frames)
    assert manifest.packets["malformed"] == 1
    assert (manifest.counts.gaps, manifest.counts.filled_samples) == (1, FRAME)
    assert server.metric('streamer_packets_malformed_total{reason="packet"}') == 1


async def test_limits_refuse_with_503_and_say_so(streamer: Start, headers: Headers) -> None:
    server = streamer(MAX_STREAMS="1")
    async with opened(server, headers) as socket:
        await socket.send(metadata())
        assert server.get("/readyz")[0] == 503
        with pytest.raises(InvalidStatus) as refused:
            async with opened(server, headers):
                pass
        assert refused.value.response.status_code == 503
        assert refused.value.response.headers["Retry-After"]
    assert server.metric('streamer_handshakes_refused_total{reason="full"}') == 1


async def test_time_to_the_first_packet_and_idle_time(streamer: Start, headers: Headers) -> None:
    server = streamer(
        FIRST_PACKET_TIMEOUT_SECONDS="0.5", IDLE_TIMEOUT_SECONDS="1.5", FLUSH_SECONDS="0.2"
    )
    async with opened(server, headers) as socket:
        assert (await closed(socket))[0] == 1008
    async with opened(server, headers) as socket:
        await socket.send(metadata())
        assert "IDLE_TIMEOUT_SECONDS" in (await closed(socket))[1]


async def test_pings_are_answered_and_a_dead_peer_is_noticed(
    streamer: Start, headers: Headers, stored: Stored
) -> None:
    server = streamer(PING_INTERVAL_SECONDS="0.5")
    async with opened(server, headers) as socket:
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
    async with opened(server, headers) as socket:
        for text in (metadata(), audio(0)):
            frame = Frame(Opcode.TEXT, text.encode()).serialize(mask=True)
            for byte in frame[:200]:
                socket.transport.write(bytes([byte]))
                await asyncio.sleep(0)
            socket.transport.write(frame[200:])
    stored.manifests()
    assert stored.track() == pcm(0)


def test_a_slow_handshake_is_cut_off(streamer: Start) -> None:
    server = streamer(HANDSHAKE_TIMEOUT_SECONDS="0.5")
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as slow:
        slow.sendall(b"GET /media/x HTTP/1.1\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert slow.recv(10) == b""
    assert server.get("/healthz")[0] == 200
    assert server.metric('streamer_handshakes_refused_total{reason="timeout"}') == 1


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET /media/x HTTP/1.0\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nbad header\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000, b"431"),
        (b"GET /nothing HTTP/1.1\r\n\r\n", b"404"),
        (b"POST /healthz HTTP/1.1\r\n\r\n", b"405"),
        (b"GET /media/x HTTP/1.1\r\n\r\n", b"426"),
    ],
)
def test_wrong_requests_get_an_answer(streamer: Start, request_: bytes, status: bytes) -> None:
    server = streamer()
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
        client.sendall(request_)
        assert client.recv(100).startswith(b"HTTP/1.1 " + status)


async def test_a_call_without_a_usable_id_is_refused(streamer: Start) -> None:
    server = streamer()
    for call in (None, "../x", "a/b", ""):
        headers: Headers = {} if call is None else {"x-ms-call-connection-id": call}
        with pytest.raises(InvalidStatus) as refused:
            async with opened(server, headers):
                pass
        assert refused.value.response.status_code == 400


async def test_sigterm_hands_running_streams_over_and_uploads_all(
    streamer: Start, headers: Headers, stored: Stored
) -> None:
    server = streamer(DRAIN_GRACE_SECONDS="1")
    async with opened(server, headers) as socket:
        await socket.send(metadata())
        for index in range(30):
            await socket.send(audio(index))
        ended = asyncio.create_task(asyncio.to_thread(server.terminate))
        await asyncio.sleep(0.3)
        assert server.get("/readyz")[1]["status"] == "draining"
        await socket.send(audio(30))
        assert (await closed(socket))[0] == 1001
    assert await ended == 0
    (manifest,) = stored.manifests()
    assert manifest.ended_by.startswith("1001")
    assert stored.track() == b"".join(map(pcm, range(31)))


async def test_kill_loses_nothing_that_was_flushed(
    streamer: Start, headers: Headers, stored: Stored
) -> None:
    server = streamer(spool="kept", FLUSH_SECONDS="0.2", SEGMENT_SECONDS="2")
    async with opened(server, headers) as socket:
        await socket.send(metadata())
        for index in range(250):
            await socket.send(audio(index))
        await asyncio.sleep(0.6)
        server.kill()
    streamer(spool="kept")
    (manifest,) = stored.manifests()
    assert manifest.ended_by == "recovered"
    assert stored.track() == b"".join(map(pcm, range(250)))
    assert [entry.recovered for entry in manifest.segments] == [False, False, True]
    assert manifest.counts.frames == 250


def test_two_streamers_do_not_share_a_spool(streamer: Start) -> None:
    first = streamer(spool="shared")
    with pytest.raises(AssertionError, match="held by another process"):
        streamer(spool="shared")
    assert first.get("/healthz")[0] == 200


def test_wrong_settings_are_all_named(streamer: Start) -> None:
    with pytest.raises(AssertionError) as refused:
        streamer(SEGMENT_SECONDS="soon", MAX_STREAMS="0", TOKEN_CHECK="require")
    for name in ("SEGMENT_SECONDS", "MAX_STREAMS", "ACS_TOKEN_AUDIENCE"):
        assert name in str(refused.value)
