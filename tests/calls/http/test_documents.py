"""The public documents of calls show every member of the record that is not internal."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from acs.events import ResultInformation
from calls.http.documents import INTERNAL, AcsResult, Call, Event, Streaming, show, show_record
from calls.records import model

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


DERIVED = {"CallRecord": {"pauses", "matches"}}
"""The members of documents that are derived from internal ones, or from a transcript."""


def names(struct: type[msgspec.Struct]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(struct)}


@pytest.mark.parametrize(
    ("document", "stored"),
    [(Call, model.CallRecord), (Event, model.EventRecord), (Streaming, model.Streaming)],
)
def test_a_stored_member_is_shown_or_internal(
    document: type[msgspec.Struct], stored: type[msgspec.Struct]
) -> None:
    internal = INTERNAL.get(stored.__name__, frozenset())
    assert names(document) | internal == names(stored) | DERIVED.get(stored.__name__, set())
    assert not names(document) & internal


def test_a_call_is_shown_without_internals() -> None:
    record = model.new_record("a-call", NOW)
    record.from_ = "+15559990000"
    record.result = ResultInformation(code=200, sub_code=7, message="over")
    record.requests.append(model.RequestRecord(id="1", operation="start", time=NOW))
    shown = msgspec.to_builtins(show_record(Call, record))
    assert shown.keys() == names(Call) - {"matches"}, "those are for a search only"
    assert (shown["call_connection_id"], shown["from"]) == ("a-call", "+15559990000")
    assert shown["created_at"] == "2026-03-01T09:30:00Z"
    assert shown["result"] == {"code": 200, "sub_code": 7, "message": "over"}


def test_more_members_than_are_stored() -> None:
    class Shown(msgspec.Struct):
        code: int | None
        extra: AcsResult
        from_: str = msgspec.field(name="from")

    stored = ResultInformation(code=1)
    shown = show(Shown, stored, extra=ResultInformation(sub_code=2), from_="x")
    assert shown == Shown(1, AcsResult(code=None, sub_code=2, message=None), from_="x")
