"""Measures what receiving costs: the receiver on one core, the load on the other.

CPU time is that of the receiver's whole process, from the first frame until it is done (for the
streamer: until Blob Storage has the last segment). Memory is the process's peak above what it used
before the first stream.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

from benchmarks import process_stats
from benchmarks.receiver_process import (
    LOAD_CORE,
    ROOT,
    start_counting_receiver,
    start_streamer,
)

ReceiverName = Literal["microsoft_sample", "counting_only", "counting_batched", "streamer"]


class ReceiverRun(NamedTuple):
    """One run of a receiver with paced streams of 50 frames a second each."""

    receiver: ReceiverName
    streams: int
    sent: int
    lost: int
    cpu_us_per_frame: float
    core_share: float
    kib_per_stream: float
    lateness_p50_ms: float
    lateness_p99_ms: float
    load_lateness_ms: float


def measure(
    receiver: ReceiverName, streams: int, seconds: float, checkout: Path = ROOT
) -> ReceiverRun:
    """Run a receiver under the load; ``checkout`` is the folder of the streamer to run.

    Raises RuntimeError, OSError.
    """
    start = (
        start_streamer(streams, checkout)
        if receiver == "streamer"
        else start_counting_receiver(receiver)
    )
    with start as running:
        pid = running.process.pid
        load = _start_load(running.port, streams, seconds)
        assert load.stdin is not None and load.stdout is not None
        try:
            idle_kib = process_stats.resident_kib(pid)
            _read_line(load.stdout)
            start_time, start_cpu = time.perf_counter(), process_stats.cpu_seconds(pid)
            print("go", file=load.stdin, flush=True)
            _read_line(load.stdout)
            cpu = process_stats.cpu_seconds(pid) - start_cpu
            core_share = cpu / (time.perf_counter() - start_time)
            print("close", file=load.stdin, flush=True)
            report = _read_line(load.stdout)
        finally:
            load.kill()
            load.wait()
        received = running.finish()
        if receiver in ("counting_only", "counting_batched"):
            # They do not decode, so they count each stream's AudioMetadata too.
            received -= streams
    return ReceiverRun(
        receiver=receiver,
        streams=streams,
        sent=report["sent"],
        lost=report["sent"] - received,
        cpu_us_per_frame=(running.cpu_seconds - start_cpu) / report["sent"] * 1e6,
        core_share=core_share,
        kib_per_stream=(running.peak_kib - idle_kib) / streams,
        lateness_p50_ms=report["lateness_ms"]["p50"],
        lateness_p99_ms=report["lateness_ms"]["p99"],
        load_lateness_ms=report["load_lateness_ms"],
    )


def _start_load(port: int, streams: int, seconds: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            *("taskset", "-c", str(LOAD_CORE), sys.executable, "-m", "benchmarks.load"),
            *(str(port), str(streams), str(seconds)),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def _read_line(stream: IO[str]) -> Any:
    line = stream.readline()
    if not line:
        raise RuntimeError("the load ended early; see its error above")
    return json.loads(line)
