"""What finds fault with the Bicep files, over the real CLI."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from infra import bicep

from .conftest import Cli

# The CLI takes seconds, and more where others work, too.
pytestmark = pytest.mark.timeout(400)

FAULTS = [
    ("modules/storage.bicep", "name: name", "name:  name", "not in Bicep's own form"),
    ("modules/registry.bicep", "adminUserEnabled", "adminUser", "BCP037"),
    ("modules/communication.bicep", "@2025-09-01", "@2023-03-31", "use-recent-api-versions"),
    ("main.bicepparam", "param segmentDays = 30", "param segmentDays = 'x'", "BCP033"),
    ("streamer.bicep", "var port = 8765", "var port = 8765\nvar no = 1", "no-unused-vars"),
]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The folder, to break something in."""
    return Path(shutil.copytree(bicep.FOLDER, tmp_path / "infra"))


def test_all_of_it_compiles_and_lints_without_a_warning(cli: Cli) -> None:
    assert bicep.faults(cli.program) == []


def test_each_kind_of_fault_is_found(cli: Cli, copy: Path) -> None:
    for file, old, new, _ in FAULTS:
        text = (copy / file).read_text()
        assert old in text
        (copy / file).write_text(text.replace(old, new, 1))
    found = "\n".join(bicep.faults(cli.program, copy))
    for file, _, _, fault in FAULTS:
        assert re.search(rf"{re.escape(file)}.*{fault}", found), (file, fault, found)


def test_no_rule_of_the_linter_is_off_or_below_warning() -> None:
    text = (bicep.FOLDER / "bicepconfig.json").read_text()
    config = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))
    rules = config["analyzers"]["core"]["rules"]
    assert {rule["level"] for rule in rules.values()} <= {"warning", "error"}
    assert config["analyzers"]["core"]["enabled"]


def test_what_is_silenced_has_its_reason_beside_it() -> None:
    for file in bicep.FOLDER.rglob("*.bicep"):
        lines = file.read_text().splitlines()
        for number, line in enumerate(lines):
            if "#disable-" in line:
                assert lines[number - 1].lstrip().startswith("//"), f"{file}:{number + 1}"


def test_the_cli_is_taken_from_bicep_then_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    on_path = tmp_path / "bicep"
    on_path.write_text("#!/bin/sh\n")
    on_path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("BICEP", "/named/bicep")
    assert bicep.find() == "/named/bicep"
    monkeypatch.delenv("BICEP")
    assert bicep.find() == str(on_path)


def test_without_a_cli_the_check_says_that_nothing_was_checked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bicep, "find", lambda: None)
    assert bicep.main() == 0
    assert "NOT checked" in capsys.readouterr().out
