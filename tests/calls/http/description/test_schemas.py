"""The schemas of the responses are those of the structs."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from calls.http.description.schemas import STRUCTS, schemas
from calls.records.model import new_record


@pytest.mark.parametrize("struct", STRUCTS)
def test_a_schema_has_its_struct_s_fields(struct: type[msgspec.Struct]) -> None:
    schema = schemas()[struct.__name__]
    fields = msgspec.structs.fields(struct)
    assert schema["properties"].keys() == {field.encode_name for field in fields}
    required = {field.encode_name for field in fields if field.required}
    assert set(schema.get("required", [])) == required


def test_a_call_adds_its_streams_to_its_record() -> None:
    described = schemas()
    assert described["Call"]["allOf"] == [{"$ref": "#/components/schemas/CallRecord"}]
    record = msgspec.to_builtins(new_record("call", datetime(2026, 3, 1, tzinfo=UTC)))
    assert record.keys() == described["CallRecord"]["properties"].keys()
    assert not record.keys() & described["Call"]["properties"].keys()
