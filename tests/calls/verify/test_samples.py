"""The recording is compared with the segments, sample by sample."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import numpy as np
import pytest

from calls import blobs
from calls.results import recording
from calls.settings import RecordingFormat
from contract import names, wav
from tests.calls.sample_streams import STARTED_AT, SampleStream, new_call_id, noise
from tests.calls.verify.evidence import Evidence

FIRST, SECOND = "4:+15550000001", "4:+15550000002"


@pytest.fixture
def stream() -> SampleStream:
    pcm = {FIRST: noise(16_000), SECOND: noise(9_600, 2)}
    return SampleStream(new_call_id(), pcm, segment_seconds=0.4)


def recording_of(stream: SampleStream) -> str:
    return f"recordings/{blobs.recording_blob(stream.call)}"


async def flip_sample(evidence: Evidence, stream: SampleStream, frame: int, channel: int) -> None:
    blob = blobs.recording_blob(stream.call)
    await evidence.flip(blobs.RECORDINGS, blob, wav.HEADER_BYTES + 4 * frame + 2 * channel)


async def test_a_flipped_bit_is_named_by_segment_and_time(
    evidence: Evidence, stream: SampleStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In any block of the comparison, and only once for several bits in a segment."""
    await evidence.uploader.assemble(stream)
    monkeypatch.setattr("calls.verify.samples.BLOCK_BYTES", 10_000)
    for frame in (6_399, 6_400, 12_799):
        await flip_sample(evidence, stream, frame, channel=0)
    digest, *differences = (await evidence.verify(stream.call)).differences
    assert digest.startswith(f"{recording_of(stream)} has the SHA-256 ")
    first, second, *_ = stream.files
    assert differences == [
        f"{recording_of(stream)} differs from segments/{first} at 0:00:00.400: 1 sample",
        f"{recording_of(stream)} differs from segments/{second} at 0:00:00.400: 2 samples",
    ]


async def test_what_lies_where_nothing_was_streamed(
    evidence: Evidence, stream: SampleStream
) -> None:
    await evidence.uploader.assemble(stream)
    await flip_sample(evidence, stream, 12_000, channel=1)
    differences = (await evidence.verify(stream.call)).differences
    track = stream.tracks[SECOND]
    assert differences[1:] == [
        f"{recording_of(stream)} differs from silence of track {track} at 0:00:00.750: 1 sample"
    ]


@pytest.mark.parametrize(
    ("offset", "bit"), [(24, 4), (41, 2)], ids=["another sample rate", "a shorter length"]
)
async def test_a_damaged_header(
    evidence: Evidence, stream: SampleStream, offset: int, bit: int
) -> None:
    await evidence.uploader.assemble(stream)
    await evidence.flip(blobs.RECORDINGS, blobs.recording_blob(stream.call), offset, bit)
    digest, other = (await evidence.verify(stream.call)).differences
    assert digest.startswith(f"{recording_of(stream)} has the SHA-256 ")
    assert other.startswith(f"{recording_of(stream)} has ")
    assert other.endswith("but the manifests give 16000 of 2 at 16000 Hz")


async def test_a_recording_that_is_no_audio(evidence: Evidence, stream: SampleStream) -> None:
    await evidence.uploader.assemble(stream)
    await evidence.write(blobs.RECORDINGS, blobs.recording_blob(stream.call), b"none")
    differences = (await evidence.verify(stream.call)).differences
    assert differences[1].startswith(f"{recording_of(stream)} cannot be decoded: ")


async def test_a_recording_that_was_deleted(evidence: Evidence, stream: SampleStream) -> None:
    await evidence.uploader.assemble(stream)
    await evidence.delete(blobs.RECORDINGS, blobs.recording_blob(stream.call))
    differences = (await evidence.verify(stream.call)).differences
    assert differences == [f"{recording_of(stream)} is missing"]


@pytest.mark.parametrize("format_", ["wav", "flac"])
async def test_calls_with_gaps_several_streams_and_two_rates(
    evidence: Evidence,
    stream: SampleStream,
    format_: RecordingFormat,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clients = evidence.uploader.clients
    clients.settings = msgspec.structs.replace(clients.settings, recording_format=format_)
    later = STARTED_AT + timedelta(seconds=3, microseconds=31)
    second = SampleStream(stream.call, {FIRST: noise(24_000, 3)}, rate=24_000, start=later)
    await evidence.uploader.upload_segments(second)
    await evidence.uploader.upload_manifest(second)
    await evidence.uploader.analyse_segments(second)
    await evidence.uploader.assemble(stream)
    monkeypatch.setattr("calls.verify.samples.BLOCK_BYTES", 30_000)
    report = await evidence.verify(stream.call)
    assert report.is_proven, report.differences
    assert report.checks[-1] == (
        "0:00:04.000 of 2 channels were compared with 6 segments, 5 of them resampled"
    )
    track = stream.tracks[FIRST]
    assert report.losses == [f"track {track}: nothing was streamed from 0:00:01.000 to 0:00:03.000"]
    # A segment's end depends on the next one: nothing is said about resampled ones beside it.
    await evidence.delete(names.SEGMENTS, next(iter(stream.files)))
    report = await evidence.verify(stream.call)
    assert report.differences == [f"segments/{next(iter(stream.files))} is missing"]


async def test_a_resampled_sample_may_be_rounded_otherwise(
    evidence: Evidence, stream: SampleStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By one step: that is what processors differ in. By two, it is another sample."""
    second = SampleStream(
        stream.call, {FIRST: noise(4_800, 3)}, rate=24_000, start=STARTED_AT + timedelta(seconds=3)
    )
    await evidence.uploader.upload_segments(second)
    await evidence.uploader.upload_manifest(second)
    await evidence.uploader.analyse_segments(second)
    await evidence.uploader.assemble(stream)
    original = recording._read_resampled
    for steps, is_proven in ((1, True), (2, False)):

        async def read(*arguments: object, steps: int = steps) -> np.ndarray:
            samples: np.ndarray = await original(*arguments)  # type: ignore[arg-type]
            return np.clip(samples.astype(np.int32) + steps, -32_768, 32_767).astype("<i2")

        monkeypatch.setattr(recording, "_read_resampled", read)
        assert (await evidence.verify(stream.call)).is_proven == is_proven


async def test_a_call_without_audio(evidence: Evidence) -> None:
    stream = SampleStream(new_call_id(), {})
    await evidence.uploader.assemble(stream)
    report = await evidence.verify(stream.call)
    assert report.is_proven, report.differences
