"""The measurement of the analysis: of a whole segment, in CPU time."""

from __future__ import annotations

import pytest

from benchmarks import segment_analysis
from contract import wav
from contract.names import SegmentName


def test_speed_is_the_segment_s_length_by_its_cpu_time() -> None:
    speed = segment_analysis.measure(runs=1)
    assert speed.segment_seconds == 30
    assert speed.cpu_ms > 0
    assert speed.times_real_time == pytest.approx(30_000 / speed.cpu_ms)


def test_the_best_run_of_a_whole_segment_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([0.3, 0.1, 0.2])

    def cpu_seconds(name: SegmentName, segment: bytes) -> float:
        rate = wav.parse(segment).sample_rate
        assert len(wav.samples(segment)) == 30 * rate * 2
        return next(seconds)

    monkeypatch.setattr(segment_analysis, "_cpu_seconds", cpu_seconds)
    assert segment_analysis.measure(runs=3) == (30, 100.0, 300.0)
