"""Recordings for tests: the demo conversation in the place of real readers."""

from __future__ import annotations

import numpy as np

from benchmarks.accuracy.detection import Recording
from benchmarks.accuracy.sounds import RATE
from tests.calls.sample_streams import TRUTH, conversation


def demo_recording(name: str, side: str, first: int = 0, last: int = 3) -> Recording:
    """Some of the utterances of one side, with half a second of silence on both sides."""
    samples = np.frombuffer(conversation(side), dtype="<i2") / 32_768
    spans = [(u["start_ms"], u["end_ms"]) for u in TRUTH["utterances"] if u["who"] == side]
    spans = spans[first:last]
    start, end = spans[0][0] - 500, spans[-1][1] + 500
    return Recording(
        name,
        samples[start * RATE // 1000 : end * RATE // 1000],
        [(from_ms - start, to_ms - start) for from_ms, to_ms in spans],
    )
