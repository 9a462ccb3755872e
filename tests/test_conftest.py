"""What ``tests/conftest.py`` adds: ``--fail-on-skip``, logs of failures, the files' order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest

from tests.conftest import ALLOWED_SKIPS, LONGEST_FIRST, TOGETHER

ROOT = Path(__file__).parents[1]

SKIPPING = """
import pytest

def test_that_passes(): pass

def test_skipped_inside(): pytest.skip("no browser")

@pytest.mark.skipif(True, reason="no sound card")
def test_skipped_by_mark(): pass

@pytest.fixture
def printer(): pytest.skip("no printer")

def test_skipped_by_fixture(printer): pass

@pytest.mark.skipif(True, reason="no az on PATH (pip install azure-cli)")
def test_allowed(): pass

@pytest.mark.xfail(reason="not repaired yet")
def test_expected_to_fail(): assert False
"""
SKIPPED_MODULE = "import pytest\npytest.skip('no network', allow_module_level=True)\n"


FAILING = """
import pytest
from local.up import Up

@pytest.fixture
def up(tmp_path):
    running = Up()
    running.log_dir = tmp_path
    (tmp_path / "streamer.log").write_text('stream_opened\\n request "GET /"\\n')
    return running

def test_that_fails(up): assert False

def test_that_passes(up): pass
"""


def run_skipping(folder: Path, *options: str) -> tuple[int, str]:
    """Exit code and output of a run over the tests that are skipped."""
    (folder / "test_skipping.py").write_text(SKIPPING)
    (folder / "test_skipped_module.py").write_text(SKIPPED_MODULE)
    return run_pytest(folder, *options)


def run_pytest(folder: Path, *options: str) -> tuple[int, str]:
    """Exit code and output of a run over a folder's tests, with this project's hooks."""
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-c", "/dev/null"]
    command += [
        "-p",
        "pytest_asyncio.plugin",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(folder),
        "-rs",
        *options,
        str(folder),
    ]
    # CI gives the option to the run that this test is part of.
    environment = os.environ | {"PYTEST_ADDOPTS": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    "workers", [(), ("-p", "xdist.plugin", "-n", "1")], ids=["one process", "xdist"]
)
def test_skips_that_are_not_allowed_fail(tmp_path: Path, workers: tuple[str, ...]) -> None:
    code, output = run_skipping(
        tmp_path, "--fail-on-skip", "--continue-on-collection-errors", *workers
    )
    assert code == 1, output
    for reason in ("no browser", "no sound card", "no printer", "no network"):
        assert f"skipped, which --fail-on-skip does not allow: {reason}" in output
    summary = output.splitlines()[-1]
    counts = {word: int(count) for count, word in re.findall(r"(\d+) (\w+)", summary)}
    assert counts["passed"] == 1
    assert counts["skipped"] == 1
    assert counts["xfailed"] == 1
    assert counts["failed"] + sum(counts.get(word, 0) for word in ("error", "errors")) == 4


def test_without_the_option_they_are_skipped(tmp_path: Path) -> None:
    code, output = run_skipping(tmp_path)
    assert code == 0, output
    assert "1 passed, 5 skipped, 1 xfailed" in output


def test_a_failure_shows_the_running_systems_logs(tmp_path: Path) -> None:
    (tmp_path / "test_failing.py").write_text(FAILING)
    code, output = run_pytest(tmp_path)
    assert code == 1, output
    assert "1 failed, 1 passed" in output
    assert re.search(r"- streamer.log -+\nstream_opened\n(?! request)", output), output


def test_a_property_is_tried_with_the_same_examples_however_long_they_take() -> None:
    chosen = hypothesis.settings.get_profile("repeat")
    assert (chosen.derandomize, chosen.deadline, chosen.database) == (True, None, None)
    assert hypothesis.settings.get_profile("explore").deadline is None


def test_every_allowed_skip_says_why() -> None:
    assert all(ALLOWED_SKIPS.values())


def test_files_with_a_place_in_the_order_exist() -> None:
    for path in (*LONGEST_FIRST, *TOGETHER, *TOGETHER.values()):
        assert (ROOT / "tests" / path).is_file(), path
