"""Reading requests: routes, bodies, fields and cursors."""

from __future__ import annotations

from typing import Any

import azure.functions as func
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.errors import CallNotFound, InvalidCursor
from calls.http import requests
from calls.http.problems import Problem
from calls.http.requests import Fields


def create_request(body: bytes = b"", **route: str) -> func.HttpRequest:
    return func.HttpRequest("POST", "/", route_params=route, body=body)


def test_the_call_connection_id_of_the_route() -> None:
    assert requests.call_connection_id(create_request(id="a-call")) == "a-call"


@pytest.mark.parametrize("text", ["", "..", "../x", "a b", "a/b", "-a", "x" * 129, "é"])
def test_a_route_that_no_call_can_have(text: str) -> None:
    with pytest.raises(CallNotFound):
        requests.call_connection_id(create_request(id=text))
    with pytest.raises(CallNotFound):
        requests.call_connection_id(create_request())


def test_a_body_is_limited() -> None:
    largest = b" " * requests.MAX_BODY_BYTES
    assert requests.read_body(create_request(largest)) == largest
    with pytest.raises(Problem) as refused:
        requests.read_body(create_request(largest + b" "))
    assert (refused.value.status, refused.value.reason) == (413, "body_too_large")


@pytest.mark.parametrize(
    ("body", "members"),
    [(b"", {}), (b" \n", {}), (b"{}", {}), (b'{"a":[1,null]}', {"a": [1, None]})],
)
def test_a_json_object(body: bytes, members: dict[str, Any]) -> None:
    assert requests.read_json_object(create_request(body)) == members


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"{", "the body is not valid JSON: "),
        (b"to=1", "the body is not valid JSON: "),
        (b'{"a":"\xff"}', "the body is not valid JSON: "),
        (b"[" * 100_000, "the body is not valid JSON: "),
        (b"[]", "the body must be a JSON object"),
        (b"7", "the body must be a JSON object"),
        (b"null", "the body must be a JSON object"),
    ],
)
def test_a_body_that_is_not_a_json_object(body: bytes, detail: str) -> None:
    with pytest.raises(Problem) as refused:
        requests.read_json_object(create_request(body))
    assert refused.value.status == 400
    assert refused.value.detail.startswith(detail)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("007", 7),
        ("999999999", 999_999_999),
        ("1000000000", None),
        ("9" * 5000, None),
        ("", None),
        ("-1", None),
        ("+1", None),
        ("1.0", None),
        ("٣", None),
        ("²", None),
    ],
)
def test_numbers(text: str, number: int | None) -> None:
    assert requests.parse_number(text) == number


def test_fields_are_taken_with_their_defaults() -> None:
    fields = Fields({"text": "a", "texts": ["a", "b"], "rate": 24_000, "null": None})
    assert fields.take_text("text") == "a"
    assert fields.take_text("absent") is None
    assert fields.take_text("null") is None
    assert fields.take_texts("texts", 2) == ["a", "b"]
    assert fields.take_texts("absent", 2) is None
    assert fields.take_choice("rate", (16_000, 24_000)) == 24_000
    assert fields.take_choice("absent", (16_000, 24_000)) == 16_000
    fields.check()


@pytest.mark.parametrize("value", ["", "x" * 11, 1, True, [], {}])
def test_a_wrong_text(value: Any) -> None:
    fields = Fields({"text": value})
    assert fields.take_text("text", max_characters=10) is None
    assert fields.errors == [{"field": "text", "message": "must be a string of 1 to 10 characters"}]


@pytest.mark.parametrize("value", [[], "a", ["a", 1], ["a", "b", "c"], {"a": 1}])
def test_wrong_texts(value: Any) -> None:
    fields = Fields({"texts": value})
    assert fields.take_texts("texts", 2) == []
    assert fields.errors == [{"field": "texts", "message": "must be a list of 1 to 2 strings"}]


@pytest.mark.parametrize("value", [8000, "16000", 16_000.0, None, True])
def test_a_wrong_choice(value: Any) -> None:
    fields = Fields({"rate": value})
    assert fields.take_choice("rate", (16_000, 24_000)) == 16_000
    assert fields.errors == [{"field": "rate", "message": "must be 16000 or 24000"}]


def test_a_number_is_not_a_boolean() -> None:
    fields = Fields({"start": 1})
    assert fields.take_choice("start", (True, False)) is True
    assert fields.errors == [{"field": "start", "message": "must be true or false"}]


def test_all_faults_are_reported_at_once_with_unknown_fields_last() -> None:
    members = {"unknown": 1, "to": 7, "from": ""}
    fields = Fields(members)
    fields.take_text("to")
    fields.take_text("from")
    with pytest.raises(Problem) as refused:
        fields.check()
    assert refused.value.status == 400
    assert refused.value.detail == "the body has invalid fields: to, from, unknown"
    assert refused.value.errors is not None
    assert [error["field"] for error in refused.value.errors] == ["to", "from", "unknown"]
    assert members == {"unknown": 1, "to": 7, "from": ""}, "the caller's object is unchanged"


printable = st.text(st.characters(codec="utf-8").filter(str.isprintable), min_size=1)


@given(printable)
def test_a_cursor_survives_its_encoding(cursor: str) -> None:
    encoded = requests.encode_cursor(cursor)
    assert encoded is not None
    assert requests.decode_cursor(encoded) == cursor
    assert not set(encoded) & set("/+&?# ")


def test_no_cursor() -> None:
    assert requests.encode_cursor(None) is None
    assert requests.encode_cursor("") is None
    assert requests.decode_cursor(None) is None
    assert requests.decode_cursor("") is None


@pytest.mark.parametrize("text", ["x", "a b=", "YQ", "é", "_w==", "AAA=", "CgoK"])
def test_a_cursor_of_others_is_invalid(text: str) -> None:
    with pytest.raises(InvalidCursor):
        requests.decode_cursor(text)


def test_a_choice_in_the_query() -> None:
    def take(**params: str) -> str | None:
        request = func.HttpRequest("GET", "/", params=params, body=b"")
        return requests.take_choice(request, "mix", ("mono", "stereo"))

    assert take(mix="stereo") == "stereo"
    assert take(other="x") is None
    for wrong in ("", "Mono", "mono,stereo"):
        with pytest.raises(Problem, match="mix must be mono or stereo"):
            take(mix=wrong)


def test_a_fault_names_the_choices_as_a_sentence_does() -> None:
    request = func.HttpRequest("GET", "/", params={"format": "aac"}, body=b"")
    with pytest.raises(Problem, match=r"^format must be wav, flac or mp3$"):
        requests.take_choice(request, "format", ("wav", "flac", "mp3"))


@pytest.mark.parametrize("value", [0, 11, -1, 1.0, True, "5", [5], 10**30])
def test_a_number_is_whole_and_within_its_limits(value: object) -> None:
    fields = Fields({"number": value})
    assert fields.take_number("number", 1, 10) is None
    assert fields.errors == [
        {"field": "number", "message": "must be a whole number from 1 to 10"},
    ]


def test_a_number_may_be_absent() -> None:
    fields = Fields({"number": 10, "other": None})
    taken = [fields.take_number(name, 1, 10) for name in ("number", "other", "third")]
    assert taken == [10, None, None]
    fields.check()
