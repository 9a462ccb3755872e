"""docs/compliance.md names only what exists, and claims nothing that no test holds."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import calls.settings
import configuration
import streamer.settings
from calls.principals import ROLES
from tests.security.conftest import http_functions

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "compliance.md").read_text()
ROWS = [
    [cell.strip() for cell in line.split("|")[1:-1]]
    for line in TEXT.splitlines()
    if line.startswith("| ") and not line.startswith(("| ---", "| what is asked", "| article"))
]
TESTS = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)))
BY_HAND = "recordings are plain files in your storage account"
"""The only claim that nothing holds: it is what Blob Storage is."""


@cache
def functions_of(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


@pytest.mark.parametrize(("path", "name"), TESTS)
def test_the_test_that_is_named_exists(path: str, name: str) -> None:
    assert name in functions_of(path)


def test_every_sentence_is_held_by_something() -> None:
    assert len(ROWS) > 25
    for row in ROWS:
        assert len(row) == 4, row[0]
        asked, does, held, _ = row
        assert asked
        assert "::" in held or does == BY_HAND, asked


def test_the_sections_are_those_that_a_bank_and_a_hospital_ask_for() -> None:
    assert re.findall(r"^## (.+)$", TEXT, re.MULTILINE) == [
        "Consent",
        "PCI DSS",
        "GDPR",
        "HIPAA",
        "MiFID II",
    ]


def test_the_settings_and_parameters_that_are_named_exist() -> None:
    rows = [
        *configuration.table(calls.settings.Settings, calls.settings.SPELLED),
        *configuration.table(streamer.settings.Settings),
    ]
    settings = {row.variable for row in rows}
    templates = "".join(file.read_text() for file in (ROOT / "infra").glob("*.bicep*"))
    for name in re.findall(r"`([A-Z]+(?:_[A-Z]+)*)(?:=\w+)?`", TEXT):
        assert name in settings or f"'{name}'" in templates, name
    for parameter in re.findall(r"`([a-z]+[A-Z]\w+)`", TEXT):
        assert f"param {parameter} " in templates, parameter


def test_the_routes_that_are_named_exist() -> None:
    served = {f"{function.method} /api/{function.route}" for function in http_functions()}
    named = set(re.findall(r"`((?:GET|POST|PUT|DELETE) /api/[^`?]*)[?`]", TEXT))
    assert named
    assert named <= served


def test_the_roles_that_are_named_exist() -> None:
    for role in re.findall(r"the role (\w+)", TEXT):
        assert role in ROLES
