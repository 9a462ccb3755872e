"""Following a call, in a terminal and elsewhere."""

from __future__ import annotations

import io

import httpx
import pytest
from callaudio.cli.output import Output
from callaudio.cli.profiles import Profile
from callaudio.cli.session import Session
from callaudio.cli.watching import follow
from rich.console import Console

from tests.clients.python.callaudio.cli.conftest import ID, Program
from tests.clients.python.callaudio.documents import call_details
from tests.clients.python.callaudio.servers import Pauses, client


@pytest.fixture
def states(cli: Program) -> Program:
    """A call that is recorded, then processed, then final."""
    answers = iter(
        [("connected", "recording"), ("disconnected", "processing"), ("disconnected", "final")]
    )

    def show(_: httpx.Request) -> httpx.Response:
        state, result_state = next(answers)
        details = call_details(call_connection_id=ID, state=state, result_state=result_state)
        return httpx.Response(200, json=details)

    cli.answers[f"GET /calls/{ID}"] = show
    return cli


def test_each_change_is_a_line(states: Program, pauses: Pauses) -> None:
    shown = states.run("watch", ID)
    assert shown.exit_code == 0
    results = [line.rsplit(" ", 1)[1] for line in shown.stdout.splitlines()]
    assert results == ["recording", "processing", "final"]


def test_each_change_is_a_document(states: Program, pauses: Pauses) -> None:
    documents = states.documents("watch", ID)
    assert [d["result_state"] for d in documents] == ["recording", "processing", "final"]


def test_a_terminal_shows_one_line_and_what_became_of_the_call(
    states: Program, pauses: Pauses
) -> None:
    output, screen = Output(), io.StringIO()
    output.out = Console(file=screen, force_terminal=True, width=60, legacy_windows=False)
    with client(states.answer) as one:
        follow(Session(one, output, Profile("p", "u")), ID, timeout=None)
    assert "result" in screen.getvalue()
    last = screen.getvalue().split("result final")[-1]
    assert f"{ID}" in last


def test_the_time_is_limited(cli: Program, pauses: Pauses) -> None:
    cli.show(state="connected", result_state="recording")
    shown = cli.run("watch", ID, "--timeout", "0.5")
    assert shown.exit_code == 7
    assert "the call is connected" in shown.stderr
