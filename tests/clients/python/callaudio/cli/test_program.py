"""Each command's help, and how commands end."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import callaudio
import httpx
import pytest
from callaudio.cli import outcome, program
from callaudio.cli.outcome import Exit
from callaudio.version import __version__

from tests.clients.python.callaudio.cli.conftest import Program
from tests.clients.python.callaudio.servers import problem

NAMES = [name for commands in program.COMMANDS.values() for name in commands]
PACKAGE = Path(callaudio.__file__).parents[1]


@pytest.mark.parametrize("name", NAMES)
def test_each_command_explains_itself_and_prints_json(cli: Program, name: str) -> None:
    shown = cli.run(name, "--help")
    assert shown.exit_code == 0
    assert "--json" in shown.stdout


def test_the_help_names_all_commands_and_exit_codes(cli: Program) -> None:
    text = cli.run("--help").stdout
    assert all(re.search(rf"│ {name} ", text) for name in NAMES)
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", outcome.__doc__ or "", re.MULTILINE)}
    assert codes == set(Exit)
    assert all(re.search(rf"\b{code} ", text.split("Exit codes")[1]) for code in codes)


def test_the_version_is_shown(cli: Program) -> None:
    assert cli.run("--version").stdout == f"callaudio {__version__}\n"


@pytest.mark.parametrize(
    ("status", "exit_code"), [(401, 4), (403, 4), (404, 3), (410, 3), (409, 6), (400, 1), (502, 1)]
)
def test_problems_have_exit_codes(cli: Program, status: int, exit_code: int) -> None:
    cli.answers["GET /calls"] = problem(status, "a_code")
    shown = cli.run("list")
    assert (shown.exit_code, shown.stdout) == (exit_code, "")
    assert shown.stderr == f"callaudio: d (HTTP {status}, a_code)\n"
    shown = cli.run("list", "--json")
    document = json.loads(shown.stderr)
    assert document == {
        "error": f"d (HTTP {status}, a_code)",
        "exit_code": exit_code,
        "status": status,
        "code": "a_code",
    }


def test_an_app_that_does_not_answer_has_its_own(cli: Program) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("Connection refused")

    cli.answers["GET /calls"] = refuse
    assert cli.run("list").exit_code == Exit.UNREACHABLE


def test_ctrl_c_has_its_own(cli: Program) -> None:
    def stop(request: httpx.Request) -> httpx.Response:
        raise KeyboardInterrupt

    cli.answers["GET /calls"] = stop
    shown = cli.run("list")
    assert (shown.exit_code, shown.output) == (Exit.STOPPED, "")


def test_a_wrong_option_is_a_wrong_use(cli: Program) -> None:
    assert cli.run("list", "--limit", "0").exit_code == Exit.USAGE
    assert cli.run("fetch", "last", "everything").exit_code == Exit.USAGE


def test_an_error_cannot_control_the_terminal(cli: Program) -> None:
    document = {"type": "about:blank", "title": "t", "status": 400, "detail": "\x1b[2Jgone"}
    headers = {"Content-Type": "application/problem+json"}
    response = httpx.Response(400, json=document | {"code": "c"}, headers=headers)
    cli.answers["GET /calls"] = response
    assert "\x1b" not in cli.run("list").stderr


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    names = {name: value for name, value in os.environ.items() if not name.startswith("CALLAUDIO")}
    folders = {"XDG_STATE_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    return names | folders | {"PYTHONPATH": str(PACKAGE), "TERM": "dumb"}


def test_the_program_runs_on_its_own_and_completes_its_commands(
    environment: dict[str, str],
) -> None:
    command = [sys.executable, "-m", "callaudio"]
    ran = subprocess.run([*command, "list"], env=environment, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (Exit.NOT_FOUND, "")
    assert "callaudio: which app?" in ran.stderr
    completion = {"_CALLAUDIO_COMPLETE": "complete_bash", "COMP_WORDS": "callaudio pro"}
    completion |= {"COMP_CWORD": "1"}
    ran = subprocess.run(command, env=environment | completion, capture_output=True, text=True)
    assert ran.stdout.split() == ["profiles"]
