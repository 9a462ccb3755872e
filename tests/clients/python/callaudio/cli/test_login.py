"""Adding, listing and removing profiles."""

from __future__ import annotations

import httpx
import pytest

from tests.clients.python.callaudio.cli.conftest import MemoryKeyring, Program
from tests.clients.python.callaudio.servers import problem

URL = "https://app.example"
ME = {"principal": {"kind": "key", "id": "k", "name": "night-shift"}, "roles": ["Listener"]}


@pytest.fixture
def app(cli: Program, monkeypatch: pytest.MonkeyPatch) -> Program:
    monkeypatch.delenv("CALLAUDIO_URL")
    monkeypatch.delenv("CALLAUDIO_KEY")
    cli.answers["GET /me"] = httpx.Response(200, json=ME | {"operations": ["list_calls"]})
    return cli


def test_a_key_is_checked_and_kept_in_the_keyring(app: Program, secrets: MemoryKeyring) -> None:
    shown = app.run("login", "prod", "--url", URL, stdin="the-key\n")
    assert shown.exit_code == 0, shown.output
    assert shown.stdout == f"night-shift is signed in to {URL} as Listener\n"
    assert secrets.keys == {("callaudio", "prod"): "the-key"}
    assert "the-key" not in shown.output
    assert app.run("profiles").stdout.split() == ["*", "prod", URL]
    assert app.run("list").exit_code == 0
    assert app.documents("profiles") == [{"profile": "prod", "url": URL, "is_default": True}]
    assert app.run("logout", "prod").stdout == "removed the profile prod\n"
    assert secrets.keys == {}
    assert app.run("profiles").stdout == "no profiles\n"
    assert app.run("logout", "prod").exit_code == 3


def test_a_wrong_key_is_not_kept(app: Program, secrets: MemoryKeyring) -> None:
    app.answers["GET /me"] = problem(403, "role_required")
    assert app.run("login", "prod", "--url", URL, stdin="wrong\n").exit_code == 4
    assert secrets.keys == {}
    assert app.run("profiles").stdout == "no profiles\n"


def test_no_key_is_a_wrong_use(app: Program) -> None:
    assert app.run("login", "prod", "--url", URL, stdin="\n").exit_code == 2
    assert app.run("login", "local", "--url", URL, stdin="k\n").exit_code == 1
