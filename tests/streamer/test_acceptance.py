"""What senders really do: one odd message must not cost a stream. Real sockets, numbered frames."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from contract import names, wav
from contract.manifest import Manifest
from tests.streamer.conftest import (
    FRAME,
    ORIGIN,
    Stored,
    StreamerProcess,
    audio,
    metadata,
    open_websocket,
    pcm,
)

Start = Callable[..., StreamerProcess]
Headers = dict[str, str]


def change(packet: str, member: str, **values: object) -> str:
    """Return a packet with values of its member changed; a value of ... removes it."""
    document = json.loads(packet)
    document[member] |= values
    document[member] = {k: v for k, v in document[member].items() if v is not ...}
    return json.dumps(document)


async def record(
    server: StreamerProcess, headers: Headers, stored: Stored, messages: list[Any]
) -> Manifest:
    """Send messages over one WebSocket, close it, and return the stream's manifest."""
    async with open_websocket(server, headers) as socket:
        for message in messages:
            await socket.send(message)
    (manifest,) = await asyncio.to_thread(stored.manifests)
    assert manifest.ended_by.startswith("1000"), manifest.ended_by
    return manifest


@pytest.mark.parametrize("early", [1, 5])
async def test_audio_before_the_metadata_is_placed_when_it_comes(
    streamer: Start, headers: Headers, stored: Stored, early: int
) -> None:
    frames = [audio(index, data=pcm(index, 480)) for index in range(60)]
    messages = [*frames[:early], metadata(24_000), *frames[early:]]
    # By default, frames wait for half a second only: a slow machine may need longer to send all.
    manifest = await record(streamer(FLUSH_SECONDS="10"), headers, stored, messages)
    assert stored.track() == b"".join(pcm(index, 480) for index in range(60))
    assert manifest.irregular == {"before_metadata": early}
    assert (manifest.sample_rate, manifest.declared_sample_rate) == (24_000, 24_000)


@pytest.mark.parametrize("samples", [320, 480])
@pytest.mark.parametrize("count", [3, 120])
async def test_a_stream_without_metadata_is_recorded(
    streamer: Start, headers: Headers, stored: Stored, samples: int, count: int
) -> None:
    server = streamer()
    messages = [audio(index, data=pcm(index, samples)) for index in range(count)]
    manifest = await record(server, headers, stored, messages)
    assert stored.track() == b"".join(pcm(index, samples) for index in range(count))
    assert (manifest.sample_rate, manifest.declared_sample_rate) == (samples * 50, None)
    assert manifest.counts.frames == count
    assert "packet_irregular" in server.log.read_text()
    assert server.metric('streamer_packets_irregular_total{reason="no_metadata"}') == 1


async def test_a_byte_order_mark_is_ignored(
    streamer: Start, headers: Headers, stored: Stored
) -> None:
    messages = ["\ufeff" + text for text in (metadata(), *(audio(i) for i in range(30)))]
    await record(streamer(), headers, stored, messages)
    assert stored.track() == b"".join(map(pcm, range(30)))


@pytest.mark.parametrize(
    "nulls",
    [
        {"subscriptionId": None},
        {"encoding": None},
        {"length": None},
        {"channels": None},
        {"sampleRate": 16000.0},
        {"subscriptionId": None, "encoding": None, "length": None, "channels": None},
    ],
)
async def test_null_is_absent(
    streamer: Start, headers: Headers, stored: Stored, nulls: dict[str, object]
) -> None:
    frames = [change(audio(index), "audioData", silent=None) for index in range(30)]
    messages = [change(metadata(), "audioMetadata", **nulls), *frames]
    manifest = await record(streamer(), headers, stored, messages)
    assert stored.track() == b"".join(map(pcm, range(30)))
    assert manifest.declared_sample_rate == 16_000
    assert "malformed" not in manifest.packets


async def test_an_odd_byte_is_left_out_and_counted(
    streamer: Start, headers: Headers, stored: Stored
) -> None:
    frames = [audio(index, data=pcm(index) + b"\x07") for index in range(80)]
    manifest = await record(streamer(), headers, stored, [metadata(), *frames])
    assert stored.track() == b"".join(map(pcm, range(80)))
    assert manifest.irregular == {"odd_bytes": 80}
    assert "malformed" not in manifest.packets


async def test_a_packet_of_64_kb_of_audio_is_recorded(
    streamer: Start, headers: Headers, stored: Stored
) -> None:
    packets = [pcm(number, 32_768) for number in range(3)]
    frames = [
        audio(0, data=data, origin=ORIGIN + number * timedelta(milliseconds=2048))
        for number, data in enumerate(packets)
    ]
    await record(streamer(), headers, stored, [metadata(), *frames])
    assert stored.track() == b"".join(packets)


async def test_binary_messages_are_recorded(
    streamer: Start, headers: Headers, stored: Stored
) -> None:
    frames = [audio(index).encode() for index in range(30)]
    fragmented = [frames[3][:100], frames[3][100:200], frames[3][200:]]
    messages = [metadata().encode(), *frames[:3], fragmented, *frames[4:]]
    manifest = await record(streamer(), headers, stored, messages)
    assert stored.track() == b"".join(map(pcm, range(30)))
    assert manifest.irregular == {"binary": 31}


@pytest.mark.parametrize(("declared", "actual"), [(16_000, 24_000), (24_000, 16_000)])
@pytest.mark.parametrize("count", [2, 200])
async def test_frames_of_another_rate_than_declared_are_all_kept(
    streamer: Start, headers: Headers, stored: Stored, declared: int, actual: int, count: int
) -> None:
    server = streamer(SEGMENT_SECONDS="1")
    samples = actual // 50
    frames = [audio(index, data=pcm(index, samples)) for index in range(count)]
    manifest = await record(server, headers, stored, [metadata(declared), *frames])
    assert stored.track() == b"".join(pcm(index, samples) for index in range(count))
    assert (manifest.sample_rate, manifest.declared_sample_rate) == (actual, declared)
    assert manifest.irregular == {"sample_rate": 1}
    assert manifest.counts.frames == count
    assert manifest.counts.repeated == manifest.counts.gaps == 0
    assert server.log.read_text().count("reason=sample_rate") == 1


@pytest.mark.parametrize("length", [0, 640, 1280, 65_536, -1, 641, 10**11])
async def test_silent_frames_without_data_last_20_ms_whatever_the_metadata_says(
    streamer: Start, headers: Headers, stored: Stored, length: int
) -> None:
    frames = [
        change(audio(index), "audioData", silent=True, data=...) if index % 2 else audio(index)
        for index in range(100)
    ]
    messages = [change(metadata(), "audioMetadata", length=length), *frames]
    manifest = await record(streamer(), headers, stored, messages)
    assert stored.track() == b"".join(
        bytes(2 * FRAME) if index % 2 else pcm(index) for index in range(100)
    )
    assert (manifest.counts.frames, manifest.counts.silent_frames) == (100, 50)
    assert manifest.counts.repeated == 0
    assert manifest.irregular == ({} if length in (0, 640) else {"length": 1})


def has_frames(server: StreamerProcess, part: str, count: int) -> bool:
    """Whether the only open segment of this name has so many frames on disk."""
    sizes = [path.stat().st_size for path in server.spool.rglob(part)]
    return sizes == [wav.HEADER_BYTES + count * FRAME * 2]


async def test_speakers_one_after_another_are_more_than_the_tracks_at_once(
    streamer: Start, headers: Headers, stored: Stored
) -> None:
    server = streamer(MAX_TRACKS="2", FLUSH_SECONDS="0.2")
    async with open_websocket(server, headers) as socket:
        await socket.send(metadata())
        for speaker in range(5):
            for index in range(10):
                await socket.send(audio(speaker * 100 + index, raw_id=f"4:+{speaker}"))
            # A track is idle a second after the server has noticed its last frame.
            part = f"{names.track_name(speaker + 1)}~*.part"
            await asyncio.to_thread(server.until, partial(has_frames, server, part, 10))
            await asyncio.sleep(1.2)
        # The first one speaks again.
        await socket.send(audio(600, raw_id="4:+0"))
    (manifest,) = await asyncio.to_thread(stored.manifests)
    assert manifest.ended_by.startswith("1000")
    assert manifest.counts.frames == 51
    assert manifest.counts.lost == 0
    for speaker in range(1, 5):
        track = stored.track(names.track_name(speaker + 1))
        assert track == b"".join(pcm(speaker * 100 + index) for index in range(10))
    first = [e for e in manifest.segments if e.track == names.track_name(1)]
    assert [e.samples for e in first] == [10 * FRAME, FRAME]
    assert first[1].start == ORIGIN + timedelta(seconds=12)


async def test_more_speakers_at_once_than_tracks_cost_the_others_nothing(
    streamer: Start, headers: Headers, stored: Stored
) -> None:
    server = streamer(MAX_TRACKS="2")
    messages = [audio(index, raw_id=f"4:+{speaker}") for index in range(10) for speaker in range(3)]
    manifest = await record(server, headers, stored, [metadata(), *messages])
    for speaker in range(2):
        track = stored.track(names.track_name(speaker + 1))
        assert track == b"".join(map(pcm, range(10)))
    assert (manifest.counts.frames, manifest.counts.lost) == (20, 10)
    assert manifest.irregular == {"tracks": 10}
    assert server.metric('streamer_frames_total{outcome="lost"}') == 10


@pytest.mark.parametrize("raw_id", ["", "8:acs:" + "\N{TELEPHONE RECEIVER}" * 40, "x" * 30_000])
async def test_an_empty_or_long_raw_id_gets_a_track_of_its_own(
    streamer: Start, headers: Headers, stored: Stored, raw_id: str
) -> None:
    frames = [audio(index, raw_id=speaker) for index in range(30) for speaker in (raw_id, "4:+1")]
    manifest = await record(streamer(), headers, stored, [metadata(), *frames])
    assert manifest.participants == {"p1": raw_id[:1024], "p2": "4:+1"}
    assert {entry.track for entry in manifest.segments} == {"p1", "p2"}
    assert manifest.irregular == ({} if 1 <= len(raw_id) <= 1024 else {"raw_id": 1})
    assert stored.track("p1") == b"".join(map(pcm, range(30)))


async def test_unknown_kinds_and_scattered_malformed_packets_do_not_cost_the_stream(
    streamer: Start, headers: Headers, stored: Stored
) -> None:
    messages = [metadata()]
    for index in range(120):
        messages += [audio(index), "{", json.dumps({"kind": f"kind {index}"})]
    manifest = await record(streamer(), headers, stored, messages)
    assert stored.track() == b"".join(map(pcm, range(120)))
    assert manifest.packets["malformed"] == 120
    assert len(manifest.packets) <= 66
    assert sum(manifest.packets.values()) == len(messages)


async def test_formats_that_flap_keep_all_samples(
    streamer: Start, headers: Headers, stored: Stored
) -> None:
    """After 16 changes the format stays: no peer decides how many segments there are."""
    messages = []
    for number in range(40):
        messages += [metadata((16_000, 24_000)[number % 2]), audio(number)]
    manifest = await record(streamer(), headers, stored, messages)
    segments = stored.segments()
    stored_audio = b"".join(
        segments[e.name(stored.call, manifest.stream_id).blob] for e in manifest.segments
    )
    assert all(pcm(number) in stored_audio for number in range(40))
    assert len(manifest.segments) <= 17
