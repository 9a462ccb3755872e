"""The results: their table in docs/performance.md is that of results.json."""

from __future__ import annotations

import json
import platform
import sysconfig

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


@pytest.mark.parametrize(
    ("arguments", "suffix"),
    [
        ("'--enable-shared' '--enable-optimizations'", ""),
        ("'--enable-shared'", " without --enable-optimizations"),
        (None, " without --enable-optimizations"),
    ],
)
def test_the_results_say_whether_the_interpreter_is_optimized(
    monkeypatch: pytest.MonkeyPatch, arguments: str | None, suffix: str
) -> None:
    monkeypatch.setattr(sysconfig, "get_config_var", lambda _: arguments)
    assert report.describe_python() == platform.python_version() + suffix
