"""The OpenAPI document: its routes are the app's, and its parts fit together."""

from __future__ import annotations

import json
import re
import runpy
from collections.abc import Iterator
from typing import Any

import azure.functions as func
from azure.functions import AuthLevel

from calls.http import openapi
from calls.http.description.texts import TEXTS
from calls.http.problems import CONTENT_TYPE
from local.up import ROOT
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
    assert openapi.document()["security"] == [{"key": []}, {"entra": []}]


async def test_the_app_answers_with_the_document() -> None:
    request = func.HttpRequest("GET", "/api/v1/openapi.json", body=b"")
    response = await openapi.show_openapi(request)
    assert (response.status_code, response.mimetype) == (200, "application/json")
    assert json.loads(response.get_body()) == openapi.document()


def test_every_reference_leads_somewhere() -> None:
    document = openapi.document()
    components = {
        f"#/components/{kind}/{name}"
        for kind in ("schemas", "headers")
        for name in document["components"][kind]
    }
    assert set(references(document)) == components


def test_an_operation_s_id_is_its_function_s_name() -> None:
    names = set()
    for function in runpy.run_path(str(ROOT / "function_app.py"))["app"].get_functions():
        trigger = function.get_trigger().get_dict_repr()
        if trigger["type"] == "httpTrigger" and trigger["route"] != UNKNOWN_ROUTE:
            names.add(function.get_function_name())
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(ids)) == len(ids)
    assert {i for i in ids if not i.startswith("head_")} == names


def test_operations_have_texts_for_people() -> None:
    tags = {tag["name"] for tag in openapi.document()["tags"]}
    used = set()
    for path, method, operation in operations():
        assert operation["summary"][0].isupper(), (method, path)
        assert operation["description"].endswith("."), (method, path)
        used.update(operation["tags"])
    assert used == tags
    assert TEXTS.keys() == {f"{method.upper()} {path}" for path, method, _ in operations()}


def test_all_content_and_all_parameters_have_schemas() -> None:
    for path, method, operation in operations():
        for status, response in operation["responses"].items():
            for media_type, content in response.get("content", {}).items():
                assert content.get("schema"), (method, path, status, media_type)
        for parameter in operation.get("parameters", ()):
            assert parameter["schema"], (method, path, parameter["name"])


def test_responses_have_their_headers() -> None:
    def headers(path: str, method: str, status: str) -> set[str]:
        operation = openapi.document()["paths"][path][method]
        return set(operation["responses"][status].get("headers", {}))

    common = {"Cache-Control", "X-Content-Type-Options"}
    assert headers("/api/v1/calls", "get", "200") == common | {"ETag", "Link"}
    assert headers("/api/v1/calls", "get", "304") == common | {"ETag"}
    assert headers("/api/v1/calls", "post", "201") == common | {"Location", "Idempotent-Replayed"}
    assert headers("/api/v1/calls", "get", "401") == set(), "the host's own"
    assert headers("/api/v1/calls", "get", "503") == common | {"Retry-After"}
    file = {"ETag", "Accept-Ranges", "Content-Disposition", "Last-Modified"}
    recording = "/api/v1/calls/{id}/recording"
    assert headers(recording, "get", "206") == common | file | {"Content-Range"}
    assert headers(recording, "get", "307") == common | {"Location", "Referrer-Policy"}
    for path in ("/api/v1/calls/{id}/transcript", "/api/v1/calls/{id}/transcript.{format}"):
        assert headers(path, "get", "200") == common | {"ETag", "Vary"}
    assert headers("/api/console", "get", "304") == common | {"ETag"}
    assert headers(recording, "head", "200") == common | file
    assert headers("/api/v1/calls/{id}/hangup", "post", "204") == common


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
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            schema = openapi.document()["components"]["schemas"][name]
        if "object" in schema["type"]:
            assert body["required"] == bool(schema.get("required")), (method, path)
            assert schema["additionalProperties"] is False, (method, path)
