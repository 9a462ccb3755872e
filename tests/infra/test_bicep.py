"""The check of the Bicep files finds every kind of problem; with the real CLI."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from infra import bicep

from .bicep_server import BicepServer

# The CLI takes seconds, and more on a busy machine.
pytestmark = pytest.mark.timeout(400)

PROBLEMS = [
    ("modules/storage.bicep", "name: name", "name:  name", "not formatted"),
    ("subscriptions.bicepparam", "answerCalls = ", "answerCalls =  ", "not formatted"),
    ("modules/registry.bicep", "adminUserEnabled", "adminUser", "BCP037"),
    ("modules/communication.bicep", "@2025-09-01", "@2023-03-31", "use-recent-api-versions"),
    ("main.bicepparam", "param segmentDays = 30", "param segmentDays = 'x'", "BCP033"),
    ("streamer.bicep", "var port = 8765", "var port = 8765\nvar no = 1", "no-unused-vars"),
]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the folder that a test may change."""
    return Path(shutil.copytree(bicep.FOLDER, tmp_path / "infra"))


def test_all_files_compile_and_lint_without_a_warning(bicep_server: BicepServer) -> None:
    assert bicep.check(bicep_server.cli) == []


def test_every_kind_of_problem_is_detected(bicep_server: BicepServer, copy: Path) -> None:
    for file, old, new, _ in PROBLEMS:
        text = (copy / file).read_text()
        assert old in text
        (copy / file).write_text(text.replace(old, new, 1))
    problems = "\n".join(bicep.check(bicep_server.cli, copy))
    for file, _, _, problem in PROBLEMS:
        assert re.search(rf"{re.escape(file)}.*{problem}", problems), (file, problem, problems)


def test_no_linter_rule_is_off_or_below_warning() -> None:
    text = (bicep.FOLDER / "bicepconfig.json").read_text()
    config = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))
    rules = config["analyzers"]["core"]["rules"]
    assert {rule["level"] for rule in rules.values()} <= {"warning", "error"}
    assert config["analyzers"]["core"]["enabled"]


def test_every_disabled_warning_has_its_reason_beside_it() -> None:
    for file in bicep.FOLDER.rglob("*.bicep"):
        lines = file.read_text().splitlines()
        for number, line in enumerate(lines):
            if "#disable-" in line:
                assert lines[number - 1].lstrip().startswith("//"), f"{file}:{number + 1}"


def test_cli_is_taken_from_bicep_then_from_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    on_path = tmp_path / "bicep"
    on_path.write_text("#!/bin/sh\n")
    on_path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("BICEP", "/from/variable/bicep")
    assert bicep.find_cli() == "/from/variable/bicep"
    monkeypatch.delenv("BICEP")
    assert bicep.find_cli() == str(on_path)


def test_without_a_cli_the_check_says_that_nothing_was_checked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bicep, "find_cli", lambda: None)
    assert bicep.main() == 0
    assert "NOT checked" in capsys.readouterr().out
