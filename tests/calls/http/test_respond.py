"""Whatever a handler raises becomes a problem document, and is logged once."""

from __future__ import annotations

import json
import logging
from http import HTTPStatus
from typing import Any

import azure.functions as func
import pytest
from azure.core.exceptions import ServiceRequestError

from calls import errors
from calls.clients import Clients
from calls.http import principals, respond
from calls.http.problems import Problem
from configuration import SettingsError

SECRET = "AccountKey=c2VjcmV0"
REQUEST = func.HttpRequest("GET", "/", body=b"")


@pytest.fixture(autouse=True)
def _route(monkeypatch: pytest.MonkeyPatch) -> None:
    """A route for the handlers of these tests."""
    monkeypatch.setitem(principals.ROUTES, "handle", principals.PUBLIC)


async def respond_to(error: Exception, clients: Any = None) -> tuple[func.HttpResponse, Any]:
    """Run a handler that raises; returns the response and its problem document."""

    async def handle(_: Clients, __: func.HttpRequest) -> func.HttpResponse:
        raise error

    handle.__module__ = "calls.http.calls"
    response = await respond.respond_with(handle, lambda: clients, REQUEST)
    assert response.mimetype == "application/problem+json"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    return response, json.loads(response.get_body())


def our_records(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name.startswith("calls.")]


async def test_a_response_is_returned_as_it_is() -> None:
    clients: Any = object()

    async def handle(given: Clients, request: func.HttpRequest) -> func.HttpResponse:
        assert given is clients
        assert request is REQUEST
        return respond.json_response({"a": 1}, HTTPStatus.CREATED, {"Location": "/x"})

    response = await respond.respond_with(handle, lambda: clients, REQUEST)
    assert (response.status_code, response.get_body()) == (201, b'{"a":1}')
    assert (response.mimetype, response.headers["Location"]) == ("application/json", "/x")


async def test_respond_uses_the_clients_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    clients: Any = object()
    monkeypatch.setattr(respond, "get_clients", lambda: clients)

    async def handle(given: Clients, _: func.HttpRequest) -> func.HttpResponse:
        assert given is clients
        return respond.json_response({})

    assert (await respond.respond(handle, REQUEST)).status_code == 200


async def test_an_unknown_query_parameter_is_refused_before_the_handler_runs() -> None:
    async def handle(_: Clients, __: func.HttpRequest) -> func.HttpResponse:
        raise AssertionError("it must not run")

    async def handle_request(_: func.HttpRequest) -> func.HttpResponse:
        raise AssertionError("it must not run")

    clients: Any = object()
    request = func.HttpRequest("GET", "/", params={"x": "1"}, body=b"")
    for response in (
        await respond.respond_with(handle, lambda: clients, request),
        await respond.respond_without_clients(handle_request, request),
    ):
        assert response.status_code == 400
        assert json.loads(response.get_body())["errors"][0]["field"] == "x"


async def test_a_response_that_the_client_has_is_not_sent_again() -> None:
    async def handle(_: func.HttpRequest) -> func.HttpResponse:
        return respond.json_response({"a": 1})

    first = await respond.respond_without_clients(handle, REQUEST)
    headers = {"If-None-Match": first.headers["ETag"]}
    again = func.HttpRequest("GET", "/", headers=headers, body=b"")
    response = await respond.respond_without_clients(handle, again)
    assert (response.status_code, response.get_body()) == (304, b"")


async def test_a_problem_is_sent_and_logged_as_a_refusal(
    caplog: pytest.LogCaptureFixture,
) -> None:
    problem = Problem(
        HTTPStatus.BAD_REQUEST,
        "it is wrong",
        code="invalid_request",
        reason="wrong",
        headers={"Retry-After": "1"},
    )
    response, document = await respond_to(problem)
    assert (response.status_code, response.headers["Retry-After"]) == (400, "1")
    assert document["detail"] == "it is wrong"
    assert caplog.messages == [
        'request_refused entrance=calls status=400 reason=wrong detail="it is wrong"'
    ]


@pytest.mark.parametrize(
    "problem",
    [
        Problem(HTTPStatus.FORBIDDEN, "counted already", code="event_mismatch", reason=None),
        Problem(HTTPStatus.BAD_GATEWAY, "not the caller's fault", code="acs_refused"),
    ],
)
async def test_a_problem_that_is_not_a_refusal_of_this_place(
    caplog: pytest.LogCaptureFixture, problem: Problem
) -> None:
    response, _ = await respond_to(problem)
    assert response.status_code == problem.status
    assert caplog.messages == []


async def test_an_error_of_the_app_becomes_its_problem(
    caplog: pytest.LogCaptureFixture,
) -> None:
    response, document = await respond_to(errors.CallNotFound("a-call"))
    assert (response.status_code, document["detail"]) == (404, "call 'a-call' does not exist")
    (line,) = caplog.messages
    assert line.startswith("request_refused entrance=calls status=404 reason=request ")


async def test_contention_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    response, document = await respond_to(errors.Contended("the record of call a-call"))
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert document["detail"] == "the call is changing too fast; try again"
    (record,) = our_records(caplog)
    assert (record.levelname, record.message) == (
        "WARNING",
        'request_contended error="the record of call a-call"',
    )


async def test_wrong_settings_are_named_without_their_values() -> None:
    def create_clients() -> Clients:
        raise SettingsError("ACS_ENDPOINT: is not set\nANSWER_CALLS: '+1' is wrong\n+1 is not, too")

    async def handle(_: Clients, __: func.HttpRequest) -> func.HttpResponse:
        raise AssertionError("it must not run")

    response = await respond.respond_with(handle, create_clients, REQUEST)
    assert response.status_code == 500
    assert json.loads(response.get_body())["detail"] == (
        "the app is not configured: ACS_ENDPOINT, ANSWER_CALLS; its log says more"
    )


async def test_a_failure_of_the_storage_is_to_be_retried(
    caplog: pytest.LogCaptureFixture,
) -> None:
    response, document = await respond_to(ServiceRequestError(SECRET))
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert document["detail"] == "Blob Storage does not answer; try again"
    (record,) = our_records(caplog)
    assert record.message == "storage_failed error=ServiceRequestError"
    assert record.levelname == "ERROR"
    assert record.exc_info is not None


@pytest.mark.parametrize("error", [ValueError(SECRET), errors.EventMismatch(SECRET)])
async def test_an_unexpected_exception_is_in_the_log_only(
    caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    response, document = await respond_to(error)
    assert response.status_code == 500
    (record,) = our_records(caplog)
    event, _, reference = record.message.partition(" reference=")
    assert (event, record.levelname) == ("request_failed", "ERROR")
    assert record.exc_info is not None
    assert record.exc_info[1] is error
    assert document["detail"] == (f"unexpected error; the log has details under {reference}")
    assert SECRET.encode() not in response.get_body()
