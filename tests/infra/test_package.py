"""The function app's package contains everything that it needs, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra import package
from infra.shell import ROOT, StepFailed

# A larger package contains something that does not belong to the app. Half of it is the weights of
# the voice activity detector.
MAXIMUM_KILOBYTES = 1100


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    """A folder with the package's files only."""
    for file in package.list_files():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / file, tmp_path / file)
    return tmp_path


def test_package_contains_only_what_the_app_needs() -> None:
    files = package.list_files()
    tops = {file.parts[0] for file in files}
    assert tops == {
        "acs",
        "contract",
        "calls",
        "configuration.py",
        "event_log.py",
        "function_app.py",
        "functions",
        "host.json",
        "requirements.txt",
    }
    assert not [file for file in files if file.suffix in (".wav", ".md", ".pyc")]


def test_app_runs_from_its_package(unpacked: Path) -> None:
    """Every module is imported from the package alone, as the worker does."""
    script = (
        "import importlib, pathlib, function_app as f;"
        "[importlib.import_module('.'.join(p.with_suffix('').parts))"
        " for p in pathlib.Path('calls').rglob('*.py') if p.stem != '__init__'];"
        "print(*sorted(x.get_function_name() for x in f.app.get_functions()))"
    )
    completed = subprocess.run(
        [sys.executable, "-c", script], cwd=unpacked, capture_output=True, text=True, timeout=240
    )
    assert completed.returncode == 0, completed.stderr
    assert {"place_call", "analyse_segment", "assemble_call"} <= set(completed.stdout.split())


def test_package_is_small() -> None:
    assert package.zip_size() < MAXIMUM_KILOBYTES * 1000


# Files that are found in a working folder. If the pattern ended with a slash, the first three would
# be published: Core Tools look for the end of a word behind it.
UNRELATED = (
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


def test_unrelated_files_are_not_published(unpacked: Path) -> None:
    shutil.copy2(ROOT / ".funcignore", unpacked)
    for name in UNRELATED:
        (unpacked / name).parent.mkdir(parents=True, exist_ok=True)
        (unpacked / name).write_text("")
    assert package.list_files(unpacked) == package.list_files()


def test_all_files_of_the_app_are_published() -> None:
    """A file of a new kind needs its own line in .funcignore."""
    listing = ["git", "ls-files", "acs", "contract", "calls", "functions"]
    completed = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True)
    if completed.returncode:
        pytest.skip("not in a repository")
    assert {Path(name) for name in completed.stdout.split()} <= set(package.list_files())


# The results of GitIgnoreParser in Azure/azure-functions-core-tools.
@pytest.mark.parametrize(
    ("pattern", "name", "published"),
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
def test_funcignore_is_read_as_by_core_tools(
    tmp_path: Path, pattern: str, name: str, published: bool
) -> None:
    (tmp_path / ".funcignore").write_text(pattern)
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("")
    assert package.list_files(tmp_path) == ([Path(name)] if published else [])


def test_missing_funcignore_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match="funcignore cannot be read"):
        package.list_files(tmp_path)


@pytest.mark.parametrize(
    ("patterns", "folder", "skipped"),
    [
        ("folder", "folder", True),
        ("folder", "folders", False),
        ("folder/", "folder", False),
        ("*", "folder", True),
        ("*\n!folder/*.py", "folder", False),
        ("*\n!folder/*.py", "folder/below", False),
        ("*\n!folder/*.py", "folder2", True),
        ("*\n!folder/below/x.py", "folder", False),
        ("*\n!*.py", "folder", False),
    ],
)
def test_folder_is_skipped_only_if_nothing_in_it_can_be_published(
    patterns: str, folder: str, skipped: bool
) -> None:
    assert package.FuncIgnore(patterns).excludes_folder(folder) is skipped
