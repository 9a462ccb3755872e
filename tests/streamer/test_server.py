"""The streamer as ACS uses it: a real process, real WebSockets and real Blob Storage."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from contract import names
from contract.manifest import DRAFT_ENDED_BY, decode_manifest
from tests.streamer.conftest import (
    FRAME,
    ORIGIN,
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


async def wait_for_flush(server: StreamerProcess, seconds: float) -> None:
    """Wait until this much of a stream is on disk, and all segments but the last one are sealed."""
    streams, end = server.spool / "streams", ORIGIN.timestamp() + seconds - 0.001

    def is_flushed() -> bool:
        has_one_open = len(list(streams.rglob("*.part"))) == 1
        return has_one_open and server.flushed_until(streams) >= end

    await asyncio.to_thread(server.until, is_flushed)


async def test_a_mixed_stream_is_stored_sample_for_sample(
    streamer: Start, headers: Headers, stored: Stored
) -> None:
    server = streamer(SEGMENT_SECONDS="1")
    async with open_websocket(server, headers) as socket:
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
    async with open_websocket(server, headers) as socket:
        await socket.send(metadata(24_000))
        for index in range(60):
            for raw_id, base in (("4:+15551230000", 0), ("8:acs:a_b", 1000)):
                await socket.send(audio(index, raw_id=raw_id, data=pcm(base + index, 480)))
    (manifest,) = stored.manifests()
    assert manifest.participants == {"p1": "4:+15551230000", "p2": "8:acs:a_b"}
    drafts = stored.service.get_container_client(names.DRAFTS)
    for track, base in (("p1", 0), ("p2", 1000)):
        note = names.NoteName(stored.call, manifest.stream_id, track)
        raw_id = drafts.download_blob(note.blob).readall().decode()
        assert raw_id == manifest.participants[track]
        assert stored.track(track) == b"".join(pcm(base + i, 480) for i in range(60))
    spans = {
        track: [(e.start, e.samples) for e in manifest.segments if e.track == track]
        for track in {e.track for e in manifest.segments}
    }
    assert len(spans) == 2
    assert len(set(map(tuple, spans.values()))) == 1, "the spans line up"


async def test_unusual_messages_are_accepted(
    streamer: Start, headers: Headers, stored: Stored
) -> None:
    """Fragments, another case, no participant, no data, unknown kinds, repeated metadata."""
    server = streamer()
    async with open_websocket(server, headers) as socket:
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
    assert manifest.dtmf == [], "no grant lets tones be kept"
    assert manifest.packets["Hologram"] == manifest.packets["DtmfData"] == 1


async def test_a_new_format_with_earlier_timestamps_overwrites_nothing(
    streamer: Start, headers: Headers, stored: Stored
) -> None:
    """Its timestamps repeat earlier ones, so that its segments would get the same names.

    The stream used to wait forever for the second of two segments of one name.
    """
    server = streamer(SEGMENT_SECONDS="1")
    async with open_websocket(server, headers) as socket:
        for rate, first in ((16_000, 0), (24_000, 500), (16_000, 1000)):
            await socket.send(metadata(rate))
            for index in range(70):
                frame = pcm(first + index, rate // 50)
                await socket.send(audio(index, data=frame))
    (manifest,) = stored.manifests()
    segments_in_order = [e for e in manifest.segments if e.samples]
    # The clock goes on, and with it the cuts at each second.
    samples = [16_000, 6_400, 14_400, 19_200, 3_200, 16_000, 3_200]
    assert [e.samples for e in segments_in_order] == samples
    assert manifest.counts.frames == 210
    for before, after in itertools.pairwise(segments_in_order):
        assert before.end <= after.start
    segments = stored.segments()
    stored_audio = b"".join(
        segments[e.name(stored.call, manifest.stream_id).blob] for e in segments_in_order
    )
    assert stored_audio == b"".join(
        pcm(first + index, rate // 50)
        for rate, first in ((16_000, 0), (24_000, 500), (16_000, 1000))
        for index in range(70)
    )


async def test_two_streams_of_a_call_stay_apart_and_in_order(
    streamer: Start, headers: Headers, stored: Stored
) -> None:
    first, second = streamer(), streamer()
    async with open_websocket(first, headers) as socket:
        await socket.send(metadata())
        for index in range(20):
            await socket.send(audio(index))
    stored.manifests(1)
    async with open_websocket(second, headers) as socket:
        await socket.send(metadata())
        for index in range(20, 40):
            await socket.send(audio(index))
    manifests = stored.manifests(2)
    assert len({manifest.stream_id for manifest in manifests}) == 2
    assert stored.track() == b"".join(map(pcm, range(40)))


async def test_a_malformed_packet_costs_no_other_audio(
    streamer: Start, headers: Headers, stored: Stored
) -> None:
    server = streamer()
    async with open_websocket(server, headers) as socket:
        await socket.send(metadata())
        for index in range(100):
            await socket.send("{" if index == 50 else audio(index))
    (manifest,) = stored.manifests()
    frames = [bytes(2 * FRAME) if index == 50 else pcm(index) for index in range(100)]
    assert stored.track() == b"".join(frames)
    assert manifest.packets["malformed"] == 1
    assert (manifest.counts.gaps, manifest.counts.filled_samples) == (1, FRAME)
    assert server.metric('streamer_packets_malformed_total{reason="packet"}') == 1


async def test_streams_without_packets_are_closed(streamer: Start, headers: Headers) -> None:
    server = streamer(FIRST_PACKET_TIMEOUT_SECONDS="0.5", FLUSH_SECONDS="0.2")
    async with open_websocket(server, headers) as socket:
        code, reason = await wait_for_close(socket)
        assert code == 1008
        assert "FIRST_PACKET_TIMEOUT_SECONDS" in reason
    server = streamer(IDLE_TIMEOUT_SECONDS="1.5", FLUSH_SECONDS="0.2")
    async with open_websocket(server, headers) as socket:
        await socket.send(metadata())
        assert "IDLE_TIMEOUT_SECONDS" in (await wait_for_close(socket))[1]


async def test_a_socket_without_a_packet_leaves_nothing(
    streamer: Start, headers: Headers, stored: Stored
) -> None:
    """A manifest would wake the app each time; one packet is enough for one."""
    server = streamer()
    for messages in ([], [], ["{"], [metadata()]):
        async with open_websocket(server, headers) as socket:
            for message in messages:
                await socket.send(message)
    await asyncio.to_thread(server.until, lambda: not server.get("/healthz")[1]["streams"])
    (manifest,) = stored.manifests()
    assert manifest.packets == {"AudioMetadata": 1, "AudioData": 0}
    await asyncio.to_thread(
        server.until, lambda: not server.get("/healthz")[1]["uploads"]["waiting"]
    )
    assert not list((server.spool / "streams").iterdir())
    drafts = stored.service.get_container_client(names.DRAFTS)

    def list_markers() -> list[str]:
        return list(drafts.list_blob_names(name_starts_with=f"{stored.call}/"))

    # It is uploaded beside the manifest.
    await asyncio.to_thread(server.until, lambda: bool(list_markers()))
    assert list_markers() == [names.stream_marker(stored.call, manifest.stream_id)]


async def test_sigterm_closes_open_streams_and_uploads_everything(
    streamer: Start, headers: Headers, stored: Stored
) -> None:
    server = streamer()
    async with open_websocket(server, headers) as socket:
        await socket.send(metadata())
        for index in range(30):
            await socket.send(audio(index))
        assert server.process is not None
        server.process.terminate()
        await asyncio.to_thread(
            server.until, lambda: server.get("/readyz")[1]["status"] == "draining"
        )
        await socket.send(audio(30))
        # The second one ends the grace period.
        ended = asyncio.create_task(asyncio.to_thread(server.terminate))
        assert (await wait_for_close(socket))[0] == 1001
    assert await ended == 0
    (manifest,) = stored.manifests()
    assert manifest.ended_by.startswith("1001")
    assert stored.track() == b"".join(map(pcm, range(31)))


async def test_a_drain_uploads_what_is_open_at_once_and_every_few_seconds(
    streamer: Start, headers: Headers, stored: Stored
) -> None:
    """Azure may kill a replica within a minute of SIGTERM, whatever the grace period says."""
    server = streamer(FLUSH_SECONDS="0.2")

    def audio_seconds() -> float:
        return sum(map(len, stored.segments().values())) / 32_000

    async with open_websocket(server, headers) as socket:
        await socket.send(metadata())
        for index in range(100):
            await socket.send(audio(index))
        await wait_for_flush(server, 2)
        assert server.process is not None
        server.process.terminate()
        await asyncio.to_thread(server.until, lambda: audio_seconds() == 2)
        drafts = stored.service.get_container_client(names.DRAFTS)

        def draft_blobs() -> list[str]:
            return list(drafts.list_blob_names(name_starts_with=stored.call))

        # The draft follows the segment.
        await asyncio.to_thread(server.until, lambda: len(draft_blobs()) == 2)
        name, marker = draft_blobs()
        assert marker == name.removesuffix(".json") + ".open"
        draft = decode_manifest(drafts.download_blob(name).readall())
        assert draft.ended_by == DRAFT_ENDED_BY
        assert [entry.samples for entry in draft.segments] == [32_000]
        assert draft.correlation_id == "correlation"
        assert not server.metric("streamer_manifests_uploaded_total")
        for index in range(100, 400):
            await socket.send(audio(index))
        await asyncio.to_thread(server.until, lambda: audio_seconds() >= 7)
        server.kill()


async def test_a_kill_loses_nothing_that_was_flushed(
    streamer: Start, headers: Headers, stored: Stored
) -> None:
    server = streamer(spool="killed", FLUSH_SECONDS="0.2", SEGMENT_SECONDS="2")
    async with open_websocket(server, headers) as socket:
        await socket.send(metadata())
        for index in range(250):
            await socket.send(audio(index))
        await wait_for_flush(server, 5)
        server.kill()
    streamer(spool="killed")
    (manifest,) = stored.manifests()
    assert manifest.ended_by == "recovered"
    assert stored.track() == b"".join(map(pcm, range(250)))
    assert [entry.recovered for entry in manifest.segments] == [False, False, True]
    assert manifest.counts.frames == 250


async def test_a_kill_while_frames_wait_for_a_decision_loses_none_of_them(
    streamer: Start, headers: Headers, stored: Stored
) -> None:
    """After a loss of two frames, seven more are too few to tell it from jitter."""
    server = streamer(spool="killed", MEDIA_SPEED="1")
    first, lost, held = 25, 2, 7
    async with open_websocket(server, headers) as socket:
        await socket.send(metadata())
        for index in [*range(first), *range(first + lost, first + lost + held)]:
            await socket.send(audio(index))
            await asyncio.sleep(0.02)
        # Not by its length: silence for the lost frames may come before those that were held.
        last = pcm(first + lost + held - 1)
        parts = server.spool / "streams"
        await asyncio.to_thread(
            server.until, lambda: any(last in part.read_bytes() for part in parts.rglob("*.part"))
        )
        server.kill()
    server = streamer(spool="killed", MEDIA_SPEED="1")
    async with open_websocket(server, headers) as socket:
        await socket.send(metadata())
        for index in range(100, 110):
            await socket.send(audio(index))
            await asyncio.sleep(0.02)
    recovered, after = sorted(stored.manifests(2), key=lambda manifest: manifest.stream_id)
    assert recovered.ended_by == "recovered"
    (entry,) = recovered.segments
    samples = stored.segments()[entry.name(stored.call, recovered.stream_id).blob]
    assert entry.start == ORIGIN
    for index in [*range(first), *range(first + lost, first + lost + held)]:
        seconds = samples.index(pcm(index)) / 2 / FRAME * 0.02
        assert abs(seconds - index * 0.02) <= 0.06
    assert after.segments[0].start == ORIGIN + timedelta(seconds=2)
    assert after.counts.frames == 10


def test_two_streamers_do_not_share_a_spool(streamer: Start) -> None:
    first = streamer(spool="shared")
    with pytest.raises(AssertionError, match="held by another process"):
        streamer(spool="shared")
    assert first.get("/healthz")[0] == 200


def test_all_wrong_settings_are_reported(streamer: Start) -> None:
    with pytest.raises(AssertionError) as refused:
        streamer(SEGMENT_SECONDS="soon", MAX_STREAMS="0", TOKEN_CHECK="require")
    for name in ("SEGMENT_SECONDS", "MAX_STREAMS", "ACS_TOKEN_AUDIENCE"):
        assert name in str(refused.value)
