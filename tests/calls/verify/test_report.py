"""The report as it is printed."""

from __future__ import annotations

import pytest

from calls.verify.report import Report, format_ms


def test_the_verdict_is_the_last_line() -> None:
    report = Report("call-1")
    report.checks.append("1 of 1 manifests")
    report.losses.append("3 frames")
    assert report.lines() == [
        "call call-1",
        "  checked: 1 of 1 manifests",
        "  lost:    3 frames",
        "proven: the recording is what was streamed",
    ]
    report.differences.append("segments/a is missing")
    assert report.lines()[-2:] == [
        "  DIFFERS: segments/a is missing",
        "not proven: 1 difference",
    ]
    report.differences.append("segments/b is missing")
    assert report.lines()[-1] == "not proven: 2 differences"


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(0, "0:00:00.000"), (5240.4, "0:00:05.240"), (36_000_001, "10:00:00.001")],
)
def test_positions(milliseconds: float, text: str) -> None:
    assert format_ms(milliseconds) == text
