"""Compares the streamers of two checkouts in one run, in turns: both meet the same noise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks.receiver_process import ROOT
from benchmarks.receiver_run import ReceiverRun, measure

_MAX_LOAD_LATENESS_MS = 100.0


class Comparison(NamedTuple):
    """The runs of this checkout and of the other one, in turns."""

    this: list[ReceiverRun]
    other: list[ReceiverRun]

    @property
    def this_us_per_frame(self) -> float:
        """CPU microseconds per frame of this checkout, over all its runs."""
        return _us_per_frame(self.this)

    @property
    def other_us_per_frame(self) -> float:
        """CPU microseconds per frame of the other checkout, over all its runs."""
        return _us_per_frame(self.other)

    @property
    def ratio(self) -> float:
        """The CPU per frame of this checkout, divided by the other's."""
        return self.this_us_per_frame / self.other_us_per_frame


def compare(
    other: Path,
    streams: int,
    seconds: float,
    rounds: int,
    show: Callable[[ReceiverRun], ReceiverRun],
) -> Comparison:
    """Measure this checkout and the one in ``other``, ``rounds`` times each, in turns.

    Raises RuntimeError, OSError, and ValueError where ``other`` has no streamer.
    """
    if not (other / "streamer" / "__main__.py").is_file():
        raise ValueError(f"{other} is not a checkout: it has no streamer/__main__.py")
    comparison = Comparison([], [])
    for number in range(1, rounds + 1):
        for label, checkout, runs in (
            ("this checkout", ROOT, comparison.this),
            ("the other checkout", other, comparison.other),
        ):
            print(
                f"{number} of {rounds}, {label}: {streams} streams, {seconds:g} s ...", flush=True
            )
            runs.append(show(measure("streamer", streams, seconds, checkout)))
    return comparison


def format_comparison(comparison: Comparison, other: Path) -> str:
    """The result as text: CPU per frame of both, each run, and the ratio."""
    lines = [
        f"{label:28} {mean:6.2f} us of CPU per frame  "
        f"({', '.join(f'{run.cpu_us_per_frame:.2f}' for run in runs)})"
        for label, mean, runs in (
            ("this checkout", comparison.this_us_per_frame, comparison.this),
            (str(other), comparison.other_us_per_frame, comparison.other),
        )
    ]
    lines.append(f"ratio, this to the other: {comparison.ratio:.3f}")
    load_lateness_ms = max(run.load_lateness_ms for run in comparison.this + comparison.other)
    if load_lateness_ms > _MAX_LOAD_LATENESS_MS:
        lines.append(
            f"warning: the load was up to {load_lateness_ms:.0f} ms late itself. Late frames come "
            "in batches, which cost less: stop what else the machine runs, then measure again"
        )
    return "\n".join(lines)


def _us_per_frame(runs: list[ReceiverRun]) -> float:
    return sum(r.cpu_us_per_frame * r.sent for r in runs) / sum(r.sent for r in runs)
