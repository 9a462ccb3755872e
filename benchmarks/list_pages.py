"""``python -m benchmarks.list_pages``: pages of the list of 10,000 and 100,000 calls, over HTTP.

Azurite and the app run as they do locally. The calls are made, not placed: their records and the
day files of the index are written at once. Then each filter's pages are read one after another, as
a client follows them. It leaves out the network, and other requests at the same time.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import random
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from aiohttp import ClientSession
from azure.storage.blob.aio import BlobServiceClient

from benchmarks.process_stats import cpu_seconds
from benchmarks.report import describe_machine
from calls import blobs
from calls.index.rows import day_of, row_of
from calls.records.change_log import Checkpoint
from calls.records.model import CallRecord, Summary, Talk
from calls.storage import Storage
from local.azurite import Azurite
from local.child_process import ChildProcess
from local.ports import free_ports
from local.up import ROOT

P95_LIMIT_MS = 300.0
RATIO_LIMIT = 1.5
KEY = "the-function-key"

FILTERS = {
    "newest first": "",
    "oldest first": "sort=created_at",
    "longest first": "sort=-duration",
    "shortest first": "sort=duration",
    "state": "state=disconnected",
    "state, few calls": "state=failed",
    "result_state": "result_state=partial",
    "direction": "direction=incoming",
    "participant, few calls": "participant=%2B15550000042",
    "participant, many calls": "participant=%2B15560000007",
    "name": "participant=support",
    "from, until": "from=2026-02-01T00:00:00Z&until=2026-03-01T00:00:00Z",
    "tag": "tag=VIP",
    "two tags": "tag=VIP&tag=sale",
    "min_duration": "min_duration=60",
    "min_duration, few calls": "min_duration=1500",
    "seven filters": "state=disconnected&result_state=final&direction=incoming&participant=support"
    "&tag=VIP&min_duration=60&from=2026-01-15T00:00:00Z&sort=-duration",
}

_DAYS = 100
_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_AT_ONCE = 32


class Pages(NamedTuple):
    """The times of a filter's pages, and the CPU time of the app for one, in milliseconds."""

    p50: float
    p95: float
    cpu: float


class Run(NamedTuple):
    """What was measured with a number of calls."""

    calls: int
    first_ms: float
    pages: dict[str, Pages]


def main() -> int:
    """Measure, and print. Returns 1 if a goal was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.list_pages")
    parser.add_argument("--calls", type=int, nargs=2, default=[10_000, 100_000])
    parser.add_argument("--pages", type=int, default=100, help="of each filter")
    parser.add_argument(
        "--records", type=int, help="write so many records only: no page reads one (default: all)"
    )
    options = parser.parse_args()
    few, many = (
        asyncio.run(measure(calls, options.records or calls, options.pages))
        for calls in options.calls
    )
    print(format_table(few, many))
    print(describe_machine())
    is_reached = all(
        many.pages[name].p95 < P95_LIMIT_MS
        and many.pages[name].cpu < RATIO_LIMIT * few.pages[name].cpu
        for name in FILTERS
    )
    return 0 if is_reached else 1


async def measure(calls: int, records: int, pages: int) -> Run:
    """Make the calls, start the app, and read pages of each filter."""
    with Azurite() as azurite, tempfile.TemporaryDirectory() as log_dir:
        started = time.perf_counter()
        await make_calls(azurite.connection_string, calls, records)
        print(f"{calls} calls made in {time.perf_counter() - started:.0f} s", flush=True)
        (port,) = free_ports(1)
        url = f"http://127.0.0.1:{port}"
        app = await _start_app(azurite, url, port, Path(log_dir))
        try:
            async with ClientSession(headers={"x-functions-key": KEY}) as client:
                started = time.perf_counter()
                await _get(client, f"{url}/api/v1/calls?limit=1")
                first_ms = (time.perf_counter() - started) * 1000
                return Run(
                    calls,
                    first_ms,
                    {
                        name: await _read_pages(client, app.process.pid, url, query, pages)
                        for name, query in FILTERS.items()
                    },
                )
        finally:
            await app.stop()


async def make_calls(connection_string: str, calls: int, records: int) -> None:
    """Write the index of calls, and the first records."""
    source = random.Random(calls)
    days: dict[str, list[bytes]] = defaultdict(list)
    async with BlobServiceClient.from_connection_string(connection_string) as service:
        storage = Storage(service)
        await storage.create_containers()
        limit = asyncio.Semaphore(_AT_ONCE)

        async def write(record: CallRecord) -> None:
            async with limit:
                blob = blobs.call_blob(record.call_connection_id)
                await storage.put(blobs.CALLS, blob, msgspec.json.encode(record))

        for start in range(0, calls, 1000):
            last = min(start + 1000, calls)
            batch = [create_record(n, calls, source) for n in range(start, last)]
            await asyncio.gather(*map(write, batch[: max(0, records - start)]))
            for record in batch:
                row = row_of(record)
                days[day_of(row.created_at)].append(row.content)
        for day, lines in days.items():
            content = gzip.compress(b"".join(line + b"\n" for line in lines), 1)
            await storage.put(blobs.INDEX, blobs.day_blob(day), content)
        checkpoint = msgspec.json.encode(Checkpoint(days=sorted(days)))
        await storage.put(blobs.INDEX, blobs.CHECKPOINT, checkpoint)


def create_record(number: int, calls: int, source: random.Random) -> CallRecord:
    """Return a call as an assembled one is, on one of a hundred days."""
    created_at = _BEGIN + timedelta(days=_DAYS) * (number / calls)
    # Five calls of each number, however many calls there are: a page costs by what is on it.
    customer = f"4:+1555{number % max(1, calls // 5):07d}"
    agent = f"4:+1556{source.randrange(50):07d}"
    connected_at = created_at + timedelta(seconds=5)
    record = CallRecord(
        call_connection_id=f"{source.getrandbits(128):032x}",
        revision=12,
        created_at=created_at,
        origin_known=True,
        direction=source.choice(["outgoing", "incoming"]),
        to=customer[2:],
        from_=agent[2:],
        participants=[customer, agent],
        names={customer: f"Customer {source.randrange(max(1, calls // 5))}", agent: "Support"},
        channels="unmixed",
        sample_rate=16_000,
        locales=["en-US"],
        tags=source.sample(["VIP", "sale", "complaint"], source.randrange(3)),
        connected_at=connected_at,
        ended_at=connected_at + timedelta(seconds=source.expovariate(1 / 200)),
        finalized=True,
        summary=Summary(
            streams=1,
            segments=20,
            missing_segments=0,
            audio_ms=400_000.0,
            speech_ms=120_000.0,
            speech_share=0.6,
            lost_ms=0.0,
            recording_sha256=f"{source.getrandbits(256):064x}",
            talk=[
                Talk(track="p1", participant=customer, speech_ms=60_000, talk_share=0.5),
                Talk(track="p2", participant=agent, speech_ms=60_000, talk_share=0.5),
            ],
        ),
    )
    record.state = "failed" if source.random() < 0.04 else "disconnected"
    record.result_state = "partial" if source.random() < 0.05 else "final"
    return record


async def _start_app(azurite: Azurite, url: str, port: int, log_dir: Path) -> ChildProcess:
    environment = {
        "AzureWebJobsStorage": azurite.connection_string,
        "AudioStorage": azurite.connection_string,
        "ACS_ENDPOINT": "http://127.0.0.1:9",
        "ACS_ACCESS_KEY": "AAAA",
        "CALLBACK_URL": url,
        "CALLBACK_TOKEN_CHECK": "off",
        "STREAMER_URL": "ws://127.0.0.1:9",
        "FUNCTION_KEY": KEY,
    }
    command = ["-m", "local.host", "--port", str(port), "--app-dir", str(ROOT)]
    app = await ChildProcess.launch(
        "app", command, environment, f"{url}/admin/host/ping", cwd=ROOT, log_dir=log_dir
    )
    await app.wait_until_healthy()
    return app


async def _read_pages(client: ClientSession, pid: int, url: str, query: str, pages: int) -> Pages:
    """Follow the pages of a filter; begin again at the end."""
    first = f"{url}/api/v1/calls?{query}"
    address, times, cpu_before = first, [], cpu_seconds(pid)
    for _ in range(pages):
        started = time.perf_counter()
        page = await _get(client, address)
        times.append((time.perf_counter() - started) * 1000)
        cursor = page["cursor"]
        address = f"{first}&cursor={cursor}" if cursor else first
    cpu = (cpu_seconds(pid) - cpu_before) * 1000 / pages
    return Pages(statistics.median(times), statistics.quantiles(times, n=20)[-1], cpu)


async def _get(client: ClientSession, address: str) -> Any:
    async with client.get(address) as response:
        if response.status != 200:
            raise RuntimeError(f"the app answers {response.status}: {await response.text()}")
        return await response.json()


def format_table(few: Run, many: Run) -> str:
    """Return what two runs measured, as a table."""
    lines = [
        f"| page of 20: p50, p95, CPU | {few.calls:,} calls | {many.calls:,} calls | CPU's ratio |",
        "| --- | --- | --- | --- |",
        f"| first request of a process | {few.first_ms:.0f} ms | {many.first_ms:.0f} ms | |",
    ]
    for name, pages in many.pages.items():
        ratio = pages.cpu / few.pages[name].cpu
        lines.append(f"| {name} | {_show(few.pages[name])} | {_show(pages)} | {ratio:.2f} |")
    return "\n".join(lines)


def _show(pages: Pages) -> str:
    return f"{pages.p50:.1f}, {pages.p95:.1f}, {pages.cpu:.1f} ms"


if __name__ == "__main__":
    sys.exit(main())
