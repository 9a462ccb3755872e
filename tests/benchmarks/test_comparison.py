"""The comparison of two checkouts: their turns, the ratio, and a folder without a streamer."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import comparison
from benchmarks.comparison import Comparison, compare, format_comparison
from benchmarks.receiver_process import ROOT
from benchmarks.receiver_run import ReceiverRun


def make_run(us: float, load_lateness_ms: float = 1.0) -> ReceiverRun:
    return ReceiverRun("streamer", 1, 100, 0, us, 0.5, 1.0, 1.0, 1.0, load_lateness_ms)


def test_checkouts_are_measured_in_turns(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "streamer").mkdir()
    (tmp_path / "streamer" / "__main__.py").touch()
    checkouts = []
    costs = iter([12.0, 10.0, 14.0, 10.0])

    def measure(receiver: str, streams: int, seconds: float, checkout: Path) -> ReceiverRun:
        checkouts.append(checkout)
        return make_run(next(costs))

    monkeypatch.setattr(comparison, "measure", measure)
    compared = compare(tmp_path, 300, 45.0, 2, lambda run: run)
    assert checkouts == [ROOT, tmp_path, ROOT, tmp_path]
    assert (compared.this_us_per_frame, compared.other_us_per_frame) == (13.0, 10.0)
    text = format_comparison(compared, tmp_path)
    assert "13.00 us of CPU per frame  (12.00, 14.00)" in text
    assert text.endswith("ratio, this to the other: 1.300")


def test_a_folder_without_a_streamer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a checkout"):
        compare(tmp_path, 1, 1.0, 1, lambda run: run)


def test_a_late_load_is_a_warning() -> None:
    late = Comparison([make_run(1.0)], [make_run(1.0, load_lateness_ms=400.0)])
    assert "warning: the load was up to 400 ms late itself" in format_comparison(late, ROOT)
    in_time = Comparison([make_run(1.0)], [make_run(1.0)])
    assert "warning" not in format_comparison(in_time, ROOT)
