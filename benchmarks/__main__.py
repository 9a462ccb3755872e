"""``make bench``: measures everything and writes docs/performance.md's table and results.json."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import get_args

from benchmarks import cold_start, receiver_run, report, segment_analysis
from benchmarks.comparison import compare, format_comparison
from benchmarks.receiver_run import ReceiverName, ReceiverRun

_MAX_LATENESS_MS = 100.0
_FIRST_STREAMS, _STREAMS_STEP, _MAX_STREAMS = 1000, 250, 3000
_SECONDS, _AGAINST_SECONDS = 90.0, 45.0
# Long enough for every stream to end a segment twice.
_CAPACITY_SECONDS = 65.0


def main() -> int:
    """Run. Returns 1 where a frame was lost, 2 where the benchmark cannot run."""
    options = create_parser().parse_args()
    if not sys.platform.startswith("linux") or (os.cpu_count() or 1) < 2:
        print("the benchmark needs Linux and two cores: one for the server, one for the load")
        return 2
    if options.against is not None:
        return _compare(options)
    return _measure_all(options)


def _compare(options: argparse.Namespace) -> int:
    other = options.against.resolve()
    seconds = options.seconds or _AGAINST_SECONDS
    try:
        comparison = compare(other, options.streams, seconds, options.rounds, _print_run)
    except ValueError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2
    print(format_comparison(comparison, other))
    return 1 if any(run.lost for run in comparison.this) else 0


def _measure_all(options: argparse.Namespace) -> int:
    seconds = options.seconds or _SECONDS
    runs: dict[ReceiverName, ReceiverRun] = {}
    for receiver in get_args(ReceiverName):
        print(f"{receiver}: {options.streams} streams, {seconds:g} s ...", flush=True)
        runs[receiver] = _print_run(receiver_run.measure(receiver, options.streams, seconds))
    capacity = _find_capacity(min(seconds, _CAPACITY_SECONDS))
    print("import of the function app ...", flush=True)
    imports = cold_start.measure()
    print("analysis of a segment ...", flush=True)
    results = report.create_results(runs, capacity, imports, segment_analysis.measure())
    print(report.format_table(results))
    if options.write:
        report.write(results)
        print("written: docs/performance.md, benchmarks/results.json")
    return 1 if results["frames_lost"] else 0


def _find_capacity(seconds: float) -> ReceiverRun:
    """Find the most streams on one core without loss and in time.

    Starts with a thousand, then goes up until a run fails, or down until one succeeds.
    """
    best: ReceiverRun | None = None
    streams = _FIRST_STREAMS
    while 0 < streams <= _MAX_STREAMS:
        print(f"streamer: {streams} streams, {seconds:g} s ...", flush=True)
        try:
            run = _print_run(receiver_run.measure("streamer", streams, seconds))
        except (RuntimeError, OSError) as error:
            print(f"  failed: {error}")
            run = None
        if run is not None and not run.lost and run.lateness_p99_ms < _MAX_LATENESS_MS:
            best = run
            if streams < _FIRST_STREAMS:
                break
            streams += _STREAMS_STEP
        elif best is not None:
            break
        else:
            streams -= _STREAMS_STEP
    if best is None:
        raise SystemExit(
            f"{_STREAMS_STEP} streams lose frames or are late: stop what else the machine runs"
        )
    return best


def _print_run(run: ReceiverRun) -> ReceiverRun:
    print(
        f"  {run.cpu_us_per_frame:.2f} us of CPU per frame, {run.core_share:.0%} of the core, "
        f"{run.lost} of {run.sent:,} frames lost, lateness {run.lateness_p50_ms:.1f} ms p50, "
        f"{run.lateness_p99_ms:.1f} ms p99, {run.kib_per_stream:.0f} KiB per stream "
        f"(the load was up to {run.load_lateness_ms:.0f} ms late itself)",
        flush=True,
    )
    return run


def create_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure CPU per frame, streams per core, cold start and analysis (ten "
        "minutes), or compare the streamers of two checkouts. See docs/performance.md.",
    )
    parser.add_argument(
        "--streams", type=int, default=300, help="streams in each run (default: %(default)s)"
    )
    parser.add_argument(
        "--seconds",
        type=float,
        help=f"length of each run (default: {_SECONDS:g}; with --against {_AGAINST_SECONDS:g})",
    )
    parser.add_argument(
        "--no-write",
        dest="write",
        action="store_false",
        help="do not change docs/performance.md and results.json",
    )
    parser.add_argument(
        "--against",
        type=Path,
        metavar="PATH",
        help="only compare with the streamer of the checkout in PATH",
    )
    parser.add_argument(
        "--rounds",
        type=int,
        default=2,
        help="with --against: runs of each checkout, in turns (default: %(default)s)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
