"""Tests mirror modules: a module with behaviour of its own has a test file of its name."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.test_architecture import ROOT, files

TESTED_ELSEWHERE = {
    # Run as programs, or as a part of the whole system.
    "benchmarks/__main__.py",
    "local/__main__.py",
    "local/demo.py",
    "local/emulator/__main__.py",
    "local/host/__main__.py",
    "streamer/__main__.py",
}


def has_behaviour(path: Path) -> bool:
    """Whether a module has a function or a method with more than declarations in it."""
    return any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(ast.parse(path.read_text()))
    )


MODULES = [
    path.relative_to(ROOT).as_posix()
    for path in files(".py")
    if path.name != "__init__.py" and has_behaviour(path)
]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_a_test_file_of_its_name(module: str) -> None:
    if module in TESTED_ELSEWHERE or module.startswith("functions/"):
        return
    path = Path(module)
    assert (ROOT / "tests" / path.parent / f"test_{path.name}").exists()
