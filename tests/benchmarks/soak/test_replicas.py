"""A replica is a real streamer, always on its own port and spool."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from benchmarks.soak.replicas import Replica


@pytest.mark.timeout(240)
async def test_a_replica_is_killed_frozen_drained_and_started_again(
    storage: str, tmp_path: Path
) -> None:
    replica = Replica(
        "streamer-a",
        tmp_path,
        {"AUDIO_STORAGE_CONNECTION_STRING": storage, "DRAIN_GRACE_SECONDS": "0"},
    )
    assert replica.log == ""
    loop = asyncio.get_running_loop()
    try:
        await replica.start()
        assert (await replica.health())["streams"] == 0
        begin = loop.time()
        await replica.freeze(0.05)
        ((frozen_at, thawed_at),) = replica.freezes
        assert begin <= frozen_at < thawed_at <= loop.time()
        await replica.kill()
        assert len(replica.kills) == 1
        await replica.start()
        assert (await replica.health())["streams"] == 0
        assert await replica.terminate() == 0
        assert replica.spool.is_dir()
        assert replica.log.count("streamer_started") == 2
    finally:
        await replica.stop()
    assert len(replica.kills) == 1
