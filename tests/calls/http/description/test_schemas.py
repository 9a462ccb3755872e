"""The schemas of the responses are those of the structs."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from calls.http.description.schemas import STRUCTS, schemas

TIME = {"type": "string", "format": "date-time"}


def options(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The alternatives of a schema, without examples."""
    found = schema.get("anyOf", [schema])
    return [{k: v for k, v in o.items() if k not in ("examples", "description")} for o in found]


@pytest.mark.parametrize("struct", STRUCTS)
def test_a_schema_has_its_struct_s_fields(struct: type[msgspec.Struct]) -> None:
    schema = schemas()[struct.__name__]
    fields = msgspec.structs.fields(struct)
    assert schema["properties"].keys() == {field.encode_name for field in fields}
    sent = [field.encode_name for field in fields if field.default is not msgspec.UNSET]
    assert schema["required"] == sent
    assert schema["description"]


def test_times_have_a_format() -> None:
    call = schemas()["Call"]["properties"]
    assert options(call["created_at"]) == [TIME]
    assert options(call["ended_at"]) == [TIME, {"type": "null"}]
    assert options(call["operation_context"]) == [{"type": "string"}, {"type": "null"}]
    assert options(schemas()["SegmentResult"]["properties"]["start"]) == [TIME]


def test_members_with_defaults_are_always_sent() -> None:
    summary = schemas()["Summary"]
    assert summary["required"] == list(summary["properties"])
    assert not any("default" in member for member in summary["properties"].values())


def test_descriptions_are_plain_text() -> None:
    for name, schema in schemas().items():
        assert "``" not in schema["description"], name
        assert "\n" not in schema["description"], name
