"""The call's recording: its segments, put side by side and end to end, block by block.

Only a block's worth of audio is held at a time, however long the call was.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
import numpy as np

from calls import blobs
from calls.layout import Layout, Placement
from calls.settings import Recording
from calls.storage import Properties, Storage
from contract import names, wav

BLOCK_BYTES = 4 * 1024 * 1024
_FLAC_CHANNELS = 8
_CONTENT = "content"
_SAMPLE_BYTES = 2


async def write(
    storage: Storage, call: str, layout: Layout, form: Recording, before: Properties | None
) -> int | None:
    """Write the recording, unless it is there: its bytes. None where another wrote meanwhile.

    ``before`` is what was there when the layout's parts were read. What FLAC cannot hold, more than
    eight channels or nothing at all, becomes WAV. Raises AzureError.
    """
    if not layout.frames or channels(layout) > _FLAC_CHANNELS:
        form = "wav"
    content = f"{layout.digest}.{form}"
    if before is not None and before.metadata.get(_CONTENT) == content:
        return before.size
    written = await storage.write_in_blocks(
        blobs.RECORDINGS,
        blobs.recording_blob(call),
        wav_blocks(storage, layout) if form == "wav" else _flac_blocks(storage, layout),
        name=content,
        content_type=f"audio/{form}",
        metadata={_CONTENT: content},
        etag=before.etag if before else None,
    )
    found = await storage.properties(blobs.RECORDINGS, blobs.recording_blob(call))
    return found.size if written and found is not None else None


async def wav_blocks(storage: Storage, layout: Layout) -> AsyncIterator[tuple[int, bytes]]:
    """The recording as WAV: the header, then blocks of whole frames, numbered."""
    data = layout.frames * _frame_bytes(layout)
    yield 0, wav.long_header(layout.sample_rate, data, channels(layout))
    number = 0
    async for frames in _frames(storage, layout):
        number += 1
        yield number, frames.tobytes()


async def _flac_blocks(storage: Storage, layout: Layout) -> AsyncIterator[tuple[int, bytes]]:
    """The recording as FLAC; its first block, which is written over at the end, is the last."""
    from calls.flac import FlacEncoder

    encoder = FlacEncoder(layout.sample_rate, channels(layout))
    number = 0
    async for frames in _frames(storage, layout):
        await asyncio.to_thread(encoder.write, frames)
        if encoder.waiting >= BLOCK_BYTES:
            number += 1
            yield number, encoder.take()
    head, tail = encoder.close()
    if tail:
        yield number + 1, tail
    yield 0, head


async def _frames(storage: Storage, layout: Layout) -> AsyncIterator[np.ndarray]:
    step = BLOCK_BYTES // _frame_bytes(layout)
    for start in range(0, layout.frames, step):
        yield await interleaved(storage, layout, start, min(start + step, layout.frames))


async def interleaved(storage: Storage, layout: Layout, start: int, end: int) -> np.ndarray:
    """Frames ``start`` to ``end``, a sample of each track in each; silence where nothing is."""
    frames = np.zeros((end - start, channels(layout)), dtype="<i2")
    heard = [p for p in layout.placements if p.position < end and p.end > start and not p.fault]
    parts = await asyncio.gather(*(_read(storage, p, start, end) for p in heard))
    for placement, part in zip(heard, parts, strict=True):
        at = max(placement.position, start) - start
        frames[at : at + len(part), layout.tracks.index(placement.track)] = part
    return frames


async def one_track(storage: Storage, layout: Layout, track: str, start: int, end: int) -> bytes:
    """Samples ``start`` to ``end`` of one track."""
    alone = msgspec.structs.replace(
        layout,
        tracks=[track],
        placements=[placement for placement in layout.placements if placement.track == track],
    )
    return (await interleaved(storage, alone, start, end)).tobytes()


def channels(layout: Layout) -> int:
    """The recording's channels; a call without audio has one, and no samples."""
    return max(1, len(layout.tracks))


async def _read(storage: Storage, placement: Placement, start: int, end: int) -> np.ndarray:
    first = max(0, start - placement.position)
    last = min(placement.samples, end - placement.position)
    pcm = await storage.read_range(
        names.SEGMENTS,
        placement.blob,
        placement.data_offset + first * _SAMPLE_BYTES,
        (last - first) * _SAMPLE_BYTES,
    )
    return np.frombuffer(pcm, dtype="<i2")


def _frame_bytes(layout: Layout) -> int:
    return _SAMPLE_BYTES * channels(layout)
