"""Documents as the app answers with them."""

from __future__ import annotations

from typing import Any

from calls.http.openapi import document


def call_details(**members: Any) -> dict[str, Any]:
    """A call with all members that the OpenAPI document requires; null where they may be."""
    return example("CallDetails") | {"call_connection_id": "c"} | members


def example(name: str) -> dict[str, Any]:
    """A document with all required members; null where they may be."""
    schema = document()["components"]["schemas"][name]
    return {member: _value(schema["properties"][member]) for member in schema.get("required", ())}


def _value(schema: dict[str, Any]) -> Any:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        component = document()["components"]["schemas"][name]
        return component["enum"][0] if "enum" in component else example(name)
    if "anyOf" in schema:
        return None if {"type": "null"} in schema["anyOf"] else _value(schema["anyOf"][0])
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("format") == "date-time":
        return "2026-03-01T09:30:00Z"
    kinds: dict[str, Any] = {"string": "text", "integer": 1, "number": 1.0, "boolean": False}
    kinds |= {"array": [], "object": {}}
    return kinds[schema["type"]]
