"""Placing a call, pausing it, hanging up."""

from __future__ import annotations

import httpx
import pytest
from callaudio.cli.calls import parse_names
from callaudio.cli.outcome import CommandError

from tests.clients.python.callaudio.cli.conftest import ID, Program
from tests.clients.python.callaudio.documents import call_details


def test_a_call_is_placed_with_all_that_is_said_of_it(cli: Program) -> None:
    call = call_details(call_connection_id=ID)
    cli.answers["POST /calls"] = httpx.Response(201, json=call)
    options = ["--from", "+15559990000", "--name", "+15551230000=Robin = Ray", "--tag", "a"]
    options += ["--channels", "unmixed", "--locale", "en-US", "--locale", "de-DE", "--tag", "b"]
    options += ["--notes", "n", "--announce", "Hello.", "--retention-days", "3"]
    options += ["--webhook-url", "https://hooks.example/calls"]
    shown = cli.run("place", "+15551230000", *options)
    assert shown.exit_code == 0, shown.output
    assert shown.stdout == "placed the call 401f2980 to +15551230000\n"
    assert "callaudio hangup 401f2980" in shown.stderr
    assert cli.body() == {
        "to": "+15551230000",
        "from": "+15559990000",
        "names": {"+15551230000": "Robin = Ray"},
        "channels": "unmixed",
        "locale": ["en-US", "de-DE"],
        "tags": ["a", "b"],
        "notes": "n",
        "announcement": {"text": "Hello.", "required": True},
        "webhook_url": "https://hooks.example/calls",
        "retention_days": 3,
        "start_streaming": True,
    }
    assert cli.documents("place", "+15551230000")[0]["call_connection_id"] == ID
    assert cli.body() == {"to": "+15551230000", "start_streaming": True}


def test_the_caller_id_may_be_in_the_environment(
    cli: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALLAUDIO_FROM", "+15559990000")
    cli.run("place", "+15551230000")
    assert cli.body()["from"] == "+15559990000"


def test_watching_follows_at_once(cli: Program) -> None:
    cli.answers["POST /calls"] = httpx.Response(201, json=call_details(call_connection_id=ID))
    cli.show(state="disconnected", result_state="final")
    lines = cli.run("place", "+15551230000", "--watch").stdout.splitlines()
    assert lines[1].startswith("401f2980  disconnected")


@pytest.mark.parametrize("pair", ["Robin", "=Robin", "+1555="])
def test_a_name_needs_a_number(pair: str) -> None:
    with pytest.raises(CommandError, match="is not a number or raw id"):
        parse_names([pair])


def test_pausing_resuming_and_hanging_up(cli: Program) -> None:
    changed = httpx.Response(202, json=call_details(call_connection_id=ID))
    cli.answers[f"POST /calls/{ID}/pause"] = changed
    cli.answers[f"POST /calls/{ID}/resume"] = changed
    cli.answers[f"POST /calls/{ID}/hangup"] = httpx.Response(204)
    cli.run("pause", ID, "--reason", "card payment", "--max-seconds", "90")
    assert cli.body() == {"reason": "card payment", "max_seconds": 90}
    assert cli.run("pause", "last").stdout == "pausing the recording of the call 401f2980\n"
    assert cli.body() == {}
    assert cli.run("resume", "last").stdout == "resuming the recording of the call 401f2980\n"
    assert cli.documents("hangup", "401f")[0] == {"call_connection_id": ID}
