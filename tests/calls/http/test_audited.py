"""What requests do is in the audit trail, and what cannot be recorded is not done."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import azure.functions as func
import msgspec
import pytest
from azure.core.exceptions import ServiceRequestError

from calls.audit import Entry
from calls.clients import Clients
from calls.errors import CallEnded
from calls.function_keys import key_digest
from calls.http import audited
from calls.http.audited import run_audited
from calls.http.principals import request_principal
from calls.http.problems import Problem
from tests.calls.test_audit import entries_of

NAMES = ("Caller", "Listener", "Auditor", "Admin")
ADDRESS = "203.0.113.7"


@pytest.fixture(autouse=True)
def named_keys(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each role has a key, which is the role's name; nothing was recorded before."""
    keys = ",".join(f"{name}={key_digest(name)}" for name in NAMES)
    clients.settings = msgspec.structs.replace(clients.settings, function_keys=keys)
    monkeypatch.setattr(audited, "_recent", type(audited._recent)())


@pytest.fixture
def call() -> str:
    return uuid.uuid4().hex


async def answer(_: Clients, __: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(b"audio")


def raising(error: Exception) -> audited.Run:
    async def raise_error(_: Clients, __: func.HttpRequest) -> func.HttpResponse:
        raise error

    return raise_error


def request_of(
    call: str, key: str, method: str = "GET", headers: dict[str, str] | None = None
) -> func.HttpRequest:
    return func.HttpRequest(
        method,
        f"https://app.example/api/v1/calls/{call}",
        headers={"x-functions-key": key, "x-forwarded-for": f"{ADDRESS}:50000"} | (headers or {}),
        route_params={"id": call},
        body=b"",
    )


def shown(entries: list[Entry]) -> list[tuple[str, str, str, dict[str, str]]]:
    return [(e.principal.name, e.action, e.outcome, e.details) for e in entries]


async def test_a_change_is_recorded_before_and_after(clients: Clients, call: str) -> None:
    during: list[Entry] = []

    async def retry(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
        assert request_principal(request).id == "Listener"
        during.extend(await entries_of(clients.storage, call))
        return func.HttpResponse(status_code=202)

    await run_audited(clients, request_of(call, "Listener", "POST"), "retry_transcript", retry)
    assert shown(during) == [("Listener", "retry_transcript", "begun", {})]
    entries = await entries_of(clients.storage, call)
    assert shown(entries) == [
        ("Listener", "retry_transcript", "begun", {}),
        ("Listener", "retry_transcript", "done", {"status": "202"}),
    ]
    assert entries[0].request == entries[1].request
    assert {entry.address for entry in entries} == {ADDRESS}


async def test_a_placed_call_is_named_by_the_response(clients: Clients, call: str) -> None:
    async def place(_: Clients, __: func.HttpRequest) -> func.HttpResponse:
        headers = {"Location": f"/api/v1/calls/{call}", "Idempotent-Replayed": "true"}
        return func.HttpResponse(status_code=201, headers=headers)

    request = func.HttpRequest("POST", "/", headers={"x-functions-key": "Caller"}, body=b"")
    await run_audited(clients, request, "place_call", place)
    details = {"status": "201", "replayed": "true"}
    entries = await entries_of(clients.storage, call)
    assert shown(entries) == [("Caller", "place_call", "done", details)]


@pytest.mark.parametrize(
    ("error", "outcome", "details"),
    [
        (CallEnded(), "failed", {"status": "409", "code": "call_ended"}),
        (
            Problem(HTTPStatus.FORBIDDEN, "", code="role_required"),
            "refused",
            {"status": "403", "code": "role_required"},
        ),
        (RuntimeError("+15551230000"), "failed", {}),
    ],
)
async def test_a_change_that_fails_is_recorded(
    clients: Clients, call: str, error: Exception, outcome: str, details: dict[str, str]
) -> None:
    with pytest.raises(type(error)):
        await run_audited(
            clients, request_of(call, "Caller", "POST"), "start_streaming", raising(error)
        )
    begun, failed = await entries_of(clients.storage, call)
    assert (begun.outcome, failed.outcome, failed.details) == ("begun", outcome, details)


async def test_what_is_given_out_is_recorded_once_a_minute(
    clients: Clients, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(audited, "_clock", lambda: now)
    play = {"Range": "bytes=0-1"}
    for _ in range(3):
        for headers in ({}, play):
            request = request_of(call, "Listener", headers=headers)
            await run_audited(clients, request, "send_recording", answer)
    await run_audited(clients, request_of(call, "Admin"), "send_recording", answer)
    expected = [("Listener", "send_recording"), ("Listener", "play_recording")]
    expected.append(("Admin", "send_recording"))
    entries = await entries_of(clients.storage, call)
    assert [(entry.principal.name, entry.action) for entry in entries] == expected
    now += audited._REPEAT_SECONDS
    await run_audited(clients, request_of(call, "Listener"), "send_recording", answer)
    entries = await entries_of(clients.storage, call)
    assert [(entry.principal.name, entry.action) for entry in entries] == [*expected, expected[0]]


async def test_headers_alone_and_what_is_not_given_out_are_not_recorded(
    clients: Clients, call: str
) -> None:
    await run_audited(clients, request_of(call, "Listener", "HEAD"), "send_recording", answer)
    await run_audited(clients, request_of(call, "Listener"), "show_call", answer)
    with pytest.raises(CallEnded):
        await run_audited(
            clients, request_of(call, "Listener"), "send_recording", raising(CallEnded())
        )
    assert await entries_of(clients.storage, call) == []


async def test_a_refusal_is_recorded_and_the_handler_does_not_run(
    clients: Clients, call: str
) -> None:
    handler = raising(AssertionError("it must not run"))
    for key in ("Caller", "Caller", "unlisted"):
        with pytest.raises(Problem, match="this needs the role"):
            await run_audited(clients, request_of(call, key), "send_recording", handler)
    details = {"status": "403", "code": "role_required"}
    assert shown(await entries_of(clients.storage, call)) == [
        ("Caller", "send_recording", "refused", details),
        ("unnamed key", "send_recording", "refused", details),
    ]


async def test_a_refusal_that_is_not_recorded_is_a_refusal_nevertheless(
    clients: Clients, call: str, fail_to_append: Callable[[int], None]
) -> None:
    fail_to_append(1)
    with pytest.raises(Problem, match="this needs the role"):
        await run_audited(clients, request_of(call, "Caller"), "send_recording", answer)


@pytest.fixture
def fail_to_append(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Lets the trail's next entries fail: so many, after those that succeed."""
    append = clients.storage.append

    def fail(failures: int, after: int = 0) -> None:
        remaining = [True] * after + [False] * failures

        async def append_or_fail(*arguments: Any) -> bool:
            if remaining and not remaining.pop(0):
                raise ServiceRequestError("Blob Storage is away")
            return await append(*arguments)

        monkeypatch.setattr(clients.storage, "append", append_or_fail)

    return fail


@pytest.mark.parametrize(
    ("route", "method", "key"),
    [
        ("send_recording", "GET", "Listener"),
        ("show_transcript", "GET", "Listener"),
        ("read_audit", "GET", "Auditor"),
    ],
)
async def test_what_cannot_be_recorded_is_not_given_out(
    clients: Clients,
    call: str,
    route: str,
    method: str,
    key: str,
    fail_to_append: Callable[[int], None],
) -> None:
    fail_to_append(1)
    with pytest.raises(ServiceRequestError):
        await run_audited(clients, request_of(call, key, method), route, answer)
    assert await entries_of(clients.storage, call) == []
    # The failure is not taken for an entry: the next request is recorded.
    await run_audited(clients, request_of(call, key, method), route, answer)
    assert len(await entries_of(clients.storage, call)) == 1


@pytest.mark.parametrize("route", ["place_call", "create_links", "start_streaming"])
async def test_a_change_that_cannot_be_recorded_is_not_done(
    clients: Clients, call: str, route: str, fail_to_append: Callable[[int], None]
) -> None:
    fail_to_append(1)
    handler = raising(AssertionError("it must not run"))
    with pytest.raises(ServiceRequestError):
        await run_audited(clients, request_of(call, "Admin", "POST"), route, handler)


@pytest.mark.parametrize("route", ["hang_up", "stop_streaming", "pause_call"])
async def test_what_ends_a_recording_is_done_and_logged(
    clients: Clients,
    call: str,
    route: str,
    fail_to_append: Callable[[int], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    fail_to_append(2)
    response = await run_audited(clients, request_of(call, "Caller", "POST"), route, answer)
    assert response.status_code == 200
    lost = [line for line in caplog.messages if line.startswith("audit_entry_lost ")]
    assert [re.findall(r"outcome=(\w+)", line) for line in lost] == [["begun"], ["done"]]
    assert all(f"action={route} " in line and f"call={call}" in line for line in lost)


async def test_what_is_done_already_is_answered_and_logged(
    clients: Clients,
    call: str,
    fail_to_append: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    fail_to_append(1, after=1)
    response = await run_audited(clients, request_of(call, "Caller", "POST"), "hang_up", answer)
    assert response.status_code == 200
    assert [line.partition(" ")[0] for line in caplog.messages] == ["audit_entry_lost"]
    assert [entry.outcome for entry in await entries_of(clients.storage, call)] == ["begun"]


async def test_only_so_much_is_remembered(
    clients: Clients, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audited, "_MAX_REMEMBERED", 2)
    for key in ("Listener", "Admin", "Listener"):
        await run_audited(clients, request_of(call, key), "send_recording", answer)
    for other in (uuid.uuid4().hex, uuid.uuid4().hex):
        await run_audited(clients, request_of(other, "Admin"), "send_recording", answer)
    await run_audited(clients, request_of(call, "Listener"), "send_recording", answer)
    names = [entry.principal.name for entry in await entries_of(clients.storage, call)]
    assert names == ["Listener", "Admin", "Listener"]
    assert len(audited._recent) == 2
