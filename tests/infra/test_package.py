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
        "audio",
        "calls",
        "configuration.py",
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


def test_outside_a_repository_it_is_the_same(tmp_path: Path, unpacked: Path) -> None:
    """From an archive of the project, without git's own folder."""
    shutil.copy2(ROOT / ".funcignore", unpacked)
    (unpacked / "tests").mkdir()
    (unpacked / "tests" / "test_x.py").write_text("")
    assert package.files(unpacked) == package.files()


def test_without_funcignore_it_stops(tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match="git cannot list"):
        package.files(tmp_path)
