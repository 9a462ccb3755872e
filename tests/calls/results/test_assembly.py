"""A call put together: every sample in its place, the same bytes in whatever order events come."""

from __future__ import annotations

import asyncio
import io
from datetime import timedelta
from random import Random

import msgspec
import numpy as np
import pytest
import soundfile

from calls import assembly, blobs, results
from calls.results.analysis import SpeechSpan
from calls.results.timeline import NOT_ANALYSED
from calls.settings import Recording
from contract import names, wav
from tests.calls.conftest import Landing
from tests.calls.made import BEGUN, TRUTH, MadeStream, conversation, new_call, noise

AGENT, CALLER = "4:+15550000001", "4:+15550000002"


async def products(landing: Landing, call: str) -> tuple[bytes, bytes]:
    return (
        await landing.content(blobs.RECORDINGS, blobs.recording_blob(call)),
        await landing.content(blobs.RESULTS, blobs.call_result_blob(call)),
    )


def channels(file: bytes) -> tuple[int, np.ndarray]:
    found = wav.parse(file)
    samples = np.frombuffer(wav.samples(file), dtype="<i2")
    return found.sample_rate, samples.reshape(-1, found.channels)


@pytest.mark.parametrize("rate", [16_000, 24_000])
async def test_mixed_over_stop_and_start_is_sample_exact(landing: Landing, rate: int) -> None:
    call = new_call()
    first = MadeStream(call, {None: noise(rate * 3 + 320)}, rate=rate, segment_seconds=1)
    later = BEGUN + timedelta(seconds=5, microseconds=31)
    second = MadeStream(
        call, {None: noise(rate * 2, 2)}, rate=rate, segment_seconds=0.7, start=later
    )
    await landing.all(first, second)
    recording, _ = await products(landing, call)
    found_rate, samples = channels(recording)
    assert (found_rate, samples.shape[1]) == (rate, 1)
    pause = round(5.000031 * rate) * 2 - len(first.pcm[None])
    assert samples.tobytes() == first.pcm[None] + bytes(pause) + second.pcm[None]


async def test_unmixed_has_a_channel_for_each_participant(landing: Landing) -> None:
    call = new_call()
    pcm = {CALLER: noise(48_000, 3), AGENT: noise(40_000, 4)}
    late = MadeStream(call, {AGENT: noise(16_000, 5)}, start=BEGUN + timedelta(seconds=4))
    await landing.all(MadeStream(call, pcm, segment_seconds=1), late)
    recording, _ = await products(landing, call)
    result = await assembly.read_result(landing.clients.storage, call)
    assert result is not None
    order = [track.participant for track in result.timeline.tracks]
    assert sorted(order, key=str) == [AGENT, CALLER]
    _, samples = channels(recording)
    agent, caller = samples[:, order.index(AGENT)], samples[:, order.index(CALLER)]
    assert caller.tobytes() == pcm[CALLER] + bytes(2 * (80_000 - 48_000))
    assert agent.tobytes() == pcm[AGENT] + bytes(2 * (64_000 - 40_000)) + late.pcm[AGENT]
    assert result.summary.recording_bytes == len(recording)
    gaps = result.timeline.tracks[order.index(AGENT)].gaps
    assert gaps == [SpeechSpan(2500, 4000)]


@pytest.mark.parametrize("participants", [1, 2, 9])
async def test_flac_holds_the_same_samples(landing: Landing, participants: int) -> None:
    """Of up to eight channels; of noise, so that its blocks are more than one."""
    clients = landing.clients
    clients.settings = msgspec.structs.replace(clients.settings, recording_format="flac")
    call = new_call()
    pcm = {f"4:+{n}": noise(16_000 * 100, n) for n in range(participants)}
    await landing.all(MadeStream(call, pcm, segment_seconds=40))
    recording, _ = await products(landing, call)
    storage = clients.storage
    found = await storage.properties(blobs.RECORDINGS, blobs.recording_blob(call))
    assert found is not None
    assert found.content_type == ("audio/flac" if participants <= 8 else "audio/wav")
    samples, rate = soundfile.read(io.BytesIO(recording), dtype="int16", always_2d=True)
    assert (rate, samples.shape) == (16_000, (16_000 * 100, participants))
    for channel, one in enumerate(pcm.values()):
        assert samples[:, channel].tobytes() == one
    result = await assembly.read_result(storage, call)
    assert result is not None
    assert result.summary.recording_bytes == len(recording)


async def test_a_segment_that_a_restart_found_follows_on_the_one_before(landing: Landing) -> None:
    """Its start is known by the name alone, to the millisecond: 7 samples before it is."""
    call = new_call()
    stream = MadeStream(call, {None: noise(32_000)}, segment_seconds=1)
    entries = stream.manifest.segments
    cut = entries[1].start.replace(microsecond=entries[1].start.microsecond // 1000 * 1000)
    entries[1] = msgspec.structs.replace(entries[1], start=cut, recovered=True)
    await landing.all(stream)
    recording, _ = await products(landing, call)
    assert wav.samples(recording) == stream.pcm[None]


async def test_any_order_twice_and_one_late_end_in_the_same_bytes(landing: Landing) -> None:
    call = new_call()
    pcm = {AGENT: conversation("agent"), CALLER: conversation("caller")}
    stream = MadeStream(call, pcm)
    await landing.all(stream)
    wanted = await products(landing, call)
    for seed in range(3):
        for blob in await landing.clients.storage.blob_names(blobs.RESULTS, f"{call}/"):
            await landing.delete(blobs.RESULTS, blob)
        await landing.delete(blobs.RECORDINGS, blobs.recording_blob(call))
        await landing.delete(names.MANIFESTS, stream.manifest_blob[0])
        order = list(stream.files)
        Random(seed).shuffle(order)
        missing = order.pop()
        events = [landing.event(stream, blob) for blob in order + order[:2]]
        await asyncio.gather(*events[: len(events) // 2])
        await landing.manifest(stream)
        await asyncio.gather(*events[len(events) // 2 :])
        assert await assembly.read_result(landing.clients.storage, call) is None, "one is missing"
        await asyncio.gather(*(landing.event(stream, missing) for _ in range(2)))
        assert await products(landing, call) == wanted


async def test_a_second_stream_makes_it_anew_and_repeats_do_not(landing: Landing) -> None:
    call = new_call()
    first = MadeStream(call, {None: noise(16_000)})
    second = MadeStream(call, {None: noise(16_000, 2)}, start=BEGUN + timedelta(seconds=2))
    await landing.all(first)
    blob = blobs.recording_blob(call)
    storage = landing.clients.storage
    before = await storage.properties(blobs.RECORDINGS, blob)
    await landing.manifest(first)
    again = await storage.properties(blobs.RECORDINGS, blob)
    assert before is not None
    assert again is not None
    assert before.etag == again.etag, "a repeat wrote it anew"
    await landing.all(second)
    recording, _ = await products(landing, call)
    assert len(wav.samples(recording)) == 3 * 32_000


async def test_an_older_view_never_replaces_a_newer(landing: Landing) -> None:
    """Two at once, of which one has seen the first stream only."""
    call = new_call()
    streams = [
        MadeStream(call, {None: noise(16_000, n)}, start=BEGUN + timedelta(seconds=2 * n))
        for n in range(3)
    ]
    for stream in streams:
        await landing.upload(stream)
        for blob in stream.files:
            await landing.event(stream, blob)
    await asyncio.gather(*(landing.manifest(stream) for stream in streams))
    result = await assembly.read_result(landing.clients.storage, call)
    assert result is not None
    assert result.summary.streams == 3
    recording, _ = await products(landing, call)
    assert len(wav.samples(recording)) == 5 * 32_000


async def test_what_is_missing_is_silent_and_named(landing: Landing) -> None:
    call = new_call()
    stream = MadeStream(call, {None: noise(48_000)}, segment_seconds=1)
    gone, unread = list(stream.files)[1:]
    await landing.upload(stream, leave_out=[gone])
    await landing.event(stream, next(iter(stream.files)))
    await landing.manifest(stream)
    assert await assembly.read_result(landing.clients.storage, call) is None
    await storage_events.assemble_call(landing.clients, call, partial=True)
    result = await assembly.read_result(landing.clients.storage, call)
    assert result is not None
    named = {missing.blob: missing.reason for missing in result.timeline.missing_segments}
    assert named == {f"segments/{gone}": "not in the storage", f"segments/{unread}": NOT_ANALYSED}
    assert result.summary.missing_segments == 2
    recording, _ = await products(landing, call)
    pcm = stream.pcm[None]
    assert wav.samples(recording) == pcm[:32_000] + bytes(32_000) + pcm[64_000:]


async def test_a_recording_outlives_its_segments(landing: Landing) -> None:
    call = new_call()
    stream = MadeStream(call, {None: noise(32_000)}, segment_seconds=1)
    await landing.all(stream)
    wanted = await products(landing, call)
    await landing.delete(names.SEGMENTS, next(iter(stream.files)))
    await landing.manifest(stream)
    await storage_events.assemble_call(landing.clients, call, partial=True)
    assert await products(landing, call) == wanted


async def test_a_call_whose_manifest_never_came_is_partial_until_it_does(landing: Landing) -> None:
    call = new_call()
    stream = MadeStream(call, {None: noise(40_000)}, segment_seconds=1)
    await landing.upload(stream)
    for blob in stream.files:
        await landing.event(stream, blob)
    assert not await storage_events.assemble_call(landing.clients, call)
    assert await storage_events.assemble_call(landing.clients, call, partial=True)
    result = await assembly.read_result(landing.clients.storage, call)
    assert result is not None
    assert (result.timeline.partial, result.streams[0].ended_by) == (
        True,
        results.ENDED_BY_UNKNOWN,
    )
    partial, _ = await products(landing, call)
    await landing.manifest(stream)
    result = await assembly.read_result(landing.clients.storage, call)
    assert result is not None
    assert not result.timeline.partial
    assert (await products(landing, call))[0] == partial


@pytest.mark.parametrize("form", ["wav", "flac"])
async def test_a_call_without_any_audio_is_put_together_too(
    landing: Landing, form: Recording
) -> None:
    """Its streaming was stopped before the first frame came."""
    clients = landing.clients
    clients.settings = msgspec.structs.replace(clients.settings, recording_format=form)
    call = new_call()
    await landing.all(MadeStream(call, {}))
    result = await assembly.read_result(clients.storage, call)
    assert result is not None
    assert (result.timeline.duration_ms, result.timeline.tracks) == (0, [])
    assert result.timeline.longest_silence is None
    recording, _ = await products(landing, call)
    assert soundfile.info(io.BytesIO(recording)).frames == 0


async def test_a_call_of_silence_alone_has_no_speech(landing: Landing) -> None:
    call = new_call()
    await landing.all(MadeStream(call, {None: bytes(32_000)}))
    result = await assembly.read_result(landing.clients.storage, call)
    assert result is not None
    (track,) = result.timeline.tracks
    assert (track.talk_share, track.speech) == (0.0, [])
    assert result.timeline.longest_silence == SpeechSpan(0, 1000)


async def test_the_timeline_of_the_demo_conversation_is_true(landing: Landing) -> None:
    call = new_call()
    pcm = {AGENT: conversation("agent"), CALLER: conversation("caller")}
    await landing.all(MadeStream(call, pcm))
    result = await assembly.read_result(landing.clients.storage, call)
    assert result is not None
    found = result.timeline
    assert found.duration_ms == TRUTH["length_ms"]
    who = {"agent": AGENT, "caller": CALLER}
    spoken = {t.participant: [(s.start_ms, s.end_ms) for s in t.speech] for t in found.tracks}
    lengths = {AGENT: 0, CALLER: 0}
    for said in TRUTH["utterances"]:
        begins, ends = said["start_ms"], said["end_ms"]
        lengths[who[said["who"]]] += ends - begins
        spans = [s for s in spoken[who[said["who"]]] if s[1] > begins and s[0] < ends]
        assert abs(spans[0][0] - begins) <= 200, said["text"]
        assert abs(spans[-1][1] - ends) <= 200, said["text"]
    for track in found.tracks:
        truth = lengths[str(track.participant)] / sum(lengths.values())
        assert abs(track.talk_share - truth) <= 0.02
        assert len(track.waveform.peaks) == 360
    ((begins, ends),) = TRUTH["overlaps_ms"]
    (overlap,) = found.overlaps
    assert abs(overlap.start_ms - begins) <= 200
    assert abs(overlap.end_ms - ends) <= 200
    (cut_in,) = found.interruptions
    assert (cut_in.by, cut_in.of) == (CALLER, AGENT)
    assert found.longest_silence is not None
    assert abs(found.longest_silence.start_ms - 15_841) <= 200
    assert abs(found.longest_silence.end_ms - 18_800) <= 200
