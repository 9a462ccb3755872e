"""Whether a callback event belongs to its call: the event's ids against those of the record."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from acs.events import CallbackEvent, EventData
from calls.records.derive import add_event
from calls.records.event_matching import mismatched_id, names_call, set_origin
from calls.records.model import CallRecord, new_record

STARTED_AT = datetime(2026, 11, 25, 12, tzinfo=UTC)


def server_call_id(conversation: str, machine: str = "10-60-13-216") -> str:
    """A server call id as in ACS's own samples."""
    address = f"https://api.flightproxy.skype.com/api/v2/cp/conv/{conversation}?i={machine}&e=638"
    return base64.urlsafe_b64encode(address.encode()).decode()


def create_event(
    name: str = "CallConnected", *, source: str = "", **data: str | None
) -> CallbackEvent:
    ids: dict[str, str | None] = {
        "call_connection_id": "call",
        "server_call_id": server_call_id("one"),
        "correlation_id": "correlation",
    }
    return CallbackEvent(
        id=f"{name}{source}{data}",
        type="Microsoft.Communication." + name,
        time=STARTED_AT + timedelta(seconds=1),
        data=EventData(**(ids | data)),  # type: ignore[arg-type]
        source=source,
    )


def create_placed_record() -> CallRecord:
    record = new_record("call", STARTED_AT)
    set_origin(record, server_call_id("one"), "correlation")
    return record


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (create_event(), None),
        (create_event(source="calling/callConnections/call"), None),
        (create_event(source="calling/callConnections/call/CallConnected"), None),
        (create_event(source="something/else"), None),
        (create_event(server_call_id=None), None),
        (create_event(correlation_id=None), None),
        (create_event(server_call_id=server_call_id("one", "10-1-1-1")), None),
        (create_event(server_call_id=server_call_id("one").rstrip("=")), None),
        (create_event(source="calling/callConnections/another"), "source"),
        (create_event(source="/calling/callConnections/another/CallConnected"), "source"),
        (create_event(correlation_id="another"), "correlation_id"),
        (create_event(server_call_id=server_call_id("two")), "server_call_id"),
        (create_event(server_call_id="not base64!"), "server_call_id"),
        (create_event(server_call_id=server_call_id("two"), correlation_id=None), "server_call_id"),
        (create_event(server_call_id=None, correlation_id=None), "no_ids"),
    ],
)
def test_an_event_of_a_placed_call(event: CallbackEvent, expected: str | None) -> None:
    assert mismatched_id(create_placed_record(), event) == expected


def test_a_transfer_may_move_the_call_to_another_conversation() -> None:
    record = create_placed_record()
    add_event(record, create_event("CallTransferAccepted"))
    assert mismatched_id(record, create_event(server_call_id=server_call_id("two"))) is None
    uncorrelated = create_event(server_call_id=server_call_id("two"), correlation_id=None)
    assert mismatched_id(record, uncorrelated) == "server_call_id", "it could be of any call"
    other = create_event(server_call_id=server_call_id("two"), correlation_id="another")
    assert mismatched_id(record, other) == "correlation_id"


def test_before_the_call_is_recorded_later_events_must_match_the_first() -> None:
    record = new_record("call", STARTED_AT)
    assert mismatched_id(record, create_event(correlation_id=None)) == "no_correlation_id"
    assert mismatched_id(record, create_event()) is None
    add_event(record, create_event())
    assert mismatched_id(record, create_event(correlation_id="another")) == "correlation_id"
    assert (
        mismatched_id(record, create_event(server_call_id=server_call_id("two")))
        == "server_call_id"
    )


def test_early_events_with_the_call_s_ids_are_kept() -> None:
    record = new_record("call", STARTED_AT)
    add_event(record, create_event())
    assert set_origin(record, server_call_id("one", "another-machine"), "correlation") == 0
    assert (record.state, len(record.events), record.origin_known) == ("connected", 1, True)


@pytest.mark.parametrize(
    "early",
    [create_event(correlation_id="another"), create_event(server_call_id=server_call_id("two"))],
)
def test_early_events_with_other_ids_are_removed(early: CallbackEvent) -> None:
    record = new_record("call", STARTED_AT)
    add_event(record, early)
    assert set_origin(record, server_call_id("one"), "correlation") == 1
    assert (record.state, record.events) == ("connecting", [])
    assert (record.correlation_id, record.server_call_id) == ("correlation", server_call_id("one"))
    assert mismatched_id(record, early) is not None, "and they cannot come back"
    record = new_record("call", STARTED_AT)
    add_event(record, early)
    assert set_origin(record, server_call_id("one"), "correlation", keep_mismatched=True) == 1
    assert (record.state, len(record.events)) == ("connected", 1)


def test_an_id_of_a_removed_event_is_removed_even_if_acs_s_answer_lacks_it() -> None:
    record = new_record("call", STARTED_AT)
    add_event(record, create_event(correlation_id="another", server_call_id=server_call_id("two")))
    assert set_origin(record, None, "correlation") == 1
    assert record.server_call_id is None
    assert mismatched_id(record, create_event()) is None


def test_an_answer_without_ids_keeps_the_ids_of_the_events() -> None:
    record = new_record("call", STARTED_AT)
    add_event(record, create_event())
    assert set_origin(record, None, None) == 0
    assert record.correlation_id == "correlation"


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ({}, True),
        ({"server_call_id": None}, True),
        ({"correlation_id": None}, True),
        ({"correlation_id": "another"}, True),
        ({"correlation_id": "another", "server_call_id": None}, False),
        ({"correlation_id": None, "server_call_id": server_call_id("two")}, False),
        ({"correlation_id": None, "server_call_id": None}, False),
    ],
)
def test_an_event_names_a_call_by_an_id_that_acs_returned(
    ids: dict[str, Any], expected: bool
) -> None:
    assert names_call(create_placed_record(), create_event(**ids)) is expected


def test_no_event_names_a_call_whose_ids_acs_has_not_returned() -> None:
    """Its ids are those of an earlier event, which anybody may have sent."""
    record = new_record("call", STARTED_AT)
    add_event(record, create_event())
    assert record.correlation_id == "correlation"
    assert not names_call(record, create_event())


def test_a_call_without_a_correlation_id_is_named_by_its_server_call_id_alone() -> None:
    record = new_record("call", STARTED_AT)
    set_origin(record, server_call_id("one"), None)
    assert names_call(record, create_event())
    assert not names_call(record, create_event(server_call_id=None))
