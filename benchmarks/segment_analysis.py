"""Measures how many times faster than real time a segment of speech is analysed, in CPU time."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from calls.results.analysis import analyse
from contract import wav
from contract.names import SegmentName

_CONVERSATION = Path(__file__).parents[1] / "local" / "conversation"
_SEGMENT_SECONDS = 30
_RUNS = 5


class AnalysisSpeed(NamedTuple):
    """The best of several runs."""

    segment_seconds: float
    cpu_ms: float
    times_real_time: float


def measure(runs: int = _RUNS) -> AnalysisSpeed:
    """Analyse the demo conversation, repeated to the default length of a segment."""
    file = min(_CONVERSATION.glob("*.wav")).read_bytes()
    rate = wav.parse(file).sample_rate
    samples = wav.samples(file)
    size = _SEGMENT_SECONDS * rate * 2
    pcm = (samples * (size // len(samples) + 1))[:size]
    segment = wav.header(rate, size) + pcm
    name = SegmentName("call", "20260301T120000000Z-0a1b2c3d", "mixed", datetime.now(UTC))
    best = min(_cpu_seconds(name, segment) for _ in range(runs))
    return AnalysisSpeed(_SEGMENT_SECONDS, best * 1000, _SEGMENT_SECONDS / best)


def _cpu_seconds(name: SegmentName, segment: bytes) -> float:
    start = time.process_time()
    analyse(name, segment)
    return time.process_time() - start
