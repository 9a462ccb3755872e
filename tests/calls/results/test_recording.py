"""Writing and reading recordings: blocks, overlaps, and recordings that exist already."""

from __future__ import annotations

import hashlib

import msgspec
import numpy as np
import pytest

from calls import blobs
from calls.clients import Clients
from calls.results import recording
from calls.results.layout import MISSING, Layout, lay_out
from calls.results.recording import (
    read_frames,
    read_track,
    wav_blocks,
    write_recording,
)
from calls.settings import RecordingFormat
from contract import names, wav
from tests.calls.sample_streams import SampleStream, new_call_id, noise
from tests.calls.stream_uploader import StreamUploader

FIRST, SECOND = "4:+1", "4:+2"


@pytest.fixture
def stream() -> SampleStream:
    pcm = {FIRST: noise(32_000), SECOND: noise(24_000, 2)}
    return SampleStream(new_call_id(), pcm, segment_seconds=0.7)


def layout_of(stream: SampleStream) -> Layout:
    return lay_out([stream.manifest], {blob: len(file) for blob, (file, _) in stream.files.items()})


def first_segment_of(layout: Layout) -> Layout:
    """The layout of a recording that has only the first segment."""
    first = layout.placements[0]
    return msgspec.structs.replace(
        layout, tracks=[first.track], frames=first.end, placements=[first]
    )


def channel(stream: SampleStream, participant: str) -> np.ndarray:
    samples = np.zeros(32_000, dtype="<i2")
    pcm = np.frombuffer(stream.pcm[participant], dtype="<i2")
    samples[: len(pcm)] = pcm
    return samples


@pytest.mark.parametrize(
    ("start", "end"), [(0, 32_000), (0, 1), (11_000, 12_000), (23_990, 24_010)]
)
async def test_frames_of_any_part(
    uploader: StreamUploader, stream: SampleStream, start: int, end: int
) -> None:
    """Within a segment, across two, and over a track's end, after which it is silent."""
    await uploader.upload_segments(stream)
    layout = layout_of(stream)
    frames = await read_frames(uploader.storage, layout, start, end)
    assert frames.shape == (end - start, 2)
    for index, participant in enumerate((FIRST, SECOND)):
        assert layout.tracks[index] == stream.tracks[participant]
        assert np.array_equal(frames[:, index], channel(stream, participant)[start:end])
        pcm = await read_track(uploader.storage, layout, layout.tracks[index], start, end)
        assert pcm == channel(stream, participant)[start:end].tobytes()


async def test_a_segment_that_cannot_be_used_is_silent(
    uploader: StreamUploader, stream: SampleStream
) -> None:
    """It is not even read."""
    layout = layout_of(stream)
    placements = [msgspec.structs.replace(p, fault=MISSING) for p in layout.placements]
    layout = msgspec.structs.replace(layout, placements=placements)
    frames = await read_frames(uploader.storage, layout, 0, layout.frames)
    assert not frames.any()


async def test_the_later_of_two_overlapping_segments_is_used(
    uploader: StreamUploader, stream: SampleStream
) -> None:
    await uploader.upload_segments(stream)
    layout = layout_of(stream)
    first, second = layout.placements[0], layout.placements[2]
    assert first.track == second.track
    moved = msgspec.structs.replace(second, position=first.position + 100)
    layout = msgspec.structs.replace(layout, tracks=[first.track], placements=[first, moved])
    pcm = await read_track(uploader.storage, layout, first.track, 0, 1000)
    samples = np.frombuffer(pcm, dtype="<i2")
    original = np.frombuffer(stream.pcm[FIRST], dtype="<i2")
    assert np.array_equal(samples[:100], original[:100])
    assert np.array_equal(samples[100:], original[11_200:12_100])


async def test_blocks_are_numbered_and_not_larger_than_the_limit(
    uploader: StreamUploader, stream: SampleStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    await uploader.upload_segments(stream)
    monkeypatch.setattr(recording, "BLOCK_BYTES", 10_000)
    blocks = [block async for block in wav_blocks(uploader.storage, layout_of(stream))]
    assert [number for number, _ in blocks] == list(range(len(blocks)))
    assert len(blocks) == 1 + -(-128_000 // 10_000)
    assert max(len(content) for _, content in blocks[1:]) <= 10_000
    wav_format = wav.parse(b"".join(content for _, content in blocks))
    assert (wav_format.sample_rate, wav_format.channels) == (16_000, 2)
    assert wav_format.data_bytes == 128_000


@pytest.mark.parametrize(
    ("format_", "participants", "content_type"),
    [
        ("wav", 1, "audio/wav"),
        ("flac", 1, "audio/flac"),
        ("flac", 8, "audio/flac"),
        ("flac", 9, "audio/wav"),
        ("flac", 0, "audio/wav"),
    ],
)
async def test_the_format_that_can_hold_the_recording(
    uploader: StreamUploader, format_: RecordingFormat, participants: int, content_type: str
) -> None:
    call = new_call_id()
    stream = SampleStream(call, {f"4:+{number}": noise(160) for number in range(participants)})
    await uploader.upload_segments(stream)
    layout = layout_of(stream)
    written = await write_recording(uploader.storage, call, layout, format_, None)
    assert written is not None
    blob = blobs.recording_blob(call)
    properties = await uploader.storage.properties(blobs.RECORDINGS, blob)
    assert properties is not None
    assert (properties.content_type, properties.size) == (content_type, written.size)
    content = await uploader.read_blob(blobs.RECORDINGS, blob)
    assert written.sha256 == hashlib.sha256(content).hexdigest()
    assert recording.channels(layout) == max(1, participants)


async def test_the_same_recording_is_not_written_again(
    uploader: StreamUploader, stream: SampleStream
) -> None:
    storage, call = uploader.storage, stream.call
    await uploader.upload_segments(stream)
    layout = layout_of(stream)
    written = await write_recording(storage, call, layout, "wav", None)
    existing = await storage.properties(blobs.RECORDINGS, blobs.recording_blob(call))
    assert existing is not None
    for blob in stream.files:
        await storage.delete(names.SEGMENTS, blob)
    assert await write_recording(storage, call, layout, "wav", existing) == written
    unchanged = await storage.properties(blobs.RECORDINGS, blobs.recording_blob(call))
    assert unchanged == existing


@pytest.mark.parametrize("change", ["format", "layout"])
async def test_another_recording_replaces_the_existing_one(
    uploader: StreamUploader, stream: SampleStream, change: str
) -> None:
    storage, call = uploader.storage, stream.call
    await uploader.upload_segments(stream)
    layout = layout_of(stream)
    await write_recording(storage, call, layout, "wav", None)
    existing = await storage.properties(blobs.RECORDINGS, blobs.recording_blob(call))
    assert existing is not None
    format_: RecordingFormat = "flac" if change == "format" else "wav"
    if change == "layout":
        layout = first_segment_of(layout)
    written = await write_recording(storage, call, layout, format_, existing)
    assert written is not None
    replaced = await storage.properties(blobs.RECORDINGS, blobs.recording_blob(call))
    assert replaced is not None
    assert written.size == replaced.size != existing.size


async def test_a_recording_that_another_wrote_meanwhile_stays(
    uploader: StreamUploader, stream: SampleStream, clients: Clients
) -> None:
    storage, call = uploader.storage, stream.call
    await uploader.upload_segments(stream)
    layout = layout_of(stream)
    await write_recording(storage, call, layout, "wav", None)
    other = first_segment_of(layout)
    assert await write_recording(storage, call, other, "wav", None) is None
    properties = await storage.properties(blobs.RECORDINGS, blobs.recording_blob(call))
    assert properties is not None
    assert properties.size == wav.HEADER_BYTES + 128_000
