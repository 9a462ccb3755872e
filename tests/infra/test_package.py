"""What is published with the function app: all that it needs, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra import package
from infra.shell import ROOT, StepFailed

# A zip file of this size is there in a second over any line; more means that something got in.
MOST_KILOBYTES = 400


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    """The package, alone."""
    for file in package.files():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / file, tmp_path / file)
    return tmp_path


def test_only_what_the_app_needs_is_published() -> None:
    files = package.files()
    tops = {file.parts[0] for file in files}
    assert tops == {
        "acs",
        "contract",
        "calls",
        "configuration.py",
        "event_log.py",
        "function_app.py",
        "host.json",
        "requirements.txt",
    }
    assert not [file for file in files if file.suffix in (".wav", ".md", ".pyc")]


def test_the_app_runs_from_its_package_alone(unpacked: Path) -> None:
    """Every module of it is imported, as the worker would, from nowhere else."""
    script = (
        "import importlib, pathlib, function_app as f;"
        "[importlib.import_module('.'.join(p.with_suffix('').parts))"
        " for p in pathlib.Path('calls').rglob('*.py') if p.stem != '__init__'];"
        "print(*sorted(x.get_function_name() for x in f.app.get_functions()))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=unpacked, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    assert {"place_call", "analyse_segment", "assemble_call"} <= set(ran.stdout.split())


def test_its_size_is_held() -> None:
    assert package.size() < MOST_KILOBYTES * 1000


# What lies about in a folder that was worked in. A pattern ending in a slash lets the first three
# through, since Core Tools look for the end of a word behind it.
LYING_ABOUT = (
    "node_modules/@azure/core.js",
    "node_modules/.bin/azurite",
    "tests/.cache",
    "tests/test_x.py",
    ".venv/lib/x.py",
    "package.json",
    "local.settings.json",
    "local.settings.example.json",
    "call.json",
    "call.wav",
    "notes.txt",
    "calls/__pycache__/web.cpython-313.pyc",
    "calls/console/__pycache__/__init__.cpython-313.pyc",
    "acs/notes.md",
)


def test_nothing_that_lies_about_is_published(unpacked: Path) -> None:
    shutil.copy2(ROOT / ".funcignore", unpacked)
    for name in LYING_ABOUT:
        (unpacked / name).parent.mkdir(parents=True, exist_ok=True)
        (unpacked / name).write_text("")
    assert package.files(unpacked) == package.files()


def test_nothing_of_the_app_is_left_out() -> None:
    """A file of a new kind needs its own line in .funcignore."""
    listing = ["git", "ls-files", "acs", "contract", "calls"]
    known = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True)
    if known.returncode:
        pytest.skip("not in a repository")
    assert {Path(name) for name in known.stdout.split()} <= set(package.files())


# As GitIgnoreParser of Azure/azure-functions-core-tools answers.
@pytest.mark.parametrize(
    ("pattern", "name", "sent"),
    [
        ("folder/", "folder/x", False),
        ("folder/", "folder/@x", True),
        ("folder", "folder/@x", False),
        ("/folder", "folder/x", False),
        ("folder", "below/folder/x", True),
        ("**/folder", "below/folder/x", False),
        ("*.pyc", "x.pyc", False),
        ("*.pyc", "below/x.pyc", True),
        ("package*.json", "package.json", True),
        ("package*.json", "package-lock.json", False),
        ("x", "x-and-more", False),
        ("x", "xs", True),
        ("!x.py\n*", "x.py", True),
        ("# x", "x", True),
    ],
)
def test_funcignore_is_read_as_core_tools_read_it(
    tmp_path: Path, pattern: str, name: str, sent: bool
) -> None:
    (tmp_path / ".funcignore").write_text(pattern)
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("")
    assert package.files(tmp_path) == ([Path(name)] if sent else [])


def test_without_funcignore_it_stops(tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match="funcignore cannot be read"):
        package.files(tmp_path)
