"""The results: their table in docs/performance.md is that of results.json."""

from __future__ import annotations

import json

import pytest

from benchmarks import report


def test_the_document_has_the_results_of_the_last_run() -> None:
    results = json.loads(report.RESULTS.read_text())
    text = report.DOCUMENT.read_text()
    assert report.replace_table(text, report.format_table(results)) == text


def test_the_table_is_replaced_and_the_rest_kept() -> None:
    text = f"before\n{report.BEGIN}old\n{report.END}\nafter"
    replaced = report.replace_table(text, "new\n")
    assert replaced == f"before\n{report.BEGIN}new\n{report.END}\nafter"
    assert report.replace_table(replaced, "old\n") == text
    with pytest.raises(ValueError, match="bench:begin"):
        report.replace_table("no markers", "new")
