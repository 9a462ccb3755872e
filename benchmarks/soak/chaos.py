"""What happens to the streamers and to Blob Storage meanwhile, by a seed."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from benchmarks.soak.replicas import Replica
from benchmarks.soak.storage_gate import StorageGate
from local.child_process import StartError

_SHORTEST_PAUSE, _LONGEST_PAUSE = 2.0, 8.0
_DOWN_SECONDS = 3.0
_AWAY_SECONDS = (1.0, 10.0)
_FEW_UPLOADS = 50
_CATCH_UP_SECONDS = 60.0
_CATCH_UP_PAUSE_SECONDS = 0.5
_START_ATTEMPTS = 40
_START_PAUSE_SECONDS = 1.0


class Chaos:
    """Kills, drains and freezes one replica at a time; takes Blob Storage away meanwhile.

    Attributes:
        events: How often each thing happened.
        errors: What went wrong that should not have.
    """

    def __init__(self, rng: random.Random, replicas: list[Replica], storage: StorageGate) -> None:
        self.events: Counter[str] = Counter()
        self.errors: list[str] = []
        self._replicas = replicas
        self._storage = storage
        self._replica_rng = random.Random(rng.random())
        self._storage_rng = random.Random(rng.random())

    async def run(self, stop: asyncio.Event) -> None:
        """Go on until ``stop`` is set; then all is up again."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._disturb_replicas(stop))
            group.create_task(self._disturb_storage(stop))

    async def _disturb_replicas(self, stop: asyncio.Event) -> None:
        rng = self._replica_rng
        while await _pause(rng, stop):
            replica = rng.choice(self._replicas)
            action = rng.choices(["kill", "drain", "freeze"], [4, 2, 3])[0]
            self.events[action] += 1
            if action == "freeze":
                await replica.freeze(rng.uniform(0.2, 1.5))
                continue
            if action == "kill":
                await replica.kill()
            else:
                code = await replica.terminate()
                # With storage away, a drain cannot upload all: the next start does.
                if code not in (0, 1):
                    self.errors.append(f"{replica.name} ended its drain with {code}")
            await asyncio.sleep(rng.uniform(0, _DOWN_SECONDS))
            await _start(replica.start)

    async def _disturb_storage(self, stop: asyncio.Event) -> None:
        rng = self._storage_rng
        while await _pause(rng, stop):
            await self._wait_for_uploads(stop)
            if stop.is_set():
                return
            seconds = rng.uniform(*_AWAY_SECONDS)
            if rng.random() < 0.6:
                self.events["storage_stopped"] += 1
                await self._storage.close()
                await asyncio.sleep(seconds)
                await _start(self._storage.open)
            else:
                self.events["storage_silent"] += 1
                await self._storage.hold(seconds)

    async def _wait_for_uploads(self, stop: asyncio.Event) -> None:
        """Wait until most is uploaded, a minute at most: a slow machine needs longer for it.

        Otherwise all that an hour has recorded would be left to upload and to compare at its end.
        """
        deadline = time.monotonic() + _CATCH_UP_SECONDS
        while not stop.is_set() and time.monotonic() < deadline:
            reports = await asyncio.gather(
                *(replica.health() for replica in self._replicas), return_exceptions=True
            )
            waiting = [
                report["uploads"]["waiting"]
                for report in reports
                if not isinstance(report, BaseException)
            ]
            if len(waiting) == len(self._replicas) and sum(waiting) <= _FEW_UPLOADS:
                return
            await asyncio.sleep(_CATCH_UP_PAUSE_SECONDS)


async def _start(start: Callable[[], Awaitable[None]]) -> None:
    """Start something again; another program of this machine may have its port for a while."""
    for _ in range(_START_ATTEMPTS - 1):
        try:
            return await start()
        except (OSError, StartError):
            await asyncio.sleep(_START_PAUSE_SECONDS)
    return await start()


async def _pause(rng: random.Random, stop: asyncio.Event) -> bool:
    """Wait between two events; whether to go on."""
    try:
        await asyncio.wait_for(stop.wait(), rng.uniform(_SHORTEST_PAUSE, _LONGEST_PAUSE))
    except TimeoutError:
        return True
    return False
