"""The call record: any order of arrival ends in the same record, and none moves it back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs.events import CallbackEvent, EventData, Identifier, MediaStreamingUpdate, Participant
from calls.records import (
    MAX_EVENTS,
    CallRecord,
    RequestRecord,
    add_event,
    add_request,
    new_record,
    remove_request,
    work_out,
)

BEGUN = datetime(2026, 11, 24, 12, tzinfo=UTC)


def event(name: str, second: float, details: str | None = None) -> CallbackEvent:
    update = MediaStreamingUpdate(media_streaming_status_details=details) if details else None
    return CallbackEvent(
        id=f"{name}-{second}",
        type="Microsoft.Communication." + name,
        time=BEGUN + timedelta(seconds=second),
        data=EventData("call", "server", "correlation", media_streaming_update=update),
    )


LIFE = [
    event("CallConnected", 1),
    event("MediaStreamingStarted", 2, "subscriptionStarted"),
    event("MediaStreamingStopped", 5, "subscriptionStopped"),
    event("MediaStreamingStarted", 8, "subscriptionStarted"),
    event("MediaStreamingStopped", 11, "subscriptionStopped"),
    event("CallDisconnected", 12),
]


def record_of(events: list[CallbackEvent]) -> CallRecord:
    record = new_record("call", BEGUN)
    for one in events:
        add_event(record, one)
    return record


@given(st.permutations(LIFE), st.lists(st.sampled_from(LIFE)), st.randoms())
def test_any_order_and_any_repeats_end_in_the_same_record(
    order: list[CallbackEvent], repeats: list[CallbackEvent], rng: Random
) -> None:
    arrivals = [*order, *repeats]
    rng.shuffle(arrivals)
    assert msgspec.json.encode(record_of(arrivals)) == msgspec.json.encode(record_of(LIFE))


@given(st.permutations(LIFE))
def test_a_call_that_is_over_stays_over(order: list[CallbackEvent]) -> None:
    record = new_record("call", BEGUN)
    over = False
    for one in order:
        add_event(record, one)
        over = over or one.name == "CallDisconnected"
        assert record.has_ended == over


def test_the_same_event_twice_changes_nothing() -> None:
    record = record_of(LIFE)
    before = msgspec.json.encode(record)
    assert not add_event(record, LIFE[2])
    assert msgspec.json.encode(record) == before


@pytest.mark.parametrize(
    ("seen", "state", "streaming"),
    [
        (0, "connecting", "inactive"),
        (1, "connected", "inactive"),
        (2, "connected", "active"),
        (3, "connected", "inactive"),
        (6, "disconnected", "inactive"),
    ],
)
def test_states(seen: int, state: str, streaming: str) -> None:
    record = record_of(LIFE[:seen])
    assert (record.state, record.streaming.state) == (state, streaming)


def test_a_request_that_acs_refused_leaves_no_trace() -> None:
    record = record_of(LIFE[:1])
    start = RequestRecord(id="r", operation="start", time=BEGUN + timedelta(seconds=1.5))
    add_request(record, start)
    states = [record.streaming.state]
    remove_request(record, "r")
    assert [*states, record.streaming.state] == ["starting", "inactive"]


def test_a_failed_stream_stays_told_after_the_call() -> None:
    record = record_of([LIFE[0], event("MediaStreamingFailed", 2, "badRequest"), LIFE[-1]])
    assert record.streaming.state == "failed"
    assert record.streaming.details == "badRequest"


def test_events_are_bounded_and_the_states_outlive_it() -> None:
    updates = [
        CallbackEvent(
            id=f"p{number}",
            type="Microsoft.Communication.ParticipantsUpdated",
            time=BEGUN + timedelta(seconds=2 + number / 1000),
            data=EventData("call", participants=[Participant(Identifier(f"4:+1555{number:04d}"))]),
        )
        for number in range(MAX_EVENTS + 50)
    ]
    record = record_of([*LIFE[:2], *updates, LIFE[-1]])
    assert len(record.events) == MAX_EVENTS
    assert record.state == "disconnected"
    assert record.connected_at == LIFE[0].time
    assert record.participants == [f"4:+1555{MAX_EVENTS + 49:04d}"]


def test_a_call_asked_to_stream_is_starting_until_acs_says_more() -> None:
    record = new_record("call", BEGUN)
    record.start_streaming = True
    work_out(record)
    assert record.streaming.state == "starting"
