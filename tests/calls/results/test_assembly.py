"""An assembled call: every sample in its place, the same bytes for any order of events."""

from __future__ import annotations

import asyncio
import hashlib
import io
from datetime import timedelta
from random import Random

import msgspec
import numpy as np
import pytest
import soundfile

from calls import blobs
from calls.pipeline import storage_events
from calls.records import result_state
from calls.results import assembly
from calls.results.analysis import SpeechSpan
from calls.results.layout import MISSING
from calls.results.timeline import NOT_ANALYSED
from calls.settings import RecordingFormat
from contract import names, wav
from contract.manifest import DRAFT_ENDED_BY, Counts, decode_manifest, encode_manifest
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


async def read_products(uploader: StreamUploader, call: str) -> tuple[bytes, bytes]:
    return (
        await uploader.read_blob(blobs.RECORDINGS, blobs.recording_blob(call)),
        await uploader.read_blob(blobs.RESULTS, blobs.call_result_blob(call)),
    )


def read_channels(file: bytes) -> tuple[int, np.ndarray]:
    wav_format = wav.parse(file)
    samples = np.frombuffer(wav.samples(file), dtype="<i2")
    return wav_format.sample_rate, samples.reshape(-1, wav_format.channels)


@pytest.mark.parametrize("rate", [16_000, 24_000])
async def test_a_mixed_recording_of_two_streams_is_sample_exact(
    uploader: StreamUploader, rate: int
) -> None:
    call = new_call_id()
    first = SampleStream(call, {None: noise(rate * 3 + 320)}, rate=rate, segment_seconds=1)
    later = STARTED_AT + timedelta(seconds=5, microseconds=31)
    second = SampleStream(
        call, {None: noise(rate * 2, 2)}, rate=rate, segment_seconds=0.7, start=later
    )
    await uploader.process(first, second)
    recording, _ = await read_products(uploader, call)
    recording_rate, samples = read_channels(recording)
    assert (recording_rate, samples.shape[1]) == (rate, 1)
    pause = round(5.000031 * rate) * 2 - len(first.pcm[None])
    assert samples.tobytes() == first.pcm[None] + bytes(pause) + second.pcm[None]


@pytest.mark.parametrize("rates", [(16_000, 24_000), (24_000, 16_000)])
async def test_a_change_of_the_sample_rate_within_a_stream_loses_nothing(
    uploader: StreamUploader, rates: tuple[int, int]
) -> None:
    """The recording is in the higher rate, and the result says what was resampled."""
    call = new_call_id()
    parts = [
        SampleStream(
            call,
            {None: conversation("agent", rate)[: rate * 12]},
            rate=rate,
            segment_seconds=2,
            start=STARTED_AT + timedelta(seconds=6 * n),
        )
        for n, rate in enumerate(rates)
    ]
    stream = parts[0].join(parts[1])
    await uploader.process(stream)
    recording, _ = await read_products(uploader, call)
    rate, samples = read_channels(recording)
    assert (rate, samples.shape) == (24_000, (24_000 * 12, 1))
    spoken = np.frombuffer(conversation("agent", 24_000), dtype="<i2")[: 24_000 * 6].astype(float)
    for half in np.split(samples[:, 0].astype(float), 2):
        # The conversation at 16 kHz was made from the same speech, without what is above 8 kHz.
        assert np.corrcoef(half, spoken)[0, 1] > 0.98
    result = await assembly.read_result(uploader.storage, call)
    assert result is not None
    assert result.timeline.missing_segments == []
    assert (result.timeline.sample_rate, result.timeline.resampled_segments) == (24_000, 3)
    (streamed,) = result.streams
    assert [s.sample_rate for s in streamed.segments] == [rates[0]] * 3 + [rates[1]] * 3


async def test_an_unmixed_recording_has_a_channel_for_each_participant(
    uploader: StreamUploader,
) -> None:
    call = new_call_id()
    pcm = {CALLER: noise(48_000, 3), AGENT: noise(40_000, 4)}
    late = SampleStream(call, {AGENT: noise(16_000, 5)}, start=STARTED_AT + timedelta(seconds=4))
    first = SampleStream(call, pcm, segment_seconds=1)
    await uploader.process(first, late)
    recording, _ = await read_products(uploader, call)
    result = await assembly.read_result(uploader.storage, call)
    assert result is not None
    order = [track.participant for track in result.timeline.tracks]
    assert sorted(order, key=str) == [AGENT, CALLER]
    _, samples = read_channels(recording)
    agent, caller = samples[:, order.index(AGENT)], samples[:, order.index(CALLER)]
    assert caller.tobytes() == pcm[CALLER] + bytes(2 * (80_000 - 48_000))
    assert agent.tobytes() == pcm[AGENT] + bytes(2 * (64_000 - 40_000)) + late.pcm[AGENT]
    assert result.summary.recording_bytes == len(recording)
    gaps = result.timeline.tracks[order.index(AGENT)].gaps
    assert gaps == [SpeechSpan(2500, 4000)]
    assert result.summary.recording_sha256 == hashlib.sha256(recording).hexdigest()
    assert [manifest.sha256 for manifest in result.manifests] == [
        hashlib.sha256(stream.manifest_blob[1]).hexdigest() for stream in (first, late)
    ]


@pytest.mark.parametrize("participants", [1, 2, 9])
async def test_flac_holds_the_same_samples(uploader: StreamUploader, participants: int) -> None:
    """Of up to eight channels; of noise, so that its blocks are more than one."""
    clients = uploader.clients
    clients.settings = msgspec.structs.replace(clients.settings, recording_format="flac")
    call = new_call_id()
    pcm = {f"4:+{n}": noise(16_000 * 100, n) for n in range(participants)}
    await uploader.process(SampleStream(call, pcm, segment_seconds=40))
    recording, _ = await read_products(uploader, call)
    storage = clients.storage
    properties = await storage.properties(blobs.RECORDINGS, blobs.recording_blob(call))
    assert properties is not None
    assert properties.content_type == ("audio/flac" if participants <= 8 else "audio/wav")
    samples, rate = soundfile.read(io.BytesIO(recording), dtype="int16", always_2d=True)
    assert (rate, samples.shape) == (16_000, (16_000 * 100, participants))
    for channel, one in enumerate(pcm.values()):
        assert samples[:, channel].tobytes() == one
    result = await assembly.read_result(storage, call)
    assert result is not None
    assert result.summary.recording_bytes == len(recording)
    assert result.summary.recording_sha256 == hashlib.sha256(recording).hexdigest()


async def test_a_recovered_segment_follows_the_one_before_without_a_gap(
    uploader: StreamUploader,
) -> None:
    """Its start is known from its name only, to the millisecond: 7 samples too early."""
    call = new_call_id()
    stream = SampleStream(call, {None: noise(32_000)}, segment_seconds=1)
    entries = stream.manifest.segments
    cut = entries[1].start.replace(microsecond=entries[1].start.microsecond // 1000 * 1000)
    entries[1] = msgspec.structs.replace(entries[1], start=cut, recovered=True)
    await uploader.process(stream)
    recording, _ = await read_products(uploader, call)
    assert wav.samples(recording) == stream.pcm[None]


async def test_events_in_any_order_twice_and_late_end_in_the_same_bytes(
    uploader: StreamUploader,
) -> None:
    call = new_call_id()
    pcm = {AGENT: conversation("agent"), CALLER: conversation("caller")}
    stream = SampleStream(call, pcm)
    await uploader.process(stream)
    expected = await read_products(uploader, call)
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
        assert await read_products(uploader, call) == expected


async def test_a_second_stream_changes_the_recording_and_a_repeated_event_does_not(
    uploader: StreamUploader,
) -> None:
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
    assert before.etag == again.etag, "the repeated event wrote it again"
    await uploader.process(second)
    recording, _ = await read_products(uploader, call)
    assert len(wav.samples(recording)) == 3 * 32_000


async def test_a_result_of_fewer_streams_never_replaces_one_of_more(
    uploader: StreamUploader,
) -> None:
    """Several runs at once, some of which read only the first streams."""
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
    recording, _ = await read_products(uploader, call)
    assert len(wav.samples(recording)) == 5 * 32_000


async def test_a_missing_segment_is_silent_and_listed(uploader: StreamUploader) -> None:
    call = new_call_id()
    stream = SampleStream(call, {None: noise(48_000)}, segment_seconds=1)
    missing_blob, not_analysed = list(stream.files)[1:]
    await uploader.upload_segments(stream, leave_out=[missing_blob])
    await uploader.analyse_segment(stream, next(iter(stream.files)))
    await uploader.finish_stream(stream)
    assert await assembly.read_result(uploader.storage, call) is None
    await storage_events.assemble_call(uploader.clients, call, partial=True)
    result = await assembly.read_result(uploader.storage, call)
    assert result is not None
    reasons = {missing.blob: missing.reason for missing in result.timeline.missing_segments}
    assert reasons == {
        f"segments/{missing_blob}": MISSING,
        f"segments/{not_analysed}": NOT_ANALYSED,
    }
    assert result.summary.missing_segments == 2
    recording, _ = await read_products(uploader, call)
    pcm = stream.pcm[None]
    assert wav.samples(recording) == pcm[:32_000] + bytes(32_000) + pcm[64_000:]


async def test_a_recording_stays_when_its_segments_are_deleted(uploader: StreamUploader) -> None:
    call = new_call_id()
    stream = SampleStream(call, {None: noise(32_000)}, segment_seconds=1)
    await uploader.process(stream)
    expected = await read_products(uploader, call)
    await uploader.delete_blob(names.SEGMENTS, next(iter(stream.files)))
    await uploader.finish_stream(stream)
    await storage_events.assemble_call(uploader.clients, call, partial=True)
    assert await read_products(uploader, call) == expected


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
        result_state.ENDED_BY_UNKNOWN,
    )
    partial, _ = await read_products(uploader, call)
    await uploader.finish_stream(stream)
    result = await assembly.read_result(uploader.storage, call)
    assert result is not None
    assert not result.timeline.partial
    assert (await read_products(uploader, call))[0] == partial


async def test_a_draft_tells_what_a_killed_streamer_did_not_upload(
    uploader: StreamUploader,
) -> None:
    """Its audio never makes a call complete: only the manifest, or its absence for long, does."""
    call = new_call_id()
    stream = SampleStream(call, {None: noise(40_000)}, segment_seconds=1)
    first, second, third = stream.files
    await uploader.upload_segments(stream, leave_out=[second])
    for blob in (first, third):
        await uploader.analyse_segment(stream, blob)
    blob, content = stream.manifest_blob
    manifest = decode_manifest(content)
    draft = msgspec.structs.replace(
        manifest,
        ended_by=DRAFT_ENDED_BY,
        segments=manifest.segments[:2],
        counts=Counts(frames=100),
        correlation_id="correlation",
    )
    await uploader.storage.put(names.DRAFTS, blob, encode_manifest(draft))
    assert not await storage_events.assemble_call(uploader.clients, call)
    assert await storage_events.assemble_call(uploader.clients, call, partial=True)
    result = await assembly.read_result(uploader.storage, call)
    assert result is not None
    assert result.timeline.partial
    (streamed,) = result.streams
    assert streamed.ended_by == result_state.ENDED_BY_UNKNOWN
    assert [segment.analysed for segment in streamed.segments] == [True, False, True]
    assert len(result.timeline.missing_segments) == 1
    await uploader.upload_segments(stream)
    await uploader.analyse_segment(stream, second)
    await uploader.finish_stream(stream)
    result = await assembly.read_result(uploader.storage, call)
    assert result is not None
    assert not result.timeline.partial
    assert not result.timeline.missing_segments


async def test_who_spoke_is_known_although_the_manifest_never_comes(
    uploader: StreamUploader,
) -> None:
    """The disk of a replica may be lost with it: notes are uploaded when a participant is heard."""
    call = new_call_id()
    stream = SampleStream(call, {"4:+1": noise(8000), "4:+2": noise(8000)})
    await uploader.upload_segments(stream)
    for blob in stream.files:
        await uploader.analyse_segment(stream, blob)
    note = names.NoteName(call, stream.stream_id, "p2")
    await uploader.storage.put(names.DRAFTS, note.blob, b"4:+2")
    assert await storage_events.assemble_call(uploader.clients, call, partial=True)
    result = await assembly.read_result(uploader.storage, call)
    assert result is not None
    tracks = [(track.track, track.participant) for track in result.timeline.tracks]
    assert tracks == [("p1", "p1"), ("p2", "4:+2")]


@pytest.mark.parametrize("format_", ["wav", "flac"])
async def test_a_call_without_any_audio_is_assembled(
    uploader: StreamUploader, format_: RecordingFormat
) -> None:
    """Its streaming was stopped before the first frame arrived."""
    clients = uploader.clients
    clients.settings = msgspec.structs.replace(clients.settings, recording_format=format_)
    call = new_call_id()
    await uploader.process(SampleStream(call, {}))
    result = await assembly.read_result(clients.storage, call)
    assert result is not None
    assert (result.timeline.duration_ms, result.timeline.tracks) == (0, [])
    assert result.timeline.longest_silence is None
    recording, _ = await read_products(uploader, call)
    assert soundfile.info(io.BytesIO(recording)).frames == 0


async def test_a_call_of_silence_alone_has_no_speech(uploader: StreamUploader) -> None:
    call = new_call_id()
    await uploader.process(SampleStream(call, {None: bytes(32_000)}))
    result = await assembly.read_result(uploader.storage, call)
    assert result is not None
    (track,) = result.timeline.tracks
    assert (track.talk_share, track.speech) == (0.0, [])
    assert result.timeline.longest_silence == SpeechSpan(0, 1000)


async def test_the_timeline_of_the_demo_conversation_is_right(uploader: StreamUploader) -> None:
    call = new_call_id()
    pcm = {AGENT: conversation("agent"), CALLER: conversation("caller")}
    await uploader.process(SampleStream(call, pcm))
    result = await assembly.read_result(uploader.storage, call)
    assert result is not None
    timeline = result.timeline
    assert timeline.duration_ms == TRUTH["length_ms"]
    participants = {"agent": AGENT, "caller": CALLER}
    speech = {t.participant: [(s.start_ms, s.end_ms) for s in t.speech] for t in timeline.tracks}
    lengths = {AGENT: 0, CALLER: 0}
    for utterance in TRUTH["utterances"]:
        start, end = utterance["start_ms"], utterance["end_ms"]
        participant = participants[utterance["who"]]
        lengths[participant] += end - start
        spans = [s for s in speech[participant] if s[1] > start and s[0] < end]
        assert abs(spans[0][0] - start) <= 200, utterance["text"]
        assert abs(spans[-1][1] - end) <= 200, utterance["text"]
    for track in timeline.tracks:
        truth = lengths[str(track.participant)] / sum(lengths.values())
        assert abs(track.talk_share - truth) <= 0.02
        assert len(track.waveform.peaks) == 360
    ((start, end),) = TRUTH["overlaps_ms"]
    (overlap,) = timeline.overlaps
    assert abs(overlap.start_ms - start) <= 200
    assert abs(overlap.end_ms - end) <= 200
    (interruption,) = timeline.interruptions
    assert (interruption.interrupter, interruption.interrupted) == (CALLER, AGENT)
    assert timeline.longest_silence is not None
    assert abs(timeline.longest_silence.start_ms - 15_841) <= 200
    assert abs(timeline.longest_silence.end_ms - 18_800) <= 200
