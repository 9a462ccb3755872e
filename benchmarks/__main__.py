"""``make bench``: measure everything, print it, and write the README's table and results.json."""

from __future__ import annotations

import argparse
import os
import sys

from benchmarks import analysing, cold_start, receiving, report
from benchmarks.receiving import Receiving

_MOST_LATENESS_MS = 100.0
_FIRST_TRY, _STEP, _LAST_TRY = 1000, 250, 3000
# Long enough for every stream to cut its segments twice.
_CAPACITY_SECONDS = 65.0


def main() -> int:
    """Run. Returns 1 where a frame was lost."""
    arguments = _parser().parse_args()
    if not sys.platform.startswith("linux") or (os.cpu_count() or 1) < 2:
        print("the benchmark needs Linux and two cores: one for the server, one for the load")
        return 2
    runs = {}
    for receiver in ("samples", "floor", "ours"):
        print(f"{receiver}: {arguments.streams} streams, {arguments.seconds:.0f} s ...", flush=True)
        runs[receiver] = _shown(receiving.measure(receiver, arguments.streams, arguments.seconds))
    capacity = _capacity(min(arguments.seconds, _CAPACITY_SECONDS))
    print("import ...", flush=True)
    cold = cold_start.measure()
    print("analysis ...", flush=True)
    found = report.results(runs, capacity, cold, analysing.measure())
    print(report.table(found))
    if arguments.write:
        report.write(found)
        print("written: README.md, benchmarks/results.json")
    return 1 if found["frames_lost"] else 0


def _capacity(seconds: float) -> Receiving:
    """The most streams that were carried without loss and in time.

    Starts at a thousand, goes up until one fails, or down until one succeeds.
    """
    best: Receiving | None = None
    streams = _FIRST_TRY
    while 0 < streams <= _LAST_TRY:
        print(f"ours: {streams} streams, {seconds:.0f} s ...", flush=True)
        try:
            run = _shown(receiving.measure("ours", streams, seconds))
        except (RuntimeError, OSError) as error:
            print(f"  failed: {error}")
            run = None
        good = run is not None and not run.lost and run.lateness_p99_ms < _MOST_LATENESS_MS
        if run is not None and good:
            best = run
            if streams < _FIRST_TRY:
                break
            streams += _STEP
        elif best is not None:
            break
        else:
            streams -= _STEP
    if best is None:
        raise SystemExit(f"not even {_STEP} streams were carried in time: is the machine busy?")
    return best


def _shown(run: Receiving) -> Receiving:
    print(
        f"  {run.cpu_us_per_frame:.2f} us of CPU a frame, {run.cpu_share:.0%} of the core, "
        f"{run.lost} of {run.sent:,} frames lost, lateness {run.lateness_p50_ms:.1f} ms p50, "
        f"{run.lateness_p99_ms:.1f} ms p99, {run.kib_per_stream:.0f} KiB a stream "
        f"(the load itself was at most {run.load_behind_ms:.0f} ms behind)",
        flush=True,
    )
    return run


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--streams", type=int, default=300, help="streams of the comparison [300]")
    parser.add_argument("--seconds", type=float, default=90.0, help="of the comparison's runs [90]")
    parser.add_argument(
        "--no-write", dest="write", action="store_false", help="leave README and results.json alone"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
