"""The table of ``make accuracy``."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.accuracy import report
from benchmarks.accuracy.detection import Agreement, Interruptions
from benchmarks.accuracy.report import Results
from benchmarks.accuracy.words import WordErrors

RESULTS = Results(
    [
        Agreement("clean", 0.9712, 0.98, 0.9, 0, 9),
        Agreement("20 dB of noise", 0.9501, 0.94, 0.9, 1, 9),
        Agreement("20 dB down", 0.5, 0.5, 0.5, 4, 9),
    ],
    {"hum": 0.02, "fan": 0.021},
    [Interruptions("clean", 1, 1, 0), Interruptions("30 dB down", 1, 0, 2)],
    [WordErrors("clean", 0.05)],
    {"hum, -20 dBFS": "You"},
)


def test_each_result_is_compared_with_its_target() -> None:
    table = report.create_table(RESULTS)
    assert "| clean | 97.1 % | 98.0 % | 90.0 % | 0 of 9 | ≥ 97 % | yes |" in table
    assert "| 20 dB of noise | 95.0 % | 94.0 % | 90.0 % | 1 of 9 | ≥ 96 % | **no** |" in table
    assert "| 20 dB down | 50.0 % | 50.0 % | 50.0 % | 4 of 9 |  |  |" in table
    assert "| hum | 2.0 % | ≤ 2 % | yes |" in table
    assert "| 30 dB down | 1 | 0 | 2 | 0 false | **no** |" in table
    assert "| clean | 5.0 % |" in table
    assert "hum, -20 dBFS: “You”" in table
    assert report.missed_targets(RESULTS) == [
        "20 dB of noise",
        "fan",
        "interruptions, 30 dB down",
        "words in hum, -20 dBFS",
    ]


def test_what_was_left_out_has_no_table() -> None:
    table = report.create_table(Results([], {"hum": 0.0}, [], [], None))
    assert "hum" in table
    assert "agreement" not in table
    assert "Whisper" not in table


def test_the_table_is_written_between_its_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- accuracy:begin -->\nold\n<!-- accuracy:end -->\nb\n")
    report.write_table(page, "new \\1")
    assert page.read_text() == "a\n<!-- accuracy:begin -->\nnew \\1\n<!-- accuracy:end -->\nb\n"
    page.write_text("a")
    with pytest.raises(ValueError, match="no marks"):
        report.write_table(page, "new")
