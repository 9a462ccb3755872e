"""The soak itself: Azurite, two streamers, a crowd of calls, chaos, and the audit of every call."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import aiohttp

from benchmarks.soak.auditor import Auditor
from benchmarks.soak.caller import Caller
from benchmarks.soak.chaos import Chaos
from benchmarks.soak.ledger import SocketRecord, Totals
from benchmarks.soak.plan import CallPlan
from benchmarks.soak.recording import Recordings
from benchmarks.soak.replicas import Replica
from benchmarks.soak.storage_gate import StorageGate
from local.azurite import Azurite, create_containers

_AUDIT_PAUSE_SECONDS = 1.0
_LAST_ATTEMPTS = 5
_UPLOAD_SECONDS = 180.0
_PROGRESS_SECONDS = 60.0
_LATENESS_STEP_SECONDS = 0.05
_SUSPICIOUS_EVENTS = ("stream_end_failed", "quarantined", "Traceback", "upload_rejected")


class Options(NamedTuple):
    """How to run: for how long, by which seed, how many calls at a time, how fast."""

    seconds: float
    seed: int
    streams: int
    speed: float = 1.0
    disturbs: bool = True


class Soak:
    """One run.

    Attributes:
        events: How often each kind of chaos happened.
    """

    def __init__(self, options: Options, folder: Path, show: Callable[[str], None]) -> None:
        self._options = options
        self._folder = folder
        self._show = show
        self._numbers = count(1)
        self._replicas: list[Replica] = []
        self._chaos: Chaos | None = None
        self._calls = 0
        self._errors: list[str] = []
        self._recordings: Recordings | None = None
        self._auditor: Auditor | None = None
        # When this machine ran late, and by how many seconds.
        self._lateness: list[tuple[float, float]] = []

    @property
    def events(self) -> dict[str, int]:
        """How often each kind of chaos happened."""
        return dict(self._chaos.events) if self._chaos is not None else {}

    async def run(self) -> Totals:
        """Run; return what became of all frames."""
        options = self._options
        async with Azurite(self._folder / "azurite") as azurite:
            await asyncio.to_thread(create_containers, azurite.connection_string)
            self._recordings = Recordings(azurite.connection_string)
            self._auditor = Auditor(self._recordings, self._folder, self._apply_events, self._show)
            blob_port = urlsplit(azurite.blob_endpoint).port
            assert blob_port is not None
            gate = StorageGate(blob_port)
            await gate.open()
            self._replicas = self._create_replicas(
                azurite.connection_string.replace(f":{blob_port}/", f":{gate.port}/")
            )
            try:
                await asyncio.gather(*(replica.start() for replica in self._replicas))
                rng = random.Random(f"{options.seed}-chaos")
                self._chaos = Chaos(rng, self._replicas, gate)
                await self._run_calls(self._chaos)
                await self._finish()
            finally:
                for replica in self._replicas:
                    await replica.stop()
                await gate.close()
        return self.totals

    @property
    def totals(self) -> Totals:
        """What became of all frames of the calls that were compared."""
        totals = Totals(errors=list(self._errors))
        if self._auditor is not None:
            totals.add(self._auditor.totals)
        return totals

    def _create_replicas(self, connection_string: str) -> list[Replica]:
        settings = {
            "AUDIO_STORAGE_CONNECTION_STRING": connection_string,
            "SEGMENT_SECONDS": "5",
            "MEDIA_SPEED": f"{self._options.speed:g}",
            "DRAIN_GRACE_SECONDS": "3",
            "DRAIN_UPLOAD_SECONDS": "5",
            "UPLOAD_TIMEOUT_SECONDS": "5",
        }
        pauses = {"SEGMENT_PAUSE_WINDOW_SECONDS": "1"}
        return [
            Replica("streamer-a", self._folder, settings),
            Replica("streamer-b", self._folder, settings | pauses),
        ]

    async def _run_calls(self, chaos: Chaos) -> None:
        """Have calls made, disturbed and compared until the time is over."""
        stop, all_ended = asyncio.Event(), asyncio.Event()
        async with asyncio.TaskGroup() as group:
            calls = [
                group.create_task(self._make_calls(slot, stop))
                for slot in range(self._options.streams)
            ]
            disturbing = group.create_task(chaos.run(stop)) if self._options.disturbs else None
            group.create_task(self._audit_calls(all_ended))
            group.create_task(self._show_progress(all_ended))
            group.create_task(self._measure_lateness(all_ended))
            await asyncio.sleep(self._options.seconds)
            stop.set()
            await asyncio.wait(calls + ([disturbing] if disturbing else []))
            all_ended.set()
        self._errors += chaos.errors

    async def _make_calls(self, slot: int, stop: asyncio.Event) -> None:
        """Make one call after another."""
        rng = random.Random(f"{self._options.seed}-{slot}")
        # Not all at once.
        await asyncio.sleep(rng.uniform(0, 2))
        while not stop.is_set():
            longest = min(300.0, self._options.seconds * self._options.speed)
            seconds = rng.choice([rng.uniform(1, 8), rng.uniform(8, 60), rng.uniform(30, longest)])
            plan = CallPlan(random.Random(rng.random()), self._numbers, seconds)
            self._calls += 1
            call = f"soak-{self._options.seed}-{slot}-{self._calls}"
            caller = Caller(
                call, plan, random.Random(rng.random()), self._replicas, self._options.speed
            )
            await caller.run(stop)
            assert self._auditor is not None
            self._auditor.add(caller)
            await asyncio.sleep(rng.uniform(0, 1))

    async def _audit_calls(self, all_ended: asyncio.Event) -> None:
        """Compare calls while others are made, as soon as their recordings are there."""
        while not all_ended.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(all_ended.wait(), _AUDIT_PAUSE_SECONDS)
            assert self._auditor is not None
            await self._auditor.advance()

    def _apply_events(self, record: SocketRecord) -> None:
        for replica in self._replicas:
            if replica.name == record.replica:
                record.apply_events(replica.kills, replica.freezes, self._lateness)

    async def _finish(self) -> None:
        """Wait for all uploads, compare the last calls, and look for what is left over."""
        least, since = sys.maxsize, time.monotonic()
        while waiting := await self._count_waiting():
            if waiting < least:
                least, since = waiting, time.monotonic()
            if time.monotonic() > since + _UPLOAD_SECONDS:
                self._errors.append(f"nothing is uploaded for {_UPLOAD_SECONDS:.0f} s")
                break
            await asyncio.sleep(0.5)
        assert self._recordings is not None
        assert self._auditor is not None
        for _ in range(_LAST_ATTEMPTS):
            await self._auditor.advance(is_last=True)
            if not self._auditor.waiting:
                break
            await asyncio.sleep(_AUDIT_PAUSE_SECONDS)
        self._errors += [
            f"{call} cannot be read: {failure}" for call, failure in self._auditor.waiting.items()
        ]
        if self.totals.is_well:
            blobs = await asyncio.to_thread(self._recordings.blob_names)
            self._errors += [f"{blob} was uploaded again, later" for blob in blobs]
        for replica in self._replicas:
            code = await replica.terminate()
            if code:
                self._errors.append(f"{replica.name} ended with {code}")
            self._errors += [
                f"{replica.name}: {path.relative_to(replica.spool)} is left"
                for path in replica.spool.rglob("*")
                if path.suffix in (".wav", ".json", ".part")
            ]
            self._errors += [
                f"{replica.name}: {line}"
                for line in replica.log.splitlines()
                if any(event in line for event in _SUSPICIOUS_EVENTS)
            ]

    async def _count_waiting(self) -> int:
        """Return how many streams and uploads the streamers still have."""
        try:
            reports = [await replica.health() for replica in self._replicas]
        except (aiohttp.ClientError, TimeoutError):
            return sys.maxsize
        return sum(report["streams"] + report["uploads"]["waiting"] for report in reports)

    async def _measure_lateness(self, all_ended: asyncio.Event) -> None:
        """Note by how much this process wakes up late: so do the streamers beside it."""
        loop = asyncio.get_running_loop()
        while not all_ended.is_set():
            due = loop.time() + _LATENESS_STEP_SECONDS
            await asyncio.sleep(_LATENESS_STEP_SECONDS)
            now = loop.time()
            if now - due > _LATENESS_STEP_SECONDS:
                self._lateness.append((now, now - due))

    async def _show_progress(self, all_ended: asyncio.Event) -> None:
        """Show a line each minute."""
        started_at = time.monotonic()
        while not all_ended.is_set():
            try:
                await asyncio.wait_for(all_ended.wait(), _PROGRESS_SECONDS)
            except TimeoutError:
                minutes = (time.monotonic() - started_at) / 60
                self._show(f"{minutes:.0f} min: {self._calls} calls, {format_totals(self.totals)}")


def format_totals(totals: Totals) -> str:
    """Return the totals on one line."""
    return (
        f"frames sent {totals.sent:,}, kept {totals.kept:,} ({totals.shortened:,} shortened), "
        f"reported lost {totals.reported_lost:,} (repeated {totals.repeated:,}, "
        f"late {totals.late_dropped:,}, "
        f"no room {totals.lost:,}, unflushed at a kill {totals.unflushed:,}, "
        f"in flight at a reset {totals.in_flight:,}), unaccounted for {totals.unaccounted:,}, "
        f"duplicates {totals.duplicates:,}, worst error {totals.worst_error_ms:.0f} ms"
    )
