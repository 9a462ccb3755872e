"""Writing a call's recording from its segments, block by block.

Memory holds one block of audio at a time, however long the call was.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import NamedTuple

import msgspec
import numpy as np
from azure.core.exceptions import ResourceModifiedError

from calls import blobs
from calls.results.layout import Layout, Placement
from calls.settings import RecordingFormat
from calls.storage import SHA256, Properties, Storage
from contract import names, wav

BLOCK_BYTES = 4 * 1024 * 1024
_FLAC_CHANNELS = 8
_CONTENT_KEY = "content"
_SAMPLE_BYTES = 2


class WrittenRecording(NamedTuple):
    """A recording's size in bytes, and its SHA-256."""

    size: int
    sha256: str


async def write_recording(
    storage: Storage,
    call: str,
    layout: Layout,
    format_: RecordingFormat,
    existing: Properties | None,
) -> WrittenRecording | None:
    """Write a call's recording, unless the same one exists.

    FLAC allows at most eight channels and no empty recording: anything else becomes WAV.

    Args:
        storage: Where segments and recordings are.
        call: The call connection id.
        layout: What goes into the recording.
        format_: The recording's format.
        existing: The recording that existed when the layout's parts were read.

    Returns:
        The recording's size in bytes and its SHA-256; None if another was written in the meantime.

    Raises AzureError.
    """
    if not layout.frames or channels(layout) > _FLAC_CHANNELS:
        format_ = "wav"
    content = f"{layout.digest}.{format_}"
    if existing is not None and existing.metadata.get(_CONTENT_KEY) == content:
        return await _describe(storage, call, existing)
    written = await storage.write_in_blocks(
        blobs.RECORDINGS,
        blobs.recording_blob(call),
        wav_blocks(storage, layout) if format_ == "wav" else _flac_blocks(storage, layout),
        name=content,
        content_type=f"audio/{format_}",
        metadata={_CONTENT_KEY: content},
        etag=existing.etag if existing else None,
    )
    if written is None:
        return None
    if written.sha256 is not None:
        return WrittenRecording(written.size, written.sha256)
    properties = await storage.properties(blobs.RECORDINGS, blobs.recording_blob(call))
    if properties is None or properties.metadata.get(_CONTENT_KEY) != content:
        return None
    return await _describe(storage, call, properties)


async def _describe(storage: Storage, call: str, properties: Properties) -> WrittenRecording | None:
    """Return a recording's size and SHA-256; None if it is overwritten meanwhile.

    The head of a FLAC file is written last, so that its digest is known only when it is read.
    """
    sha256 = properties.metadata.get(SHA256)
    if sha256 is None:
        digest = hashlib.sha256()
        try:
            async for part in read_file(storage, call, properties):
                digest.update(part)
        except ResourceModifiedError:
            return None
        sha256 = digest.hexdigest()
    return WrittenRecording(properties.size, sha256)


async def read_file(storage: Storage, call: str, properties: Properties) -> AsyncIterator[bytes]:
    """Yield the file of a call's recording in parts.

    Raises ResourceModifiedError if it is overwritten meanwhile, AzureError.
    """
    blob = blobs.recording_blob(call)
    for start in range(0, properties.size, BLOCK_BYTES):
        length = min(BLOCK_BYTES, properties.size - start)
        yield await storage.read_range(blobs.RECORDINGS, blob, start, length, properties.etag)


async def wav_blocks(storage: Storage, layout: Layout) -> AsyncIterator[tuple[int, bytes]]:
    """Yield the recording as WAV in numbered blocks: the header, then whole frames."""
    data = layout.frames * _frame_bytes(layout)
    yield 0, wav.long_header(layout.sample_rate, data, channels(layout))
    number = 0
    async for frames in _frames(storage, layout):
        number += 1
        yield number, frames.tobytes()


async def _flac_blocks(storage: Storage, layout: Layout) -> AsyncIterator[tuple[int, bytes]]:
    """Yield the recording as FLAC in numbered blocks; block 0 comes last."""
    from calls.results.encoder import Encoder, encode_blocks

    encoder = Encoder("flac", layout.sample_rate, channels(layout))
    async for block in encode_blocks(encoder, _frames(storage, layout), BLOCK_BYTES):
        yield block


async def _frames(storage: Storage, layout: Layout) -> AsyncIterator[np.ndarray]:
    step = BLOCK_BYTES // _frame_bytes(layout)
    for start in range(0, layout.frames, step):
        yield await read_frames(storage, layout, start, min(start + step, layout.frames))


async def read_frames(storage: Storage, layout: Layout, start: int, end: int) -> np.ndarray:
    """Read frames ``start`` to ``end`` of the recording.

    Returns:
        An array of shape (frames, channels), int16; silence where no segment lies.

    Raises AzureError.
    """
    frames = np.zeros((end - start, channels(layout)), dtype="<i2")
    placements = [
        p for p in layout.placements if p.position < end and p.end > start and not p.fault
    ]
    parts = await asyncio.gather(*(_read(storage, layout, p, start, end) for p in placements))
    for placement, part in zip(placements, parts, strict=True):
        offset = max(placement.position, start) - start
        frames[offset : offset + len(part), layout.tracks.index(placement.track)] = part
    return frames


async def read_track(storage: Storage, layout: Layout, track: str, start: int, end: int) -> bytes:
    """Read samples ``start`` to ``end`` of one track, as s16le PCM. Raises AzureError."""
    only_track = msgspec.structs.replace(
        layout,
        tracks=[track],
        placements=[placement for placement in layout.placements if placement.track == track],
    )
    return (await read_frames(storage, only_track, start, end)).tobytes()


def channels(layout: Layout) -> int:
    """Return the number of channels; a call without audio has one, without samples."""
    return max(1, len(layout.tracks))


async def _read(
    storage: Storage, layout: Layout, placement: Placement, start: int, end: int
) -> np.ndarray:
    """Read a segment's samples from ``start`` to ``end`` of the recording, at its sample rate."""
    first = max(0, start - placement.position)
    last = min(placement.samples, end - placement.position)
    if not layout.is_resampled(placement):
        return await _read_samples(storage, placement, first, last)
    return (await _read_resampled(storage, layout, placement))[first:last]


async def _read_resampled(storage: Storage, layout: Layout, placement: Placement) -> np.ndarray:
    """Read a whole segment at the recording's sample rate."""
    from calls.results.resampling import CONTEXT_MS, Excerpt, resample

    rate = placement.sample_rate
    context = rate * CONTEXT_MS // 1000
    neighbours = [p for p in layout.placements if _is_alike(p, placement)]
    before = [p for p in neighbours if p.end == placement.position]
    after = [p for p in neighbours if p.position == placement.end]
    parts = await asyncio.gather(
        *(_read_samples(storage, p, max(0, p.own_samples - context)) for p in before[-1:]),
        _read_samples(storage, placement),
        *(_read_samples(storage, p, 0, min(context, p.own_samples)) for p in after[:1]),
    )
    nothing = np.zeros(0, dtype="<i2")
    excerpt = Excerpt(
        before=parts[0] if before else nothing,
        samples=parts[len(before[-1:])],
        after=parts[-1] if after else nothing,
    )
    return await asyncio.to_thread(resample, excerpt, rate, layout.sample_rate, placement.samples)


def _is_alike(placement: Placement, other: Placement) -> bool:
    """Whether two segments of a track have one sample rate, and the first has audio."""
    return (
        placement.track == other.track
        and placement.sample_rate == other.sample_rate
        and placement.fault is None
    )


async def _read_samples(
    storage: Storage, placement: Placement, first: int = 0, last: int | None = None
) -> np.ndarray:
    """Read samples ``first`` to ``last`` of a segment's own."""
    count = (placement.own_samples if last is None else last) - first
    pcm = await storage.read_range(
        names.SEGMENTS,
        placement.blob,
        placement.data_offset + first * _SAMPLE_BYTES,
        count * _SAMPLE_BYTES,
    )
    return np.frombuffer(pcm, dtype="<i2")


def _frame_bytes(layout: Layout) -> int:
    return _SAMPLE_BYTES * channels(layout)
