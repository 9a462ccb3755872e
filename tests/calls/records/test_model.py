"""The call record's model: when a call has ended, and what a new record knows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args

import msgspec
import pytest

from calls.records.model import CallRecord, CallState, new_record

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("state", get_args(CallState))
def test_a_call_has_ended_when_it_is_disconnected_or_failed(state: CallState) -> None:
    record = CallRecord(call_connection_id="call", created_at=NOW, state=state)
    assert record.has_ended == (state in {"disconnected", "failed"})


def test_a_new_record_knows_only_its_id() -> None:
    record = new_record("call", NOW)
    assert (record.call_connection_id, record.created_at) == ("call", NOW)
    assert (record.state, record.streaming.state) == ("connecting", "inactive")
    assert not (record.origin_known or record.has_ended or record.finalized)


def test_new_records_share_nothing() -> None:
    first, second = new_record("first", NOW), new_record("second", NOW)
    first.participants.append("4:+15551230000")
    first.streaming.state = "active"
    assert not second.participants
    assert second.streaming.state == "inactive"


def test_the_caller_is_from_in_json() -> None:
    document = b'{"call_connection_id":"call","created_at":"2026-03-01T12:00:00Z","from":"4:+1"}'
    record = msgspec.json.decode(document, type=CallRecord)
    assert record.from_ == "4:+1"
    assert msgspec.to_builtins(record)["from"] == "4:+1"
