"""The soak itself: Azurite, two streamers, a crowd of calls, chaos, and the audit of every call."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import NamedTuple

import aiohttp
import msgspec
from azure.core.exceptions import AzureError

from benchmarks.soak.audit import audit
from benchmarks.soak.caller import Caller
from benchmarks.soak.chaos import Chaos
from benchmarks.soak.ledger import SocketRecord, Totals
from benchmarks.soak.plan import CallPlan
from benchmarks.soak.recording import Incomplete, Recordings
from benchmarks.soak.replicas import Replica
from contract.manifest import Manifest
from local.azurite import Azurite, create_containers

_AUDIT_PAUSE_SECONDS = 1.0
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
        totals: What became of all frames of the calls that were compared.
        events: How often each kind of chaos happened.
    """

    def __init__(self, options: Options, folder: Path, show: Callable[[str], None]) -> None:
        self.totals = Totals()
        self._options = options
        self._folder = folder
        self._show = show
        self._numbers = count(1)
        self._ended: list[Caller] = []
        self._replicas: list[Replica] = []
        self._chaos: Chaos | None = None
        self._calls = 0
        self._deletable: list[str] = []
        self._recordings: Recordings | None = None
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
            self._replicas = self._create_replicas(azurite.connection_string)
            try:
                await asyncio.gather(*(replica.start() for replica in self._replicas))
                rng = random.Random(f"{options.seed}-chaos")
                self._chaos = Chaos(rng, self._replicas, azurite)
                await self._run_calls(self._chaos)
                await self._finish()
            finally:
                for replica in self._replicas:
                    await replica.stop()
        return self.totals

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
        self.totals.errors += chaos.errors

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
            self._ended.append(caller)
            await asyncio.sleep(rng.uniform(0, 1))

    async def _audit_calls(self, all_ended: asyncio.Event) -> None:
        """Compare calls while others are made, as soon as their recordings are there."""
        while not all_ended.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(all_ended.wait(), _AUDIT_PAUSE_SECONDS)
            await self._audit_ended()

    async def _audit_ended(self, *, is_last: bool = False) -> None:
        assert self._chaos is not None
        for caller in list(self._ended):
            if self._chaos.storage_away:
                return
            with contextlib.suppress(AzureError, Incomplete):
                if await asyncio.to_thread(self._audit, caller, is_last=is_last):
                    self._ended.remove(caller)
        with contextlib.suppress(AzureError):
            await asyncio.to_thread(self._delete_audited)

    def _audit(self, caller: Caller, *, is_last: bool) -> bool:
        """Compare one call; returns False where its recordings are not there yet."""
        recordings = self._recordings
        assert recordings is not None
        manifests = recordings.manifests(caller.call)
        by_socket = {manifest.correlation_id: manifest for manifest in manifests}
        absent = [r for r in caller.records if r.correlation_id not in by_socket]
        if absent and not is_last:
            return False
        totals = Totals(errors=list(caller.errors))
        if len(by_socket) < len(manifests):
            totals.errors.append(f"{caller.call}: two manifests of one socket")
        known = {record.correlation_id for record in caller.records}
        totals.errors += [
            f"{caller.call}: stream {manifest.stream_id} has audio of an unknown socket"
            for manifest in manifests
            if manifest.correlation_id not in known and manifest.segments
        ]
        for record in caller.records:
            self._apply_events(record)
            manifest = by_socket.get(record.correlation_id)
            if manifest is None:
                totals.add(account_absent(record))
                continue
            segments = recordings.segments(manifest)
            totals.add(audit(record, manifest, segments, self._options.speed))
        totals.errors += self._find_extra_blobs(caller.call, manifests)
        self.totals.add(totals)
        if totals.is_well:
            # Later: a call that is deleted in part, with storage away, must not be audited again.
            self._deletable.append(caller.call)
        else:
            for error in totals.errors:
                self._show(f"  {error}")
            # What was sent, to find out why.
            path = self._folder / f"{caller.call}.json"
            path.write_bytes(msgspec.json.encode(caller.records))
        return True

    def _delete_audited(self) -> None:
        assert self._recordings is not None
        while self._deletable:
            self._recordings.delete(self._deletable[0])
            del self._deletable[0]

    def _apply_events(self, record: SocketRecord) -> None:
        for replica in self._replicas:
            if replica.name == record.replica:
                record.apply_events(replica.kills, replica.freezes, self._lateness)

    def _find_extra_blobs(self, call: str, manifests: list[Manifest]) -> list[str]:
        assert self._recordings is not None
        listed = {
            entry.name(call, manifest.stream_id).blob
            for manifest in manifests
            for entry in manifest.segments
        }
        return [
            f"{blob} is in no manifest"
            for blob in self._recordings.blob_names(call)
            if blob not in listed
        ]

    async def _finish(self) -> None:
        """Wait for all uploads, compare the last calls, and look for what is left over."""
        deadline = time.monotonic() + _UPLOAD_SECONDS
        while not await self._is_uploaded():
            if time.monotonic() > deadline:
                self.totals.errors.append(f"uploads still wait after {_UPLOAD_SECONDS:.0f} s")
                break
            await asyncio.sleep(0.5)
        await self._audit_ended(is_last=True)
        self.totals.errors += [f"{caller.call} cannot be read" for caller in self._ended]
        assert self._recordings is not None
        if self.totals.is_well:
            blobs = await asyncio.to_thread(self._recordings.blob_names)
            self.totals.errors += [f"{blob} was uploaded again, later" for blob in blobs]
        for replica in self._replicas:
            code = await replica.terminate()
            if code:
                self.totals.errors.append(f"{replica.name} ended with {code}")
            self.totals.errors += [
                f"{replica.name}: {path.relative_to(replica.spool)} is left"
                for path in replica.spool.rglob("*")
                if path.suffix in (".wav", ".json", ".part")
            ]
            self.totals.errors += [
                f"{replica.name}: {line}"
                for line in replica.log.splitlines()
                if any(event in line for event in _SUSPICIOUS_EVENTS)
            ]

    async def _is_uploaded(self) -> bool:
        try:
            reports = [await replica.health() for replica in self._replicas]
        except (aiohttp.ClientError, TimeoutError):
            return False
        return not any(report["streams"] or report["uploads"]["waiting"] for report in reports)

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


def account_absent(record: SocketRecord) -> Totals:
    """Account for a socket of which nothing was recorded: only a kill or a reset explains that."""
    totals = Totals(sent=len(record.sent))
    if record.may_have_no_stream:
        totals.unflushed = len(record.sent)
    else:
        totals.unaccounted = len(record.sent)
        totals.errors.append(f"{record.correlation_id}: no manifest ({record.ended_by})")
    return totals


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
