"""What all responses have in common."""

from __future__ import annotations

import hashlib

import azure.functions as func
import pytest

from calls.http.response_headers import complete_response, etag_matches

ETAG = f'"{hashlib.sha256(b"content").hexdigest()[:32]}"'


def request(method: str = "GET", **headers: str) -> func.HttpRequest:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return func.HttpRequest(method, "/", headers=names, body=b"")


def response(status: int = 200, **headers: str) -> func.HttpResponse:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return func.HttpResponse(b"content", status_code=status, headers=names)


def test_nobody_stores_a_response_or_guesses_its_type() -> None:
    for completed in (
        complete_response(request(), response()),
        complete_response(request("POST"), response(202)),
    ):
        assert completed.headers["Cache-Control"] == "no-store"
        assert completed.headers["X-Content-Type-Options"] == "nosniff"


def test_a_handler_s_own_headers_are_kept() -> None:
    completed = complete_response(request(), response(Cache_Control="no-cache", ETag='"1"'))
    assert (completed.headers["Cache-Control"], completed.headers["ETag"]) == ("no-cache", '"1"')


def test_what_is_read_has_an_entity_tag() -> None:
    assert complete_response(request(), response()).headers["ETag"] == ETAG
    other = complete_response(request(), func.HttpResponse(b"other"))
    assert other.headers["ETag"] != ETAG


@pytest.mark.parametrize(("method", "status"), [("POST", 200), ("HEAD", 200), ("GET", 206)])
def test_what_is_not_read_as_a_whole_has_none(method: str, status: int) -> None:
    completed = complete_response(request(method, If_None_Match="*"), response(status))
    assert (completed.status_code, "ETag" in completed.headers) == (status, False)


def test_a_client_that_has_it_gets_it_once() -> None:
    completed = complete_response(request(If_None_Match=ETAG), response(Vary="Accept"))
    assert (completed.status_code, completed.get_body()) == (304, b"")
    assert dict(completed.headers.items()) == {
        "Vary": "Accept",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "ETag": ETAG,
    }
    completed = complete_response(request(If_None_Match='"other"'), response())
    assert (completed.status_code, completed.get_body()) == (200, b"content")


@pytest.mark.parametrize(
    ("if_none_match", "matches"),
    [
        (None, False),
        ("", False),
        ('"a"', True),
        ('W/"a"', True),
        ('"b", W/"a" , "c"', True),
        ("*", True),
        ('"b"', False),
        ("a", False),
    ],
)
def test_entity_tags_are_compared(if_none_match: str | None, matches: bool) -> None:
    assert etag_matches(if_none_match, '"a"') is matches
    assert etag_matches(if_none_match, 'W/"a"') is matches
