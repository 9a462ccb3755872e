"""Webhook events that could not be delivered."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.clients.python.callaudio.cli.conftest import ID, Program
from tests.clients.python.callaudio.documents import example


def delivery(id_: str) -> dict[str, Any]:
    event = example("CloudEvent") | {"type": "call.final"}
    document = example("Delivery") | {"id": id_, "call_connection_id": ID, "event": event}
    return document | {"endpoint": "crm", "error": "status 500\x1b[2J", "attempts": 17}


@pytest.fixture
def failed(cli: Program) -> Program:
    def page(request: httpx.Request) -> httpx.Response:
        is_last = "cursor" in request.url.params
        ids = ["d3"] if is_last else ["d1", "d2"]
        document = {"deliveries": list(map(delivery, ids)), "cursor": None if is_last else "x"}
        return httpx.Response(200, json=document)

    cli.answers["GET /deliveries"] = page
    for id_ in ("d1", "d2", "d3"):
        cli.answers[f"POST /deliveries/{id_}/retry"] = httpx.Response(202, json=delivery(id_))
    return cli


def sent_again(cli: Program) -> list[str]:
    return [r.url.path.split("/")[-2] for r in cli.requests if r.method == "POST"]


def test_all_pages_are_listed(failed: Program) -> None:
    lines = failed.run("deliveries").stdout.splitlines()
    assert lines[0].split() == ["ID", "CALL", "EVENT", "ENDPOINT", "FAILED", "ERROR"]
    assert [line.split()[0] for line in lines[1:]] == ["d1", "d2", "d3"]
    assert "call.final  crm" in lines[1]
    assert "status 500�[2J (17 attempts)" in lines[1]
    assert [d["id"] for d in failed.documents("deliveries")] == ["d1", "d2", "d3"]
    assert sent_again(failed) == []


def test_some_or_all_are_sent_again(failed: Program) -> None:
    shown = failed.run("deliveries", "--retry", "d2", "--retry", "d2")
    assert shown.stdout == "sending call.final to crm again\n"
    assert sent_again(failed) == ["d2"]
    failed.requests.clear()
    assert len(failed.documents("deliveries", "--retry-all")) == 3
    assert sent_again(failed) == ["d1", "d2", "d3"]
    assert failed.run("deliveries", "--retry", "unknown").exit_code == 3


def test_nothing_has_failed(cli: Program) -> None:
    cli.answers["GET /deliveries"] = httpx.Response(200, json={"deliveries": [], "cursor": None})
    shown = cli.run("deliveries")
    assert (shown.exit_code, shown.stdout, shown.stderr) == (0, "", "all events were delivered\n")
