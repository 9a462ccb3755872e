"""Renditions: every format and mix, made once, from the version of the recording that there is."""

from __future__ import annotations

import asyncio
import io
import tracemalloc
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
import soundfile

from calls import blobs
from calls.errors import CannotEncode, RenditionPending
from calls.results import renditions
from calls.results.mixing import Mix, mix_channels
from calls.results.renditions import Format, Rendition, choose_rendition, make_rendition
from calls.storage import Properties, Storage
from contract import wav
from tests import voices
from tests.calls.sample_streams import new_call_id
from tests.calls.stream_uploader import StreamUploader


async def upload(storage: Storage, call: str, frames: np.ndarray, kind: str = "wav") -> Properties:
    """Upload a recording in place of the existing one."""
    file = voices.wav_file(frames) if kind == "wav" else voices.flac_file(frames)
    blob = blobs.recording_blob(call)
    existing = await storage.properties(blobs.RECORDINGS, blob)

    async def parts() -> AsyncIterator[tuple[int, bytes]]:
        yield 0, file

    await storage.write_in_blocks(
        blobs.RECORDINGS,
        blob,
        parts(),
        name="recording",
        content_type=f"audio/{kind}",
        metadata={},
        etag=existing.etag if existing else None,
    )
    properties = await storage.properties(blobs.RECORDINGS, blob)
    assert properties is not None
    return properties


async def read(storage: Storage, call: str, rendition: Rendition) -> bytes:
    document = await storage.read(blobs.RECORDINGS, blobs.rendition_blob(call, rendition.name))
    assert document is not None
    return document.content


@pytest.mark.parametrize("kind", ["wav", "flac"])
@pytest.mark.parametrize("format_", ["wav", "flac", "mp3", "ogg"])
@pytest.mark.parametrize("mix", ["mono", "stereo"])
async def test_each_voice_is_heard(
    uploader: StreamUploader,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    format_: Format,
    mix: Mix,
) -> None:
    """Of blocks that end in the middle of things."""
    monkeypatch.setattr(renditions, "_BLOCK_BYTES", 70_000)
    monkeypatch.setattr(renditions, "_READ_BYTES", 50_001)
    storage, call = uploader.storage, new_call_id()
    frames = voices.hum(3, 3)
    recording = await upload(storage, call, frames, kind)
    rendition = Rendition(format_, mix)
    properties = await make_rendition(storage, call, rendition, recording)
    assert properties.content_type == ("audio/mpeg" if format_ == "mp3" else f"audio/{format_}")
    file = await read(storage, call, rendition)
    assert len(file) == properties.size
    samples, rate = soundfile.read(io.BytesIO(file), dtype="int16", always_2d=True)
    assert (rate, samples.shape[1]) == (voices.RATE, 1 if mix == "mono" else 2)
    expected = mix_channels(frames, mix)
    if format_ in ("wav", "flac"):
        assert np.array_equal(samples, expected)
    assert abs(len(samples) - len(frames)) < voices.RATE / 10
    assert voices.loudness(samples, 3) == pytest.approx(voices.loudness(expected, 3), rel=0.05)


async def test_all_channels_in_another_format(uploader: StreamUploader) -> None:
    storage, call, frames = uploader.storage, new_call_id(), voices.hum(4, 0.5)
    recording = await upload(storage, call, frames)
    await make_rendition(storage, call, Rendition("flac", None), recording)
    file = await read(storage, call, Rendition("flac", None))
    samples, _ = soundfile.read(io.BytesIO(file), dtype="int16")
    assert np.array_equal(samples, frames)
    assert min(voices.loudness(voices.mix(file, "mono"), 4)) > voices.AMPLITUDE / 10


@pytest.mark.parametrize(
    ("format_", "mix", "channels"),
    [("mp3", None, 1), ("ogg", None, 1), ("wav", "mono", 1), ("wav", "stereo", 2)],
)
async def test_the_one_channel_of_a_mixed_call(
    uploader: StreamUploader, format_: Format, mix: Mix | None, channels: int
) -> None:
    """It stays one, unless the request asks for two."""
    storage, call, frames = uploader.storage, new_call_id(), voices.hum(1, 0.5)
    recording = await upload(storage, call, frames)
    rendition = Rendition(format_, mix)
    await make_rendition(storage, call, rendition, recording)
    file = await read(storage, call, rendition)
    samples, _ = soundfile.read(io.BytesIO(file), dtype="int16", always_2d=True)
    assert samples.shape[1] == channels
    if format_ == "wav":
        assert np.array_equal(samples, np.repeat(frames, channels, axis=1))


class LongRecording:
    """Blob Storage with a recording of any length, which it does not keep, nor what is written."""

    def __init__(self, minutes: int) -> None:
        second = voices.hum(2).tobytes()
        data_bytes = len(second) * 60 * minutes
        self._second = second
        self._header = wav.long_header(voices.RATE, data_bytes, 2)
        size = len(self._header) + data_bytes
        self.recording = Properties(size, '"1"', "audio/wav", {}, datetime.now(UTC))
        self._rendition: Properties | None = None

    async def properties(self, *_: str) -> Properties | None:
        return self._rendition

    async def read_range(self, _: str, __: str, offset: int, length: int, ___: str) -> bytes:
        head = self._header[offset : offset + length]
        start = max(0, offset - len(self._header))
        needed = length - len(head)
        first = start % len(self._second)
        repeated = self._second * (-(-(first + needed) // len(self._second)))
        return head + repeated[first : first + needed]

    async def write_in_blocks(
        self, _: str, __: str, blocks: AsyncIterator[tuple[int, bytes]], **options: Any
    ) -> None:
        size = 0
        async for _number, block in blocks:
            size += len(block)
        metadata = options["metadata"]
        self._rendition = Properties(size, '"2"', "audio/x", metadata, datetime.now(UTC))


@pytest.mark.parametrize("format_", ["wav", "flac", "mp3", "ogg"])
async def test_memory_does_not_grow_with_the_length_of_a_call(
    monkeypatch: pytest.MonkeyPatch, format_: Format
) -> None:
    """Of what Python and NumPy allocate: the same for one minute and for three."""
    monkeypatch.setattr(renditions, "_BLOCK_BYTES", 128 * 1024)
    monkeypatch.setattr(renditions, "_READ_BYTES", 128 * 1024)
    peaks = []
    for minutes in (1, 1, 3):  # the first run loads what is loaded once
        storage: Any = LongRecording(minutes)
        tracemalloc.start()
        await make_rendition(
            storage, new_call_id(), Rendition(format_, "stereo"), storage.recording
        )
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    two_minutes = 2 * 60 * voices.RATE * 4
    assert peaks[2] - peaks[1] < two_minutes / 10, peaks


async def test_a_rendition_is_made_once_for_each_version(uploader: StreamUploader) -> None:
    storage, call, rendition = uploader.storage, new_call_id(), Rendition("wav", "mono")
    recording = await upload(storage, call, voices.hum(2, 0.1))
    both = await asyncio.gather(
        *(make_rendition(storage, call, rendition, recording) for _ in range(2))
    )
    assert both[0] == both[1] == await make_rendition(storage, call, rendition, recording)
    longer = await upload(storage, call, voices.hum(2, 0.2))
    await make_rendition(storage, call, rendition, longer)
    assert wav.parse(await read(storage, call, rendition)).data_bytes == 2 * 3200


async def test_the_rendition_of_a_long_call_is_made_beside_the_request(
    uploader: StreamUploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage, call, rendition = uploader.storage, new_call_id(), Rendition("wav", "mono")
    recording = await upload(storage, call, voices.hum(2, 0.1))
    monkeypatch.setattr(renditions, "_WAIT_SECONDS", 0)
    with pytest.raises(RenditionPending):
        await make_rendition(storage, call, rendition, recording)
    monkeypatch.setattr(renditions, "_MAX_RUNNING", 1)
    with pytest.raises(RenditionPending):
        await make_rendition(storage, call, Rendition("wav", "stereo"), recording)
    monkeypatch.setattr(renditions, "_WAIT_SECONDS", 120)
    await make_rendition(storage, call, rendition, recording)
    assert await make_rendition(storage, call, Rendition("wav", "stereo"), recording)


async def test_a_format_that_cannot_hold_the_channels(uploader: StreamUploader) -> None:
    storage, call = uploader.storage, new_call_id()
    recording = await upload(storage, call, voices.hum(9, 0.1))
    with pytest.raises(CannotEncode, match="9 channels; add mix=stereo"):
        await make_rendition(storage, call, Rendition("flac", None), recording)
    assert await make_rendition(storage, call, Rendition("flac", "mono"), recording)


@pytest.mark.parametrize(
    ("kind", "format_", "mix", "expected"),
    [
        ("wav", None, None, None),
        ("wav", "wav", None, None),
        ("flac", "flac", None, None),
        ("wav", "flac", None, Rendition("flac", None)),
        ("flac", "wav", None, Rendition("wav", None)),
        ("flac", None, "mono", Rendition("flac", "mono")),
        ("wav", "mp3", None, Rendition("mp3", None)),
        ("wav", "ogg", "mono", Rendition("ogg", "mono")),
    ],
)
def test_what_a_request_means(
    kind: str, format_: Format | None, mix: Mix | None, expected: Rendition | None
) -> None:
    recording = Properties(1, '"1"', f"audio/{kind}", {}, None)  # type: ignore[arg-type]
    assert choose_rendition(recording, format_, mix) == expected
