"""``python -m benchmarks.latency``: from the end of an audio segment to its result.

The whole local system runs, as ``make up`` starts it. Some calls end first, so that their
transcripts are being made; then all others end together. Times are read from the log of the app
afterwards, so measuring costs nothing while it runs.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import os
import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple, Self

from aiohttp import web
from azure.storage.blob.aio import BlobServiceClient

from benchmarks.process_stats import cpu_seconds
from benchmarks.report import describe_machine
from contract import names
from contract.manifest import Manifest, decode_manifest
from event_log import mask_phone_numbers
from local.client import AppClient, streaming_is
from local.up import Up

LIMIT_SECONDS = 2.0
"""The goal for the 99th percentile."""

_RESULT_SECONDS = 180.0
# The log shows the last two digits only: they tell the participants' segments apart.
_PHONE = {"to": "+15551230000", "from": "+15559990001"}
_EVENT = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) \w+ \S+ "
    r"(?P<event>segment_analysed|call_assembled) call=(?P<call>\S+)(?: segment=(?P<segment>\S+))?"
)


class Events(NamedTuple):
    """When the app first logged that a segment was analysed, and that a call was assembled."""

    analysed: dict[str, datetime]
    assembled: dict[str, datetime]


class Latencies(NamedTuple):
    """Seconds from each segment's end to its analysis, and from each stream's end to the result."""

    segments: list[float]
    calls: list[float]


class SlowSpeech:
    """A stand-in for Azure AI Speech that takes its time and no CPU, inside ``async with``.

    Args:
        seconds: How long an answer takes.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.running = 0
        self.endpoint = ""
        self._runner: web.AppRunner

    async def __aenter__(self) -> Self:
        application = web.Application(client_max_size=2**28)
        application.router.add_post("/speechtotext/transcriptions:transcribe", self._transcribe)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.endpoint = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _transcribe(self, request: web.Request) -> web.Response:
        await request.read()
        self.running += 1
        try:
            await asyncio.sleep(self._seconds)
        finally:
            self.running -= 1
        return web.json_response({"durationMilliseconds": 0, "combinedPhrases": [], "phrases": []})


def read_events(log: Iterable[str]) -> Events:
    """Read the app's log."""
    events = Events({}, {})
    for line in log:
        match = _EVENT.match(line)
        if match is None:
            continue
        # The log has local time, to the millisecond.
        time = datetime.strptime(match["time"], "%Y-%m-%d %H:%M:%S,%f").astimezone(UTC)
        if match["event"] == "call_assembled":
            events.assembled.setdefault(match["call"], time)
        elif match["segment"]:
            events.analysed.setdefault(match["segment"], time)
    return events


def compute_latencies(manifests: Iterable[Manifest], events: Events) -> Latencies:
    """Compare when segments and streams ended with when their results were there.

    Raises KeyError for a segment or a call without a result.
    """
    latencies = Latencies([], [])
    for manifest in manifests:
        call = manifest.call_connection_id
        latencies.calls.append((events.assembled[call] - manifest.ended_at).total_seconds())
        for entry in manifest.segments:
            blob = mask_phone_numbers(entry.name(call, manifest.stream_id).blob)
            latencies.segments.append((events.analysed[blob] - entry.end).total_seconds())
    return latencies


def percentile(values: Iterable[float], percent: int) -> float:
    """The smallest value that at least ``percent`` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * percent / 100) - 1, 0)]


class _Run:
    """One run against a running system."""

    def __init__(self, up: Up, app: AppClient, speech: SlowSpeech | None, channels: str) -> None:
        self._up = up
        self._app = app
        self._speech = speech
        self._channels = channels
        self._log = up.log_dir / "app.log"

    async def measure(self, options: argparse.Namespace) -> Latencies:
        """Place the calls, end them, and wait for the results. Raises TimeoutError."""
        early = await self._place(options.before)
        calls = await self._place(options.calls)
        await asyncio.sleep(options.seconds)
        await self._end(early)
        if early:
            await self._until_assembled(early)
            await asyncio.sleep(1)
        if self._speech is not None:
            print(f"{self._speech.running} chunks are being transcribed when the calls end")
        load = os.getloadavg()[0]
        print(f"load average {load:.1f} on {os.cpu_count()} cores")
        cpu_before = self._cpu_seconds()
        await self._end(calls)
        await self._until_assembled(calls)
        used = {name: after - cpu_before[name] for name, after in self._cpu_seconds().items()}
        print("CPU seconds until then:", ", ".join(f"{n} {s:.1f}" for n, s in used.items()))
        manifests = [m for m in await self._read_manifests() if m.call_connection_id in calls]
        return compute_latencies(manifests, read_events(self._read_log()))

    def _cpu_seconds(self) -> dict[str, float]:
        return {name: cpu_seconds(pid) for name, pid in self._up.processes.items()}

    async def _place(self, number: int) -> list[str]:
        records = await asyncio.gather(
            *(self._app.place_call(**_PHONE, channels=self._channels) for _ in range(number))
        )
        calls = [record["call_connection_id"] for record in records]
        for call in calls:
            await self._app.until(call, streaming_is("active"), "streaming starts", 60)
        return calls

    async def _end(self, calls: Iterable[str]) -> None:
        await asyncio.gather(*map(self._app.hang_up, calls))

    async def _until_assembled(self, calls: Iterable[str]) -> None:
        async with asyncio.timeout(_RESULT_SECONDS):
            while not read_events(self._read_log()).assembled.keys() >= set(calls):  # noqa: ASYNC110
                await asyncio.sleep(0.5)

    def _read_log(self) -> list[str]:
        return self._log.read_text(errors="replace").splitlines()

    async def _read_manifests(self) -> list[Manifest]:
        storage = self._up.addresses.storage_connection_string
        async with BlobServiceClient.from_connection_string(storage) as service:
            container = service.get_container_client(names.MANIFESTS)
            return [
                decode_manifest(await (await container.download_blob(blob)).readall())
                async for blob in container.list_blob_names()
            ]


async def run(options: argparse.Namespace) -> Latencies:
    """Start the system, and measure. Raises StartError, TimeoutError."""
    async with contextlib.AsyncExitStack() as stack:
        settings: dict[str, str] = {}
        speech = None
        if options.engine == "slow":
            speech = await stack.enter_async_context(SlowSpeech(options.transcript_seconds))
            settings |= {"TRANSCRIPTION": "azure", "SPEECH_KEY": "key"}
            settings["SPEECH_ENDPOINT"] = speech.endpoint
        elif options.engine == "off":
            settings["TRANSCRIPTION"] = "off"
        up = await stack.enter_async_context(Up(use_free_ports=True, settings=settings))
        addresses = up.addresses
        app = await stack.enter_async_context(AppClient(addresses.app, addresses.function_key))
        return await _Run(up, app, speech, options.channels).measure(options)


def main() -> int:
    """Measure and print. Returns 1 if a 99th percentile is not below the limit."""
    options = create_parser().parse_args()
    print(f"{describe_machine()}, engine {options.engine}, {options.calls} calls end together")
    latencies = asyncio.run(run(options))
    rows = {
        "segment's end to its analysis": latencies.segments,
        "stream's end to the call's result": latencies.calls,
    }
    for name, values in rows.items():
        p50, p99 = percentile(values, 50), percentile(values, 99)
        print(f"{name}: p50 {p50:.2f} s, p99 {p99:.2f} s, most {max(values):.2f} s ({len(values)})")
    return int(any(percentile(values, 99) >= LIMIT_SECONDS for values in rows.values()))


def create_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.latency",
        description="Measure how long a result takes after its audio's end, when many calls end "
        "together while transcripts are being made. See docs/performance.md.",
    )
    add = parser.add_argument
    add("--calls", type=int, default=30, help="calls that end together (default: %(default)s)")
    add("--before", type=int, default=4, help="calls that end first (default: %(default)s)")
    add(
        "--seconds",
        type=float,
        default=12.0,
        help="length of the calls (default: %(default)s)",
    )
    add(
        "--channels",
        choices=("mixed", "unmixed"),
        default="mixed",
        help="one segment at the end of each call, or one for each of its two participants "
        "(default: %(default)s)",
    )
    add(
        "--engine",
        choices=("slow", "whisper", "off"),
        default="slow",
        help="speech to text: a stand-in that needs no CPU, Whisper on this machine, or none "
        "(default: %(default)s)",
    )
    add(
        "--transcript-seconds",
        type=float,
        default=20.0,
        help="how long the stand-in takes for each chunk (default: %(default)s)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
