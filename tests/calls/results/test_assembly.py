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

from calls import blobs
from calls.pipeline import storage_events
from calls.results import assembly, call_result
from calls.results.analysis import SpeechSpan
from calls.results.timeline import NOT_ANALYSED
from calls.settings import RecordingFormat
from contract import names, wav
from tests.calls.sample_streams import (
    STARTED_AT,
    TRUTH,
    SampleStream,
    conversation,
    new_call_id,
    noise,
)
from tests.calls.stream_uploader import StreamUploader

AGENT, CALLER = "4:+15550000001", "4:+15550000002"


async def products(uploader: StreamUploader, call: str) -> tuple[bytes, bytes]:
    return (
        await uploader.read_blob(blobs.RECORDINGS, blobs.recording_blob(call)),
        await uploader.read_blob(blobs.RESULTS, blobs.call_result_blob(call)),
    )


def channels(file: bytes) -> tuple[int, np.ndarray]:
    found = wav.parse(file)
    samples = np.frombuffer(wav.samples(file), dtype="<i2")
    return found.sample_rate, samples.reshape(-1, found.channels)


@pytest.mark.parametrize("rate", [16_000, 24_000])
async def test_mixed_over_stop_and_start_is_sample_exact(
    uploader: StreamUploader, rate: int
) -> None:
    call = new_call_id()
    first = SampleStream(call, {None: noise(rate * 3 + 320)}, rate=rate, segment_seconds=1)
    later = STARTED_AT + timedelta(seconds=5, microseconds=31)
    second = SampleStream(
        call, {None: noise(rate * 2, 2)}, rate=rate, segment_seconds=0.7, start=later
    )
    await uploader.process(first, second)
    recording, _ = await products(uploader, call)
    found_rate, samples = channels(recording)
    assert (found_rate, samples.shape[1]) == (rate, 1)
    pause = round(5.000031 * rate) * 2 - len(first.pcm[None])
    assert samples.tobytes() == first.pcm[None] + bytes(pause) + second.pcm[None]


async def test_unmixed_has_a_channel_for_each_participant(uploader: StreamUploader) -> None:
    call = new_call_id()
    pcm = {CALLER: noise(48_000, 3), AGENT: noise(40_000, 4)}
    late = SampleStream(call, {AGENT: noise(16_000, 5)}, start=STARTED_AT + timedelta(seconds=4))
    await uploader.process(SampleStream(call, pcm, segment_seconds=1), late)
    recording, _ = await products(uploader, call)
    result = await assembly.read_result(uploader.storage, call)
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
async def test_flac_holds_the_same_samples(uploader: StreamUploader, participants: int) -> None:
    """Of up to eight channels; of noise, so that its blocks are more than one."""
    clients = uploader.clients
    clients.settings = msgspec.structs.replace(clients.settings, recording_format="flac")
    call = new_call_id()
    pcm = {f"4:+{n}": noise(16_000 * 100, n) for n in range(participants)}
    await uploader.process(SampleStream(call, pcm, segment_seconds=40))
    recording, _ = await products(uploader, call)
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


async def test_a_segment_that_a_restart_found_follows_on_the_one_before(
    uploader: StreamUploader,
) -> None:
    """Its start is known by the name alone, to the millisecond: 7 samples before it is."""
    call = new_call_id()
    stream = SampleStream(call, {None: noise(32_000)}, segment_seconds=1)
    entries = stream.manifest.segments
    cut = entries[1].start.replace(microsecond=entries[1].start.microsecond // 1000 * 1000)
    entries[1] = msgspec.structs.replace(entries[1], start=cut, recovered=True)
    await uploader.process(stream)
    recording, _ = await products(uploader, call)
    assert wav.samples(recording) == stream.pcm[None]


async def test_any_order_twice_and_one_late_end_in_the_same_bytes(uploader: StreamUploader) -> None:
    call = new_call_id()
    pcm = {AGENT: conversation("agent"), CALLER: conversation("caller")}
    stream = SampleStream(call, pcm)
    await uploader.process(stream)
    wanted = await products(uploader, call)
    for seed in range(3):
        for blob in await uploader.storage.blob_names(blobs.RESULTS, f"{call}/"):
            await uploader.delete_blob(blobs.RESULTS, blob)
        await uploader.delete_blob(blobs.RECORDINGS, blobs.recording_blob(call))
        await uploader.delete_blob(names.MANIFESTS, stream.manifest_blob[0])
        order = list(stream.files)
        Random(seed).shuffle(order)
        missing = order.pop()
        events = [uploader.analyse_segment(stream, blob) for blob in order + order[:2]]
        await asyncio.gather(*events[: len(events) // 2])
        await uploader.finish_stream(stream)
        await asyncio.gather(*events[len(events) // 2 :])
        assert await assembly.read_result(uploader.storage, call) is None, "one is missing"
        await asyncio.gather(*(uploader.analyse_segment(stream, missing) for _ in range(2)))
        assert await products(uploader, call) == wanted


async def test_a_second_stream_makes_it_anew_and_repeats_do_not(uploader: StreamUploader) -> None:
    call = new_call_id()
    first = SampleStream(call, {None: noise(16_000)})
    second = SampleStream(call, {None: noise(16_000, 2)}, start=STARTED_AT + timedelta(seconds=2))
    await uploader.process(first)
    blob = blobs.recording_blob(call)
    storage = uploader.storage
    before = await storage.properties(blobs.RECORDINGS, blob)
    await uploader.finish_stream(first)
    again = await storage.properties(blobs.RECORDINGS, blob)
    assert before is not None
    assert again is not None
    assert before.etag == again.etag, "a repeat wrote it anew"
    await uploader.process(second)
    recording, _ = await products(uploader, call)
    assert len(wav.samples(recording)) == 3 * 32_000


async def test_an_older_view_never_replaces_a_newer(uploader: StreamUploader) -> None:
    """Two at once, of which one has seen the first stream only."""
    call = new_call_id()
    streams = [
        SampleStream(call, {None: noise(16_000, n)}, start=STARTED_AT + timedelta(seconds=2 * n))
        for n in range(3)
    ]
    for stream in streams:
        await uploader.upload_segments(stream)
        for blob in stream.files:
            await uploader.analyse_segment(stream, blob)
    await asyncio.gather(*(uploader.finish_stream(stream) for stream in streams))
    result = await assembly.read_result(uploader.storage, call)
    assert result is not None
    assert result.summary.streams == 3
    recording, _ = await products(uploader, call)
    assert len(wav.samples(recording)) == 5 * 32_000


async def test_what_is_missing_is_silent_and_named(uploader: StreamUploader) -> None:
    call = new_call_id()
    stream = SampleStream(call, {None: noise(48_000)}, segment_seconds=1)
    gone, unread = list(stream.files)[1:]
    await uploader.upload_segments(stream, leave_out=[gone])
    await uploader.analyse_segment(stream, next(iter(stream.files)))
    await uploader.finish_stream(stream)
    assert await assembly.read_result(uploader.storage, call) is None
    await storage_events.assemble_call(uploader.clients, call, partial=True)
    result = await assembly.read_result(uploader.storage, call)
    assert result is not None
    named = {missing.blob: missing.reason for missing in result.timeline.missing_segments}
    assert named == {f"segments/{gone}": "missing from storage", f"segments/{unread}": NOT_ANALYSED}
    assert result.summary.missing_segments == 2
    recording, _ = await products(uploader, call)
    pcm = stream.pcm[None]
    assert wav.samples(recording) == pcm[:32_000] + bytes(32_000) + pcm[64_000:]


async def test_a_recording_outlives_its_segments(uploader: StreamUploader) -> None:
    call = new_call_id()
    stream = SampleStream(call, {None: noise(32_000)}, segment_seconds=1)
    await uploader.process(stream)
    wanted = await products(uploader, call)
    await uploader.delete_blob(names.SEGMENTS, next(iter(stream.files)))
    await uploader.finish_stream(stream)
    await storage_events.assemble_call(uploader.clients, call, partial=True)
    assert await products(uploader, call) == wanted


async def test_a_call_whose_manifest_never_came_is_partial_until_it_does(
    uploader: StreamUploader,
) -> None:
    call = new_call_id()
    stream = SampleStream(call, {None: noise(40_000)}, segment_seconds=1)
    await uploader.upload_segments(stream)
    for blob in stream.files:
        await uploader.analyse_segment(stream, blob)
    assert not await storage_events.assemble_call(uploader.clients, call)
    assert await storage_events.assemble_call(uploader.clients, call, partial=True)
    result = await assembly.read_result(uploader.storage, call)
    assert result is not None
    assert (result.timeline.partial, result.streams[0].ended_by) == (
        True,
        call_result.ENDED_BY_UNKNOWN,
    )
    partial, _ = await products(uploader, call)
    await uploader.finish_stream(stream)
    result = await assembly.read_result(uploader.storage, call)
    assert result is not None
    assert not result.timeline.partial
    assert (await products(uploader, call))[0] == partial


@pytest.mark.parametrize("form", ["wav", "flac"])
async def test_a_call_without_any_audio_is_put_together_too(
    uploader: StreamUploader, form: RecordingFormat
) -> None:
    """Its streaming was stopped before the first frame came."""
    clients = uploader.clients
    clients.settings = msgspec.structs.replace(clients.settings, recording_format=form)
    call = new_call_id()
    await uploader.process(SampleStream(call, {}))
    result = await assembly.read_result(clients.storage, call)
    assert result is not None
    assert (result.timeline.duration_ms, result.timeline.tracks) == (0, [])
    assert result.timeline.longest_silence is None
    recording, _ = await products(uploader, call)
    assert soundfile.info(io.BytesIO(recording)).frames == 0


async def test_a_call_of_silence_alone_has_no_speech(uploader: StreamUploader) -> None:
    call = new_call_id()
    await uploader.process(SampleStream(call, {None: bytes(32_000)}))
    result = await assembly.read_result(uploader.storage, call)
    assert result is not None
    (track,) = result.timeline.tracks
    assert (track.talk_share, track.speech) == (0.0, [])
    assert result.timeline.longest_silence == SpeechSpan(0, 1000)


async def test_the_timeline_of_the_demo_conversation_is_true(uploader: StreamUploader) -> None:
    call = new_call_id()
    pcm = {AGENT: conversation("agent"), CALLER: conversation("caller")}
    await uploader.process(SampleStream(call, pcm))
    result = await assembly.read_result(uploader.storage, call)
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
    assert (cut_in.interrupter, cut_in.interrupted) == (CALLER, AGENT)
    assert found.longest_silence is not None
    assert abs(found.longest_silence.start_ms - 15_841) <= 200
    assert abs(found.longest_silence.end_ms - 18_800) <= 200
