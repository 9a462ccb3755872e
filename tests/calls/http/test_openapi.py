"""The OpenAPI document: its routes are the app's, and its parts fit together."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import azure.functions as func
from azure.functions import AuthLevel

from calls.http import openapi
from calls.http.problems import CONTENT_TYPE
from tests.security.conftest import UNKNOWN_ROUTE, HttpFunction, http_functions


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each path, method and operation of the document."""
    for path, item in openapi.document()["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def described_functions() -> list[HttpFunction]:
    """The app's functions, without the one for requests that no route serves."""
    return [function for function in http_functions() if function.route != UNKNOWN_ROUTE]


def references(part: Any) -> Iterator[str]:
    """Every ``$ref`` in a part of the document."""
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def test_it_describes_every_route_and_no_other() -> None:
    served = {
        (function.method.lower(), "/api/" + function.route) for function in described_functions()
    }
    assert {(method, path) for path, method, _ in operations()} == served


def test_it_says_which_routes_need_a_key() -> None:
    for function in described_functions():
        operation = openapi.document()["paths"]["/api/" + function.route][function.method.lower()]
        is_open = function.level == AuthLevel.ANONYMOUS
        assert ("security" in operation) == is_open, function
        if not is_open:
            assert "401" in operation["responses"], function
    assert openapi.document()["security"] == [{"key": []}]


async def test_the_app_answers_with_the_document() -> None:
    request = func.HttpRequest("GET", "/api/v1/openapi.json", body=b"")
    response = await openapi.show_openapi(request)
    assert (response.status_code, response.mimetype) == (200, "application/json")
    assert json.loads(response.get_body()) == openapi.document()


def test_every_reference_leads_to_a_schema() -> None:
    document = openapi.document()
    schemas = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert set(references(document)) <= schemas


def test_every_security_scheme_is_described() -> None:
    document = openapi.document()
    required = [*document["security"]]
    for _, _, operation in operations():
        required += operation.get("security", [])
    names = {name for requirement in required for name in requirement}
    assert names == document["components"]["securitySchemes"].keys()


def test_the_parameters_of_a_path_are_those_in_it() -> None:
    for path, method, operation in operations():
        parameters = [p for p in operation.get("parameters", []) if p["in"] == "path"]
        names = [parameter["name"] for parameter in parameters]
        assert names == re.findall(r"{(\w+)}", path), (method, path)
        assert all(parameter["required"] for parameter in parameters)


def test_failures_are_problem_documents() -> None:
    problem = {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path, method, operation in operations():
        responses = operation["responses"]
        assert list(responses) == sorted(responses), (method, path)
        assert any(status < "400" for status in responses), (method, path)
        for status, response in responses.items():
            # The host answers a wrong key without a body.
            is_the_host_s = status == "401" and "security" not in operation
            expected = None if is_the_host_s else problem
            if status >= "400":
                assert response.get("content") == expected, (method, path, status)
            else:
                assert response.get("content") != problem, (method, path, status)


def test_the_body_of_a_request_is_required_where_a_member_of_it_is() -> None:
    for path, method, operation in operations():
        body = operation.get("requestBody")
        if body is None:
            continue
        schema = body["content"]["application/json"]["schema"]
        if schema["type"] == "object":
            assert body["required"] == bool(schema.get("required")), (method, path)
            assert schema["additionalProperties"] is False, (method, path)
