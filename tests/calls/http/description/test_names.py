"""Shared parts of the document have names, which generated clients have, too."""

from __future__ import annotations

from typing import Any

import pytest

from calls.http import openapi
from calls.http.description.names import ENUMERATIONS, name_parts

STATES = list(ENUMERATIONS["CallState"])


def body(schema: dict[str, Any]) -> dict[str, Any]:
    """Paths with one operation, which has this body."""
    content = {"application/json": {"schema": schema}}
    return {"/a": {"post": {"operationId": "do_it", "requestBody": {"content": content}}}}


def test_an_enumeration_becomes_a_component_whatever_the_order_of_its_values() -> None:
    schemas = {
        "Call": {"properties": {"state": {"enum": STATES[::-1], "description": "its state"}}},
        "Page": {"properties": {"states": {"items": {"enum": STATES}}}},
    }
    _, components = name_parts({}, schemas)
    reference = "#/components/schemas/CallState"
    assert components["CallState"] == {"enum": STATES}
    assert components["Call"]["properties"]["state"] == {
        "$ref": reference,
        "description": "its state",
    }
    assert components["Page"]["properties"]["states"] == {"items": {"$ref": reference}}


def test_an_enumeration_without_a_name_stays_where_it_is() -> None:
    schemas = {"Health": {"properties": {"status": {"enum": ["ok"]}}}}
    assert name_parts({}, schemas) == ({}, schemas)


def test_a_body_is_called_as_its_operation() -> None:
    schema = {"type": "object", "properties": {"state": {"enum": STATES, "default": "failed"}}}
    paths = body(schema)
    named, components = name_parts(paths, {})
    content = named["/a"]["post"]["requestBody"]["content"]
    assert content == {"application/json": {"schema": {"$ref": "#/components/schemas/DoIt"}}}
    member = {"$ref": "#/components/schemas/CallState", "default": "failed"}
    assert components["DoIt"] == schema | {"title": "DoIt", "properties": {"state": member}}
    assert paths == body(schema), "the module's own operations are not changed"


def test_two_schemas_of_a_name_are_refused() -> None:
    titled = {"type": "object", "title": "Thing", "description": "one"}
    other = titled | {"description": "another"}
    with pytest.raises(AssertionError, match="two schemas are called Thing"):
        name_parts({}, {"Page": {"properties": {"one": titled, "other": other}}})


def test_no_name_of_the_document_comes_from_a_place() -> None:
    """Every enumeration of several values, and every object with members, is a component."""

    def unnamed(part: Any, path: str) -> list[str]:
        if isinstance(part, list):
            return [p for i, item in enumerate(part) for p in unnamed(item, f"{path}/{i}")]
        if not isinstance(part, dict):
            return []
        here = [path] if len(part.get("enum", ())) > 1 or "properties" in part else []
        return here + [p for key, member in part.items() for p in unnamed(member, f"{path}/{key}")]

    document = openapi.document()
    assert unnamed(document["paths"], "") == []
    for schema in document["components"]["schemas"].values():
        assert unnamed(list(schema.get("properties", {}).values()), "") == []
