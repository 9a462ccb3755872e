"""The doctor's checks."""

from __future__ import annotations

from email.utils import formatdate
from time import time
from typing import Any

import httpx
import pytest
from callaudio.cli.service import check_clock, check_versions

from calls.http.openapi import document
from tests.clients.python.callaudio.cli.conftest import Program
from tests.clients.python.callaudio.servers import Pauses, problem

ME = {"principal": {"kind": "key", "id": "k", "name": "night-shift"}, "roles": ["Listener"]}


@pytest.fixture
def app(cli: Program) -> Program:
    operations = ["list_calls", "list_failures"]
    cli.answers["GET /health"] = lambda _: httpx.Response(
        200, json={"status": "ok"}, headers={"Date": formatdate(usegmt=True)}
    )
    cli.answers["GET /openapi.json"] = httpx.Response(200, json=document())
    cli.answers["GET /me"] = httpx.Response(200, json=ME | {"operations": operations})
    cli.answers["GET /failures"] = httpx.Response(200, json={"failures": []})
    return cli


def outcomes(app: Program, exit_code: int) -> dict[str, Any]:
    result = app.run("doctor", "--json")
    assert result.exit_code == exit_code, result.output
    lines = [httpx.Response(200, text=line).json() for line in result.stdout.splitlines()]
    return {line["name"]: line["passed"] for line in lines}


def test_all_is_well(app: Program) -> None:
    names = ["profile", "address", "clocks", "versions", "key", "storage", "failures"]
    assert outcomes(app, 0) == dict.fromkeys(names, True)
    shown = app.run("doctor").stdout
    assert "night-shift, Listener" in shown


def test_a_wrong_key_and_no_storage_are_failures(app: Program, pauses: Pauses) -> None:
    app.answers["GET /calls"] = problem(503, "storage_unavailable", Retry_After="5")
    assert outcomes(app, 1)["storage"] is False
    app.answers["GET /me"] = httpx.Response(401)
    checks = outcomes(app, 1)
    assert checks["key"] is False
    assert "storage" not in checks


def test_an_address_that_does_not_answer_is_all_that_is_said(app: Program) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("Connection refused")

    app.answers["GET /health"] = refuse
    assert outcomes(app, 1) == {"profile": True, "address": False}


def test_failures_are_worth_a_note(app: Program) -> None:
    from tests.clients.python.callaudio.documents import example

    app.answers["GET /failures"] = httpx.Response(200, json={"failures": [example("Failure")]})
    assert outcomes(app, 0)["failures"] is None
    app.answers["GET /me"] = httpx.Response(200, json=ME | {"operations": []})
    assert outcomes(app, 0).keys() == {"profile", "address", "clocks", "versions", "key"}


@pytest.mark.parametrize(("seconds", "passed"), [(0, True), (30, True), (90, None), (-90, None)])
def test_clocks_are_compared(seconds: float, passed: bool | None) -> None:
    now = time()
    response = httpx.Response(200, headers={"Date": formatdate(now + seconds, usegmt=True)})
    assert check_clock(response, now - 0.1, now + 0.1).passed is passed
    assert check_clock(httpx.Response(200), now, now).passed is None


def test_an_older_app_lacks_operations() -> None:
    assert check_versions(document()).passed is True
    paths = {path: item for path, item in document()["paths"].items() if "deletions" not in path}
    check = check_versions(document() | {"paths": paths})
    assert check.passed is None
    assert check.text.endswith("the app is older and lacks show_deletion")
