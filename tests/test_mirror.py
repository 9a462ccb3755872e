"""Tests mirror modules: a module with behaviour of its own has a test file of its name."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.test_architecture import ROOT, files

TESTED_ELSEWHERE = {
    # Run as programs, or as a part of the whole system.
    "benchmarks/__main__.py",
    "benchmarks/accuracy/__main__.py",
    "benchmarks/soak/__main__.py",
    "local/__main__.py",
    "local/emulator/__main__.py",
    "local/host/__main__.py",
    "streamer/__main__.py",
    # Starts the receivers: tests/benchmarks/test_receiver_run.py runs two of them with it.
    # Only `make bench` runs the third, the streamer, which takes seconds.
    "benchmarks/receiver_process.py",
    # A protocol: mypy holds the engines to it, and test_whisper.py and test_azure_speech.py in
    # tests/calls/transcripts test what they do.
    "calls/transcripts/engine.py",
    # The same: tests/calls/search/test_local_search.py and test_azure_search.py.
    "calls/search/engine.py",
    # Made the audio once, with espeak-ng and sox: tests/calls/results/test_voice_activity.py and
    # tests/calls/transcripts/test_whisper.py, among others, compare it with truth.json.
    "local/conversation/make_conversation.py",
}


def has_behaviour(path: Path) -> bool:
    """Whether a module has a function or a method with more than declarations in it."""
    return any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(ast.parse(path.read_text()))
    )


def mirror(module: str) -> Path:
    """The test file of a module's name."""
    path = Path(module)
    return ROOT / "tests" / path.parent / f"test_{path.name}"


MODULES = [
    path.relative_to(ROOT).as_posix()
    for path in files(".py")
    if path.name != "__init__.py" and has_behaviour(path)
]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_a_test_file_of_its_name(module: str) -> None:
    if module in TESTED_ELSEWHERE or module.startswith("functions/"):
        return
    assert mirror(module).exists()


@pytest.mark.parametrize("module", sorted(TESTED_ELSEWHERE))
def test_an_exception_is_needed(module: str) -> None:
    assert module in MODULES
    assert not mirror(module).exists()
