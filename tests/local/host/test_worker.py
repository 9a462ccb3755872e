"""Indexing: what a broken app answers, and which triggers the host has."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from local.host.host import require_supported
from local.host.worker import Function, IndexingError, InvocationError, log_failure

ROOT = Path(__file__).parents[3]


def test_a_broken_app_ends_the_host_with_the_app_s_traceback(tmp_path: Path) -> None:
    (tmp_path / "host.json").write_text("{}")
    (tmp_path / "function_app.py").write_text("import a_missing_module\n")
    result = subprocess.run(
        [sys.executable, "-m", "local.host", "--app-dir", str(tmp_path), "--port", "0"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert result.returncode == 1
    assert "cannot index the app" in result.stderr
    assert "a_missing_module" in result.stderr


def test_an_unsupported_trigger_is_named() -> None:
    function = Function("1", "hub", {"type": "eventHubTrigger", "name": "event"})
    with pytest.raises(IndexingError, match=r"hub: .*eventHubTrigger.*func start"):
        require_supported([function])


def test_a_failure_is_one_event_and_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    function = Function("1", "analyse", {"type": "blobTrigger", "name": "blob"})
    with caplog.at_level(logging.ERROR):
        log_failure(function, InvocationError("Traceback\n  File x\nKeyError: 'a'\n"), attempt=2)
    (record,) = caplog.records
    assert (
        record.getMessage() == "function_failed function=analyse attempt=2 error=\"KeyError: 'a'\""
    )
    assert record.exc_info
