"""Requests are sent again when the app asks for it, and errors say what is wrong."""

from __future__ import annotations

from email.utils import formatdate
from time import time

import httpx
import pytest
from callaudio import PlaceCall, ProblemError, UnreachableError

from tests.clients.python.callaudio.servers import KEY, Pauses, both, client, pauses, problem

__all__ = ["pauses"]

HEALTH = {"status": "ok"}


class Answers:
    """Answers with these responses, one after another, and keeps the requests."""

    def __init__(self, *responses: httpx.Response) -> None:
        self.responses = list(responses)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        response = self.responses[min(len(self.requests), len(self.responses)) - 1]
        # Each client reads its own.
        return httpx.Response(
            response.status_code, headers=response.headers, content=response.content
        )


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_app_is_asked_again_after_the_time_that_it_names(
    status: int, pauses: Pauses
) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        if len(pauses) % 2 == 0:
            return problem(status, "busy", Retry_After="7")
        return httpx.Response(200, json=HEALTH)

    answers = both(handler, lambda c: c.health().status, lambda c: c.health())
    assert answers[0] == "ok"
    assert pauses == [7.0]
    # The other client came when the app was not busy.
    assert not isinstance(answers[1], Exception)


def test_both_clients_give_up_when_the_time_is_over(pauses: Pauses) -> None:
    answers = Answers(problem(503, "storage_unavailable", Retry_After="25"))
    outcomes = both(answers, lambda c: c.health(), lambda c: c.health())
    assert [type(outcome) for outcome in outcomes] == [ProblemError] * 2
    # 60 s at most: two pauses of 25 s for each.
    assert pauses == [25.0] * 4
    assert len(answers.requests) == 6


def test_a_limit_that_lasts_until_midnight_is_reported_at_once(pauses: Pauses) -> None:
    answers = Answers(problem(429, "too_many_calls_today", Retry_After="36000"))
    with client(answers) as one, pytest.raises(ProblemError, match="too_many_calls_today"):
        one.health()
    assert pauses == []


def test_a_date_is_a_time_to_come_back_too(pauses: Pauses) -> None:
    busy = httpx.Response(503, headers={"Retry-After": formatdate(time() + 30, usegmt=True)})
    with client(Answers(busy, httpx.Response(200, json=HEALTH))) as one:
        assert one.health().status == "ok"
    assert len(pauses) == 1
    assert 0 < pauses[0] <= 30


def test_a_gateway_that_names_no_time_is_asked_again_after_a_second(pauses: Pauses) -> None:
    with client(Answers(httpx.Response(503), httpx.Response(200, json=HEALTH))) as one:
        assert one.health().status == "ok"
    assert pauses == [1.0]


def test_other_errors_are_not_repeated(pauses: Pauses) -> None:
    answers = Answers(problem(409, "call_ended"))
    with client(answers) as one, pytest.raises(ProblemError) as raised:
        one.health()
    assert (raised.value.status, raised.value.code) == (409, "call_ended")
    assert str(raised.value) == "d (HTTP 409, call_ended)"
    assert len(answers.requests) == 1


def test_an_answer_that_is_no_problem_document_is_an_error_too() -> None:
    html = httpx.Response(401, html="<h1>no</h1>")
    broken = httpx.Response(400, text="{", headers={"Content-Type": "application/problem+json"})
    for response, text in (
        (html, "the key or token is missing or wrong (HTTP 401)"),
        (broken, "Bad Request (HTTP 400)"),
    ):
        with client(Answers(response)) as one, pytest.raises(ProblemError) as raised:
            one.health()
        assert (str(raised.value), raised.value.code) == (text, None)


def test_invalid_members_are_named() -> None:
    document = {"type": "about:blank", "title": "t", "status": 400, "detail": "invalid"}
    document |= {"code": "invalid_request", "errors": [{"field": "to", "message": "is required"}]}
    headers = {"Content-Type": "application/problem+json"}
    one = client(Answers(httpx.Response(400, json=document, headers=headers)))
    with pytest.raises(ProblemError, match=r"invalid; to: is required \(HTTP 400"):
        one.health()


def test_no_answer_is_an_error_that_names_the_address() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("Connection refused")

    for outcome in both(refuse, lambda c: c.health(), lambda c: c.health()):
        assert isinstance(outcome, UnreachableError)
        assert str(outcome) == "no answer from http://127.0.0.1:7071: Connection refused"


def test_a_repeat_of_a_post_has_the_same_idempotency_key(pauses: Pauses) -> None:
    answers = Answers(problem(503, "busy"), problem(503, "busy"), problem(400, "invalid_request"))
    with client(answers) as one:
        for _ in range(2):
            with pytest.raises(ProblemError):
                one.place_call(body=PlaceCall(to="+15551230000"))
    keys = [request.headers["Idempotency-Key"] for request in answers.requests]
    assert len(keys) == 4
    assert keys[0] == keys[1] == keys[2] != keys[3]
    with client(Answers(problem(400, "invalid_request"))) as one, pytest.raises(ProblemError):
        one.place_call(body=PlaceCall(to="+15551230000"), idempotency_key="mine")


def test_the_key_is_a_header_and_is_not_shown() -> None:
    answers = Answers(httpx.Response(200, json=HEALTH))
    with client(answers) as one:
        one.health()
        assert KEY not in repr(one)
        assert KEY not in repr(vars(one))
    assert answers.requests[0].headers["x-functions-key"] == KEY
    assert KEY not in str(answers.requests[0].url)
