"""Deleting calls."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.clients.python.callaudio.cli.conftest import ID, Program
from tests.clients.python.callaudio.documents import example
from tests.clients.python.callaudio.servers import problem

DELETION = "0f3c9a4e5d6b47c8a1b2c3d4e5f60718"


def deletion(state: str, status: int = 202, **members: Any) -> httpx.Response:
    document = example("Deletion") | {"id": DELETION, "state": state, "deleted": []} | members
    return httpx.Response(status, json=document)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waits: list[float] = []
    monkeypatch.setattr("callaudio.cli.deletion.time.sleep", waits.append)
    return waits


def test_a_deletion_ends_with_its_receipt(cli: Program, waits: list[float]) -> None:
    cli.answers[f"DELETE /calls/{ID}"] = deletion("running")
    states = iter([deletion("running", 200)])
    deleted = [{"container": "recordings", "count": 3, "bytes": 9}]
    cli.answers[f"GET /deletions/{DELETION}"] = lambda _: next(
        states, deletion("completed", 200, deleted=deleted)
    )
    shown = cli.run("delete", "last", "--yes", "--hangup")
    assert shown.stdout == f"deleted the call 401f2980: 3 files, receipt {DELETION}\n"
    assert len(waits) == 2
    request = next(r for r in cli.requests if r.method == "DELETE")
    assert request.url.params["hangup"] == "true"


def test_nobody_to_ask_deletes_nothing(cli: Program) -> None:
    shown = cli.run("delete", ID)
    assert shown.exit_code == 2
    assert "use --yes" in shown.stderr
    assert cli.requests == []


@pytest.mark.parametrize("answer", ["y", "n"])
def test_a_person_is_asked(cli: Program, answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callaudio.cli.deletion._is_attended", lambda: True)
    cli.show(to="+15551230000")
    cli.answers[f"DELETE /calls/{ID}"] = deletion("completed")
    shown = cli.run("delete", ID, stdin=answer + "\n")
    assert "+15551230000" in shown.stderr
    assert "Delete this call for good?" in shown.stderr
    assert shown.exit_code == (0 if answer == "y" else 1)
    assert ("DELETE" in [request.method for request in cli.requests]) == (answer == "y")


def test_what_is_kept_for_now_is_not_called_deleted(cli: Program) -> None:
    cli.answers[f"DELETE /calls/{ID}"] = deletion("waiting")
    shown = cli.run("delete", ID, "--yes")
    assert (shown.exit_code, "is waiting: a part is kept" in shown.stderr) == (6, True)
    cli.answers[f"DELETE /calls/{ID}"] = problem(409, "call_on_hold")
    assert cli.run("delete", ID, "--yes").exit_code == 6
