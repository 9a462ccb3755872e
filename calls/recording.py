"""The call's recording: its segments, put side by side and end to end, block by block.

Only a block's worth of audio is held at a time, however long the call was.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np

from audio import names, wav
from calls.layout import Layout, Placement
from calls.storage import Properties, Storage

CONTENT_TYPE = "audio/wav"
BLOCK_BYTES = 4 * 1024 * 1024
_DIGEST = "layout"
_SAMPLE_BYTES = 2


async def write(storage: Storage, call: str, layout: Layout, before: Properties | None) -> bool:
    """Write the recording, unless it is there; False where another wrote meanwhile.

    ``before`` is what was there when the layout's parts were read. Raises AzureError.
    """
    if is_of(before, layout):
        return True
    return await storage.write_in_blocks(
        names.RECORDINGS,
        names.recording_blob(call),
        blocks(storage, layout),
        name=layout.digest,
        content_type=CONTENT_TYPE,
        metadata={_DIGEST: layout.digest},
        etag=before.etag if before else None,
    )


def is_of(found: Properties | None, layout: Layout) -> bool:
    """Whether the recording that is there is that of this layout."""
    return found is not None and found.metadata.get(_DIGEST) == layout.digest


def size(layout: Layout) -> int:
    """The recording's bytes."""
    data = layout.frames * _frame_bytes(layout)
    return len(wav.long_header(layout.sample_rate, data, _channels(layout))) + data


async def blocks(
    storage: Storage, layout: Layout, block_bytes: int = BLOCK_BYTES
) -> AsyncIterator[bytes]:
    """The recording's bytes: the header, then blocks of whole frames."""
    data = layout.frames * _frame_bytes(layout)
    yield wav.long_header(layout.sample_rate, data, _channels(layout))
    step = block_bytes // _frame_bytes(layout)
    for start in range(0, layout.frames, step):
        yield await interleaved(storage, layout, start, min(start + step, layout.frames))


async def interleaved(storage: Storage, layout: Layout, start: int, end: int) -> bytes:
    """Frames ``start`` to ``end``, a sample of each track in each; silence where nothing is."""
    frames = np.zeros((end - start, _channels(layout)), dtype="<i2")
    heard = [p for p in layout.placements if p.position < end and p.end > start and not p.fault]
    parts = await asyncio.gather(*(_read(storage, p, start, end) for p in heard))
    for placement, part in zip(heard, parts, strict=True):
        at = max(placement.position, start) - start
        frames[at : at + len(part), layout.tracks.index(placement.track)] = part
    return frames.tobytes()


async def one_track(storage: Storage, layout: Layout, track: str, start: int, end: int) -> bytes:
    """Samples ``start`` to ``end`` of one track."""
    placements = [p for p in layout.placements if p.track == track]
    alone = Layout(
        started_at=layout.started_at,
        sample_rate=layout.sample_rate,
        tracks=[track],
        frames=layout.frames,
        placements=placements,
    )
    return await interleaved(storage, alone, start, end)


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


def _channels(layout: Layout) -> int:
    return max(1, len(layout.tracks))


def _frame_bytes(layout: Layout) -> int:
    return _SAMPLE_BYTES * _channels(layout)
