"""Whose event it is: the ids of an event against those of its call."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest

from acs.events import CallbackEvent, EventData
from calls.records import CallRecord, add_event, new_record
from calls.records.event_matching import mismatched_id, place

BEGUN = datetime(2026, 11, 25, 12, tzinfo=UTC)


def server_call_id(conversation: str, machine: str = "10-60-13-216") -> str:
    """Of the shape that ACS's own samples show."""
    address = f"https://api.flightproxy.skype.com/api/v2/cp/conv/{conversation}?i={machine}&e=638"
    return base64.urlsafe_b64encode(address.encode()).decode()


def event(name: str = "CallConnected", *, source: str = "", **data: str | None) -> CallbackEvent:
    ids: dict[str, str | None] = {
        "call_connection_id": "call",
        "server_call_id": server_call_id("one"),
        "correlation_id": "correlation",
    }
    return CallbackEvent(
        id=f"{name}{source}{data}",
        type="Microsoft.Communication." + name,
        time=BEGUN + timedelta(seconds=1),
        data=EventData(**(ids | data)),  # type: ignore[arg-type]
        source=source,
    )


def placed() -> CallRecord:
    record = new_record("call", BEGUN)
    place(record, server_call_id("one"), "correlation")
    return record


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (event(), None),
        (event(source="calling/callConnections/call"), None),
        (event(source="calling/callConnections/call/CallConnected"), None),
        (event(source="something/else"), None),
        (event(server_call_id=None), None),
        (event(correlation_id=None), None),
        (event(server_call_id=server_call_id("one", "10-1-1-1")), None),
        (event(server_call_id=server_call_id("one").rstrip("=")), None),
        (event(source="calling/callConnections/another"), "source"),
        (event(source="/calling/callConnections/another/CallConnected"), "source"),
        (event(correlation_id="another"), "correlation_id"),
        (event(server_call_id=server_call_id("two")), "server_call_id"),
        (event(server_call_id="not base64!"), "server_call_id"),
        (event(server_call_id=server_call_id("two"), correlation_id=None), "server_call_id"),
        (event(server_call_id=None, correlation_id=None), "no_ids"),
    ],
)
def test_an_event_of_a_placed_call(of: CallbackEvent, expected: str | None) -> None:
    assert mismatched_id(placed(), of) == expected


def test_a_transfer_may_move_the_call_to_another_conversation() -> None:
    record = placed()
    add_event(record, event("CallTransferAccepted"))
    assert mismatched_id(record, event(server_call_id=server_call_id("two"))) is None
    nameless = event(server_call_id=server_call_id("two"), correlation_id=None)
    assert mismatched_id(record, nameless) == "server_call_id", "nothing vouches for it"
    other = event(server_call_id=server_call_id("two"), correlation_id="another")
    assert mismatched_id(record, other) == "correlation_id"


def test_before_the_placing_the_first_event_s_ids_bind_the_later_ones() -> None:
    record = new_record("call", BEGUN)
    assert mismatched_id(record, event(correlation_id=None)) == "no_correlation_id"
    assert mismatched_id(record, event()) is None
    add_event(record, event())
    assert mismatched_id(record, event(correlation_id="another")) == "correlation_id"
    assert mismatched_id(record, event(server_call_id=server_call_id("two"))) == "server_call_id"


def test_early_events_of_the_placed_call_stay() -> None:
    record = new_record("call", BEGUN)
    add_event(record, event())
    assert place(record, server_call_id("one", "another-machine"), "correlation") == 0
    assert (record.state, len(record.events), record.placed) == ("connected", 1, True)


@pytest.mark.parametrize(
    "early",
    [event(correlation_id="another"), event(server_call_id=server_call_id("two"))],
)
def test_early_events_of_other_ids_go_when_the_call_is_placed(early: CallbackEvent) -> None:
    record = new_record("call", BEGUN)
    add_event(record, early)
    assert place(record, server_call_id("one"), "correlation") == 1
    assert (record.state, record.events) == ("connecting", [])
    assert (record.correlation_id, record.server_call_id) == ("correlation", server_call_id("one"))
    assert mismatched_id(record, early) is not None, "and they cannot come back"
    record = new_record("call", BEGUN)
    add_event(record, early)
    assert place(record, server_call_id("one"), "correlation", keep_mismatched=True) == 1
    assert (record.state, len(record.events)) == ("connected", 1)


def test_an_id_that_a_stranger_told_does_not_stay_where_the_answer_leaves_it_out() -> None:
    record = new_record("call", BEGUN)
    add_event(record, event(correlation_id="another", server_call_id=server_call_id("two")))
    assert place(record, None, "correlation") == 1
    assert record.server_call_id is None
    assert mismatched_id(record, event()) is None


def test_an_answer_without_ids_keeps_what_the_events_told() -> None:
    record = new_record("call", BEGUN)
    add_event(record, event())
    assert place(record, None, None) == 0
    assert record.correlation_id == "correlation"
