"""Pausing and resuming over HTTP: what a request may say."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from calls.clients import Clients
from calls.control import pausing
from calls.http import pauses
from calls.principals import Principal
from calls.records.model import new_record
from tests.calls.handler_requests import decode_body, send_request
from tests.calls.sample_streams import STARTED_AT


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"max_seconds": 0}, ["max_seconds"]),
        ({"max_seconds": 86_401}, ["max_seconds"]),
        ({"max_seconds": 1.5}, ["max_seconds"]),
        ({"max_seconds": True}, ["max_seconds"]),
        ({"max_seconds": "60"}, ["max_seconds"]),
        ({"reason": ""}, ["reason"]),
        ({"reason": 7}, ["reason"]),
        ({"reason": "x" * 257}, ["reason"]),
        ({"reason": "two\nlines"}, ["reason"]),
        ({"reason": " spaces "}, ["reason"]),
        ({"reason": "", "max_seconds": -1, "by": "me"}, ["reason", "max_seconds", "by"]),
    ],
)
async def test_a_wrong_body_names_its_fields(
    clients: Clients, body: dict[str, Any], fields: list[str]
) -> None:
    response = await send_request(
        clients, pauses.pause_call, "POST", body=msgspec.json.encode(body), id="a-call"
    )
    problem = decode_body(response)
    assert (response.status_code, problem["code"]) == (400, "invalid_request")
    assert [error["field"] for error in problem["errors"]] == fields


async def test_to_resume_takes_no_members(clients: Clients) -> None:
    response = await send_request(
        clients, pauses.resume_call, "POST", body=b'{"reason":"x"}', id="a-call"
    )
    assert response.status_code == 400


async def test_the_principal_of_the_request_pauses_and_resumes(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, Principal, dict[str, Any]]] = []

    async def note(_: Clients, call: str, by: Principal, **options: Any) -> Any:
        seen.append((call, by, options))
        return new_record(call, STARTED_AT)

    monkeypatch.setattr(pausing, "pause_call", note)
    monkeypatch.setattr(pausing, "resume_call", note)
    for handler, body in (
        (pauses.pause_call, b'{"reason":"card payment","max_seconds":60}'),
        (pauses.pause_call, b""),
        (pauses.resume_call, b""),
    ):
        response = await send_request(clients, handler, "POST", body=body, id="a-call")
        assert response.status_code == 202
        assert decode_body(response)["pauses"] == []
    assert [options for _, _, options in seen] == [
        {"max_seconds": 60, "reason": "card payment"},
        {"max_seconds": None, "reason": None},
        {},
    ]
    assert {call for call, _, _ in seen} == {"a-call"}
    assert {by.kind for _, by, _ in seen} == {"key"}


@pytest.mark.parametrize("handler", [pauses.pause_call, pauses.resume_call])
async def test_a_call_that_does_not_exist(clients: Clients, handler: Any) -> None:
    response = await send_request(clients, handler, "POST", id="nothing")
    assert response.status_code == 404
