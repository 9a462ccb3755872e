"""The call record: its events end in the same record, in whatever order they arrive."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs.events import CallbackEvent, EventData, Identifier, MediaStreamingUpdate, Participant
from calls.records.derive import (
    MAX_EVENTS,
    add_event,
    add_request,
    derive_state,
    remove_request,
)
from calls.records.model import CallRecord, RequestRecord, new_record

STARTED_AT = datetime(2026, 11, 24, 12, tzinfo=UTC)


def create_event(name: str, second: float, details: str | None = None) -> CallbackEvent:
    update = MediaStreamingUpdate(media_streaming_status_details=details) if details else None
    return CallbackEvent(
        id=f"{name}-{second}",
        type="Microsoft.Communication." + name,
        time=STARTED_AT + timedelta(seconds=second),
        data=EventData("call", "server", "correlation", media_streaming_update=update),
    )


EVENTS = [
    create_event("CallConnected", 1),
    create_event("MediaStreamingStarted", 2, "subscriptionStarted"),
    create_event("MediaStreamingStopped", 5, "subscriptionStopped"),
    create_event("MediaStreamingStarted", 8, "subscriptionStarted"),
    create_event("MediaStreamingStopped", 11, "subscriptionStopped"),
    create_event("CallDisconnected", 12),
]


def record_of(events: list[CallbackEvent]) -> CallRecord:
    record = new_record("call", STARTED_AT)
    for event in events:
        add_event(record, event)
    return record


@given(st.permutations(EVENTS), st.lists(st.sampled_from(EVENTS)), st.randoms())
def test_any_order_and_any_repeats_end_in_the_same_record(
    order: list[CallbackEvent], repeats: list[CallbackEvent], rng: Random
) -> None:
    arrivals = [*order, *repeats]
    rng.shuffle(arrivals)
    assert msgspec.json.encode(record_of(arrivals)) == msgspec.json.encode(record_of(EVENTS))


@given(st.permutations(EVENTS))
def test_a_call_that_has_ended_does_not_go_on(order: list[CallbackEvent]) -> None:
    record = new_record("call", STARTED_AT)
    has_ended = False
    for event in order:
        add_event(record, event)
        has_ended = has_ended or event.name == "CallDisconnected"
        assert record.has_ended == has_ended


def test_the_same_event_twice_changes_nothing() -> None:
    record = record_of(EVENTS)
    before = msgspec.json.encode(record)
    assert not add_event(record, EVENTS[2])
    assert msgspec.json.encode(record) == before


@pytest.mark.parametrize(
    ("count", "state", "streaming"),
    [
        (0, "connecting", "inactive"),
        (1, "connected", "inactive"),
        (2, "connected", "active"),
        (3, "connected", "inactive"),
        (6, "disconnected", "inactive"),
    ],
)
def test_the_state_after_each_event(count: int, state: str, streaming: str) -> None:
    record = record_of(EVENTS[:count])
    assert (record.state, record.streaming.state) == (state, streaming)


def test_a_removed_request_changes_nothing() -> None:
    record = record_of(EVENTS[:1])
    start = RequestRecord(id="r", operation="start", time=STARTED_AT + timedelta(seconds=1.5))
    add_request(record, start)
    states = [record.streaming.state]
    remove_request(record, "r")
    assert [*states, record.streaming.state] == ["starting", "inactive"]


def test_a_failed_stream_is_still_failed_after_the_call() -> None:
    record = record_of(
        [EVENTS[0], create_event("MediaStreamingFailed", 2, "badRequest"), EVENTS[-1]]
    )
    assert record.streaming.state == "failed"
    assert record.streaming.details == "badRequest"


def test_the_number_of_events_is_limited_and_the_state_stays() -> None:
    updates = [
        CallbackEvent(
            id=f"p{number}",
            type="Microsoft.Communication.ParticipantsUpdated",
            time=STARTED_AT + timedelta(seconds=2 + number / 1000),
            data=EventData("call", participants=[Participant(Identifier(f"4:+1555{number:04d}"))]),
        )
        for number in range(MAX_EVENTS + 50)
    ]
    record = record_of([*EVENTS[:2], *updates, EVENTS[-1]])
    assert len(record.events) == MAX_EVENTS
    assert record.state == "disconnected"
    assert record.connected_at == EVENTS[0].time
    assert record.participants == [f"4:+1555{MAX_EVENTS + 49:04d}"]


def test_streaming_is_starting_until_acs_s_first_event() -> None:
    record = new_record("call", STARTED_AT)
    record.start_streaming = True
    derive_state(record)
    assert record.streaming.state == "starting"
