"""Unknown query parameters are refused."""

from __future__ import annotations

import azure.functions as func
import pytest

from calls.http import call_list, callbacks, failures
from calls.http.problems import Problem
from calls.http.query_parameters import (
    check_query,
    query_parameters,
    takes_any_query,
    takes_query,
)
from tests.calls.stream_uploader import send_nothing


def request(**params: str) -> func.HttpRequest:
    return func.HttpRequest("GET", "/", params=params, body=b"")


@takes_query("limit", "cursor")
def handle_page() -> None: ...


@takes_any_query
def handle_any() -> None: ...


def handle_none() -> None: ...


def test_known_parameters_and_the_host_s_own_pass() -> None:
    check_query(handle_page, request(limit="1", cursor="x", code="key", clientId="default"))
    check_query(handle_page, request())
    check_query(handle_none, request(code="key"))
    check_query(handle_any, request(anything="x"))


@pytest.mark.parametrize(
    ("handler", "detail"),
    [
        (handle_page, "the query has 2 unknown parameters; this route takes cursor, limit"),
        (handle_none, "the query has 2 unknown parameters; this route takes none"),
    ],
)
def test_unknown_parameters_are_named(handler: object, detail: str) -> None:
    with pytest.raises(Problem) as refused:
        check_query(handler, request(Limit="1", a="b"))
    problem = refused.value
    assert (problem.status, problem.code, problem.detail) == (400, "invalid_request", detail)
    assert problem.errors == [
        {"field": "Limit", "message": "is not a known parameter"},
        {"field": "a", "message": "is not a known parameter"},
    ]


def test_a_single_unknown_parameter() -> None:
    with pytest.raises(
        Problem, match=r"^the query has 1 unknown parameter; this route takes none$"
    ):
        check_query(handle_none, request(limit="1"))


def test_the_parameters_of_handlers() -> None:
    expected = frozenset({*call_list.FILTERS, "q", "sort", "limit", "cursor"})
    assert query_parameters(call_list.list_calls) == expected
    assert query_parameters(failures.list_failures) == frozenset()
    handler = callbacks.callback_handler(send_nothing)
    assert query_parameters(handler) is None, "ACS may add its own"
