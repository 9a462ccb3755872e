"""Reference labels: who spoke when, independently of the detector under test.

Real meetings come with labels made by people (RTTM). For files with one reader, the level of the
clean original decides; the same labels then hold for its noisy and quiet versions. The threshold
follows ITU-T P.56, whose speech level meter takes a signal for active above 15.9 dB below its
active level. That level is about 4 dB below the 95th percentile used here.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from benchmarks.accuracy.sounds import RATE
from calls.results.voice_activity import BRIDGED_MS, SHORTEST_MS, Span, bridge_pauses

BELOW_PEAK_DB = 20.0
"""Speech is at most this far below the 95th percentile of the level."""
WINDOW_MS = 20


def label_by_level(samples: np.ndarray, below_db: float = BELOW_PEAK_DB) -> list[Span]:
    """Label the speech of a clean recording of one reader, by its level in windows of 20 ms.

    As in the timeline, pauses under 500 ms belong to the speech, and shorter speech than 90 ms is
    dropped.
    """
    levels = window_levels(samples)
    is_speech = levels > np.percentile(levels, 95) - below_db
    spans = [(i * WINDOW_MS, (i + 1) * WINDOW_MS) for i in np.flatnonzero(is_speech).tolist()]
    joined = bridge_pauses(spans, BRIDGED_MS)
    return [(start, end) for start, end in joined if end - start >= SHORTEST_MS]


def window_levels(samples: np.ndarray) -> np.ndarray:
    """The level of each whole window of 20 ms, in dBFS; digital silence is at -120."""
    size = RATE * WINDOW_MS // 1000
    powers = np.mean(samples[: len(samples) // size * size].reshape(-1, size) ** 2, axis=1)
    levels: np.ndarray = 10 * np.log10(powers + 1e-12)
    return levels


def active_level(samples: np.ndarray) -> float:
    """The root mean square of the windows with speech."""
    levels = window_levels(samples)
    active = levels[levels > np.percentile(levels, 95) - BELOW_PEAK_DB]
    return float(np.sqrt(np.mean(10 ** (active / 10))))


def read_rttm(file: Path) -> dict[str, list[Span]]:
    """Read an RTTM file: each recording's spans in milliseconds, of all speakers together."""
    labels: dict[str, list[Span]] = {}
    for line in file.read_text().splitlines():
        kind, name, _, start, length, *_ = line.split()
        if kind == "SPEAKER":
            start_ms = round(float(start) * 1000)
            labels.setdefault(name, []).append((start_ms, start_ms + round(float(length) * 1000)))
    return {name: bridge_pauses(sorted(spans), 1) for name, spans in labels.items()}


def agreement(spans: Iterable[Span], reference: Iterable[Span], length_ms: int) -> float:
    """The share of time with the same decision, speech or not, in two lists of spans."""
    same = _per_millisecond(spans, length_ms) == _per_millisecond(reference, length_ms)
    return float(np.mean(same))


def _per_millisecond(spans: Iterable[Span], length_ms: int) -> np.ndarray:
    is_speech = np.zeros(length_ms, dtype=bool)
    for start, end in spans:
        is_speech[start:end] = True
    return is_speech
