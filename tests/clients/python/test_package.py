"""The package that ``pipx install ./clients/python`` builds and installs."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import requires
from pathlib import Path

import callaudio
import pytest
from callaudio.cli import outcome, program
from callaudio.version import __version__
from packaging.requirements import Requirement

FOLDER = Path(callaudio.__file__).parents[1]
PROJECT = tomllib.loads((FOLDER / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    ran = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    (path,) = folder.iterdir()
    assert path.name == f"callaudio-{__version__}-py3-none-any.whl"
    return zipfile.ZipFile(path)


def test_it_has_the_program_the_types_and_all_modules(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    points = wheel.read(f"callaudio-{__version__}.dist-info/entry_points.txt").decode()
    assert "callaudio = callaudio.cli:main" in points
    assert "callaudio/py.typed" in names
    modules = (FOLDER / "callaudio").rglob("*.py")
    assert {path.relative_to(FOLDER).as_posix() for path in modules} <= names
    assert not [name for name in names if "templates" in name or "__pycache__" in name]


def test_the_development_environment_has_what_it_needs() -> None:
    """So the tests run what a user has, and the versions that it accepts are not imagined."""
    from importlib.metadata import version

    extras = PROJECT["project"]["optional-dependencies"]["entra"]
    for text in PROJECT["project"]["dependencies"] + extras:
        requirement = Requirement(text)
        assert requirement.specifier.contains(version(requirement.name)), text
    assert requires("typer")


def test_the_readme_has_all_commands_and_exit_codes() -> None:
    text = (FOLDER / "README.md").read_text()
    for commands in program.COMMANDS.values():
        for name in commands:
            assert re.search(rf"`{name}\b", text), name
    rows = [line for line in (outcome.__doc__ or "").splitlines() if re.match(r"\| \d", line)]
    assert rows
    assert all(row in text for row in rows)


def test_the_repository_s_readme_uses_commands_that_exist() -> None:
    text = (FOLDER.parents[1] / "README.md").read_text()
    names = {name for commands in program.COMMANDS.values() for name in commands}
    lines = re.findall(r"^callaudio (\w+)", text, re.MULTILINE)
    assert lines[-1] == "play"
    assert set(lines) <= names
    assert "pipx install ./clients/python" in text
