"""The parts of operations."""

from __future__ import annotations

from calls.http.description import parts

PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}

BINARY = {"type": "string", "format": "binary"}


def test_an_operation_has_its_responses_in_order() -> None:
    operation = parts.operation("Do it", {200: parts.files("audio/wav"), 304: None}, [404])
    assert operation == {
        "summary": "Do it",
        "responses": {
            "200": {"description": "OK", "content": {"audio/wav": {"schema": BINARY}}},
            "304": {"description": "Not Modified"},
            "401": {"description": "the function key is missing or wrong, or nobody is signed in"},
            "404": {"description": "Not Found", "content": PROBLEM},
        },
    }


def test_an_operation_with_its_own_security_has_no_401_of_the_host() -> None:
    operation = parts.operation("Do it", {204: None}, [], security=[])
    assert operation["security"] == []
    assert operation["responses"].keys() == {"204"}


def test_a_body_is_required_if_a_member_of_it_is() -> None:
    schema = {"type": "object", "properties": {"a": {}}, "additionalProperties": False}
    assert parts.body({"a": {}}) == {
        "required": False,
        "content": {"application/json": {"schema": schema}},
    }
    assert parts.body({"a": {}}, required=["a"]) == {
        "required": True,
        "content": {"application/json": {"schema": schema | {"required": ["a"]}}},
    }


def test_files_are_binary_or_text() -> None:
    assert parts.files("audio/flac", "text/csv") == {
        "audio/flac": {"schema": BINARY},
        "text/csv": {"schema": {"type": "string"}},
    }


def test_parameters() -> None:
    schema = parts.text("^a$")
    assert schema == {"type": "string", "pattern": "^a$"}
    assert parts.query("q", schema) == {"name": "q", "in": "query", "schema": schema}
    assert parts.in_path("p", schema) == {
        "name": "p",
        "in": "path",
        "required": True,
        "schema": schema,
    }
