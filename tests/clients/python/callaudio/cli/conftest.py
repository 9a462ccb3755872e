"""The command line, with an app whose answers a test chooses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import keyring
import pytest
from callaudio import Client
from callaudio.cli.program import app as program
from keyring.errors import PasswordDeleteError
from typer.main import get_command
from typer.testing import CliRunner, Result

from tests.clients.python.callaudio.documents import call_details
from tests.clients.python.callaudio.servers import client, pauses, problem

__all__ = ["pauses"]

ID = "401f2980-0b2e-4c4d-9e84-1a6a2f6f3b5e"
COMMAND = get_command(program)
Answer = httpx.Response | Callable[[httpx.Request], httpx.Response]


class MemoryKeyring:
    """A system's keyring."""

    def __init__(self) -> None:
        self.keys: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.keys.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.keys[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.keys.pop((service, username), None) is None:
            raise PasswordDeleteError


class Program:
    """Runs commands, and answers their requests by ``METHOD /path`` (below ``/api/v1``)."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.requests: list[httpx.Request] = []
        self.calls = [call_details(call_connection_id=ID)]
        self.answers["GET /calls"] = lambda _: httpx.Response(
            200, json={"calls": self.calls, "cursor": None}
        )

    def show(self, **members: Any) -> None:
        """Answer with a call of these members, under its own id."""
        self.answers[f"GET /calls/{ID}"] = httpx.Response(
            200, json=call_details(call_connection_id=ID, **members)
        )

    def run(self, *arguments: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(program, list(arguments), input=stdin, prog_name="callaudio")

    def documents(self, *arguments: str) -> list[Any]:
        """What a command prints with ``--json``."""
        result = self.run(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return [json.loads(line) for line in result.stdout.splitlines()]

    def body(self, number: int = -1) -> Any:
        return json.loads(self.requests[number].content)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.url.path.endswith("/events"):
            return httpx.Response(200, json={"events": [], "call_changed": True, "cursor": "c"})
        name = f"{request.method} {request.url.path.removeprefix('/api/v1')}"
        answer = self.answers.get(name) or problem(404, "call_not_found")
        if callable(answer):
            return answer(request)
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> MemoryKeyring:
    """A user's own folders and keyring, both empty."""
    for name in ("URL", "KEY", "PROFILE", "SCOPE", "PLAYER", "FROM"):
        monkeypatch.delenv(f"CALLAUDIO_{name}", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    backend = MemoryKeyring()
    monkeypatch.setattr(keyring, "get_password", backend.get_password)
    monkeypatch.setattr(keyring, "set_password", backend.set_password)
    monkeypatch.setattr(keyring, "delete_password", backend.delete_password)
    return backend


@pytest.fixture
def cli(secrets: MemoryKeyring, monkeypatch: pytest.MonkeyPatch) -> Program:
    """The program, with an address and a key in its environment."""
    monkeypatch.setenv("CALLAUDIO_URL", "http://127.0.0.1:7071")
    monkeypatch.setenv("CALLAUDIO_KEY", "a-function-key")
    cli = Program()

    def make(*_: Any, **__: Any) -> Client:
        return client(cli.answer)

    monkeypatch.setattr("callaudio.cli.session.Client", make)
    # Made once, and not for each run.
    monkeypatch.setattr("typer.testing._get_command", lambda _: COMMAND)
    return cli
