"""Chaos happens by its seed, to one replica at a time, and ends with all up again."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from benchmarks.soak import chaos
from benchmarks.soak.chaos import Chaos
from local.child_process import StartError


class Part:
    """A replica or a storage that only notes what happens to it."""

    name = "part"

    def __init__(self, log: list[str]) -> None:
        self.log = log
        self.exit_code = 0
        self.waiting = 0

    async def kill(self) -> None:
        self.log.append("kill")

    async def terminate(self) -> int:
        self.log.append("terminate")
        return self.exit_code

    async def freeze(self, seconds: float) -> None:
        assert seconds < 2
        self.log.append("freeze")

    async def start(self) -> None:
        self.log.append("start")

    async def health(self) -> dict[str, Any]:
        return {"uploads": {"waiting": self.waiting}}


class Gate(Part):
    """A way to Blob Storage that only notes what happens to it."""

    async def close(self) -> None:
        self.log.append("close")

    async def open(self) -> None:
        self.log.append("open")

    async def hold(self, seconds: float) -> None:
        assert seconds < 10
        self.log.append("hold")


async def run(
    monkeypatch: pytest.MonkeyPatch, exit_code: int = 0, waiting: int = 0
) -> tuple[Chaos, Any, Any]:
    """Run chaos for some events; return it with what happened to replicas and to storage."""
    monkeypatch.setattr(chaos, "_SHORTEST_PAUSE", 0.001)
    monkeypatch.setattr(chaos, "_LONGEST_PAUSE", 0.002)
    monkeypatch.setattr(chaos, "_DOWN_SECONDS", 0.002)
    monkeypatch.setattr(chaos, "_AWAY_SECONDS", (0.001, 0.002))
    replicas: list[str] = []
    storage: list[str] = []
    parts: Any = [Part(replicas), Part(replicas)]
    for part in parts:
        part.exit_code = exit_code
        part.waiting = waiting
    gate: Any = Gate(storage)
    disturbing = Chaos(random.Random(1), parts, gate)
    stop = asyncio.Event()
    task = asyncio.create_task(disturbing.run(stop))
    async with asyncio.timeout(60):
        while disturbing.events.total() < 100:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        stop.set()
        await task
    return disturbing, replicas, storage


async def test_a_port_that_is_taken_for_a_while_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chaos, "_START_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(chaos, "_START_ATTEMPTS", 3)
    errors: list[Exception] = [StartError("taken"), OSError("taken")]

    async def start() -> None:
        if errors:
            raise errors.pop()

    await chaos._start(start)
    errors += [StartError("taken")] * 3
    with pytest.raises(StartError):
        await chaos._start(start)


async def test_all_kinds_happen_and_all_is_up_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    disturbing, replicas, storage = await run(monkeypatch)
    assert {"kill", "drain", "freeze", "storage_stopped"} <= set(disturbing.events)
    assert not disturbing.errors
    downs = [event for event in replicas if event != "freeze"]
    assert set(downs[::2]) == {"kill", "terminate"}
    assert set(downs[1::2]) == {"start"}
    assert len(downs) % 2 == 0
    closings = [event for event in storage if event != "hold"]
    assert closings == ["close", "open"] * (len(closings) // 2)


async def test_a_drain_that_fails_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    disturbing, _, _ = await run(monkeypatch, exit_code=2)
    assert "ended its drain with 2" in disturbing.errors[0]
    # It could not upload all while storage was away.
    disturbing, _, _ = await run(monkeypatch, exit_code=1)
    assert not disturbing.errors


async def test_storage_stays_while_much_waits_to_be_uploaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, replicas, storage = await run(monkeypatch, waiting=1000)
    assert replicas
    assert not storage
    monkeypatch.setattr(chaos, "_CATCH_UP_SECONDS", 0.0)
    _, _, storage = await run(monkeypatch, waiting=1000)
    assert storage
