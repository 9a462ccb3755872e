"""A long call at 20 times its speed: memory stays flat, and no frame drifts.

``make test`` runs four minutes of a call; ``make soak`` the hour.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from itertools import pairwise

import pytest

from acs import media
from contract import names, wav
from contract.manifest import Manifest
from tests.streamer.conftest import (
    FRAME,
    ORIGIN,
    Stored,
    StreamerProcess,
    audio,
    metadata,
    open_websocket,
    pcm,
)

CALL_SECONDS = int(os.environ.get("SOAK_CALL_SECONDS", "240"))
SPEED = 20
_BURST = 10


@pytest.mark.timeout(CALL_SECONDS + 120)
async def test_a_long_call_at_twenty_times_its_speed(
    streamer: Callable[..., StreamerProcess], headers: dict[str, str], stored: Stored
) -> None:
    # Each upload has its segment in memory.
    server = streamer(UPLOAD_CONCURRENCY="2")
    raw_ids = ("4:+15551230000", "8:acs:a_b")
    frames = CALL_SECONDS * 50
    resident: list[int] = []
    async with open_websocket(server, headers) as socket:
        await socket.send(metadata())
        begun = time.monotonic()
        for index in range(frames):
            for raw_id in raw_ids:
                # Each has its own track, recognisable by the first byte.
                data = bytes([len(raw_id)]) + pcm(index)[1:]
                await socket.send(audio(index, raw_id=raw_id, data=data))
            if index % _BURST == 0:
                due = begun + index * 0.02 / SPEED
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            if index % (frames // 20) == 0:
                resident.append(server.resident_kib)
    (manifest,) = await asyncio.to_thread(stored.manifests)

    # After the first quarter, memory no longer grows.
    assert max(resident[5:]) - resident[5] < 8 * 1024, f"{resident} KiB"
    assert manifest.counts.frames == 2 * frames
    for name in manifest.counts.__struct_fields__:
        assert name == "frames" or getattr(manifest.counts, name) == 0, manifest.counts
    assert manifest.participants == {"p1": raw_ids[0], "p2": raw_ids[1]}
    for track, raw_id in manifest.participants.items():
        _verify(stored, manifest, track, raw_id, frames)


def _verify(stored: Stored, manifest: Manifest, track: str, raw_id: str, frames: int) -> None:
    """Check that the track's segments meet to the sample, with every frame at its place."""
    entries = [e for e in manifest.segments if e.track == track]
    assert sum(entry.samples for entry in entries) == frames * FRAME
    assert entries[0].start == ORIGIN
    for before, after in pairwise(entries):
        span = media.to_microseconds(after.start) - media.to_microseconds(before.start)
        assert span * before.sample_rate == before.samples * 1_000_000
    container = stored.service.get_container_client(names.SEGMENTS)
    index = 0
    for entry in entries:
        blob = entry.name(manifest.call_connection_id, manifest.stream_id).blob
        for frame in _frames(wav.samples(container.download_blob(blob).readall())):
            assert frame == bytes([len(raw_id)]) + pcm(index)[1:]
            index += 1


def _frames(samples: bytes) -> list[bytes]:
    return [samples[at : at + 2 * FRAME] for at in range(0, len(samples), 2 * FRAME)]
