"""Finding the call that is meant, and the client of a profile."""

from __future__ import annotations

import sys

import httpx
import pytest
from callaudio.cli import session
from callaudio.cli.outcome import CommandError, Exit
from callaudio.cli.profiles import Profile

from tests.clients.python.callaudio.cli.conftest import ID, Program
from tests.clients.python.callaudio.documents import call_details

OTHER = "401f2980-ffff-4c4d-9e84-1a6a2f6f3b5e"


@pytest.fixture
def two_calls(cli: Program) -> Program:
    cli.calls = [call_details(call_connection_id=i) for i in (ID, OTHER)]
    return cli


@pytest.mark.parametrize(
    ("name", "call"),
    [("last", ID), ("401f2980-0", ID), ("401f2980-f", OTHER), (OTHER, OTHER), ("abc", "abc")],
)
def test_a_call_is_named_in_several_ways(two_calls: Program, name: str, call: str) -> None:
    with session.open_session(None, is_json=False) as opened:
        assert opened.find_call(name) == call


def test_a_whole_id_is_not_looked_for(two_calls: Program) -> None:
    with session.open_session(None, is_json=False) as opened:
        opened.find_call(OTHER)
    assert two_calls.requests == []


def test_a_name_of_two_calls_or_none_is_an_error(two_calls: Program) -> None:
    with session.open_session(None, is_json=False) as opened:
        with pytest.raises(CommandError, match="401f is the beginning of 2 calls"):
            opened.find_call("401f")
        assert opened.find_call("ffff") == "ffff"
        two_calls.calls = []
        with pytest.raises(CommandError, match="there are no calls yet"):
            opened.find_call("last")


@pytest.mark.parametrize("hostile", ["../../etc/cron.d/x", "a/b", "..", "a\\b", "a\x1b[2J", ""])
def test_an_id_never_leads_a_file_elsewhere(cli: Program, hostile: str) -> None:
    cli.calls = [call_details(call_connection_id=hostile)]
    with session.open_session(None, is_json=False) as opened:
        for name in ("last", hostile):
            with pytest.raises(CommandError, match="is not a call's id"):
                opened.find_call(name)


def test_an_address_that_would_show_the_key_is_a_wrong_use() -> None:
    with pytest.raises(CommandError, match="needs https") as raised:
        session.open_client(Profile("prod", "http://app.example", "the-key"))
    assert raised.value.exit_code == Exit.USAGE


def test_entra_id_signs_in_with_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    profile = Profile("prod", "https://app.example", scope="api://x/.default")
    scopes = []

    def provider(scope: str) -> object:
        scopes.append(scope)
        return lambda: "a-token"

    monkeypatch.setattr(session, "entra_token", provider)
    with session.open_client(profile) as client:
        assert client._auth is not None
        request = next(client._auth.auth_flow(httpx.Request("GET", profile.url)))
    assert request.headers["Authorization"] == "Bearer a-token"
    assert scopes == ["api://x/.default"]
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "azure.identity", None)
    with pytest.raises(CommandError, match="pipx inject callaudio azure-identity"):
        session.open_client(profile)
