"""The call record: its events end in the same record, in whatever order they arrive."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs.events import (
    CallbackEvent,
    EventData,
    Identifier,
    MediaStreamingUpdate,
    Participant,
    ResultInformation,
)
from calls.records import derive
from calls.records.derive import (
    MAX_EVENT_BYTES,
    MAX_EVENTS,
    MAX_REQUESTS,
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
    assert MAX_EVENTS - 10 < len(record.events) <= MAX_EVENTS
    assert record.state == "disconnected"
    assert record.connected_at == EVENTS[0].time
    assert record.participants == [f"4:+1555{MAX_EVENTS + 49:04d}"]


def test_more_events_than_are_kept_leave_the_call_connected() -> None:
    others = [create_event("PlayCompleted", 2 + number / 1000) for number in range(MAX_EVENTS + 50)]
    record = record_of([*EVENTS[:2], *others])
    assert len(record.events) <= MAX_EVENTS
    assert (record.state, record.connected_at) == ("connected", EVENTS[0].time)
    assert record.streaming.state == "active"


def test_many_events_of_many_participants_are_a_small_record() -> None:
    raw_ids = [f"8:acs:3d20e1de-0f28-41c5-84a0-{number:012d}" for number in range(3000)]
    record = record_of(EVENTS[:1])
    for number in range(100):
        add_event(record, create_update(2 + number, *raw_ids[number:]))
    assert record.participants == raw_ids[99:]
    assert len(msgspec.json.encode(record)) < 200_000


def test_events_with_long_texts_are_bounded_in_bytes() -> None:
    long = "x" * 100_000
    record = new_record("call", STARTED_AT)
    for number in range(200):
        data = EventData(
            "call",
            operation_context=long,
            result_information=ResultInformation(200, 0, long),
            media_streaming_update=MediaStreamingUpdate(media_streaming_status_details=long),
        )
        time = STARTED_AT + timedelta(seconds=number)
        type_ = f"Microsoft.Communication.{'CallConnected' if number % 2 else long}"
        event = CallbackEvent(id=f"{number}-{long}", type=type_, time=time, data=data)
        assert add_event(record, event)
        assert not add_event(record, event)
    assert MAX_EVENT_BYTES / 2 < len(msgspec.json.encode(record)) < MAX_EVENT_BYTES + 50_000
    assert record.connected_at == STARTED_AT + timedelta(seconds=1)


def create_update(second: float, *raw_ids: str) -> CallbackEvent:
    return CallbackEvent(
        id=f"participants-{second}",
        type="Microsoft.Communication.ParticipantsUpdated",
        time=STARTED_AT + timedelta(seconds=second),
        data=EventData(
            "call", participants=[Participant(Identifier(raw_id)) for raw_id in raw_ids]
        ),
    )


@st.composite
def any_events(draw: st.DrawFn) -> list[CallbackEvent]:
    """Events of all types that are known, and one that is not, some of them at the same time."""
    types = [
        "CallConnected",
        "CallDisconnected",
        "CreateCallFailed",
        "MediaStreamingStarted",
        "MediaStreamingStopped",
        "MediaStreamingFailed",
        "ParticipantsUpdated",
        "CallTransferAccepted",
        "PlayCompleted",
    ]
    types_of_events = draw(st.lists(st.sampled_from(types), min_size=1, max_size=40))
    seconds = st.integers(0, 30)
    return [
        msgspec.structs.replace(
            create_update(draw(seconds), f"4:+1555{number:04d}"),
            id=f"event-{number}",
            type="Microsoft.Communication." + type_,
        )
        for number, type_ in enumerate(types_of_events)
    ]


def facts_of(record: CallRecord) -> tuple[object, ...]:
    streaming = record.streaming
    return record.state, record.connected_at, record.ended_at, streaming, record.participants


@given(any_events(), st.integers(9, 60), st.data())
def test_any_number_of_events_in_any_order_end_in_the_same_record(
    events: list[CallbackEvent], max_events: int, data: st.DataObject
) -> None:
    repeats = data.draw(st.lists(st.sampled_from(events), max_size=20))
    arrivals = data.draw(st.permutations([*events, *repeats]))
    whole = record_of(events)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(derive, "MAX_EVENTS", max_events)
        record = record_of(arrivals)
        assert msgspec.json.encode(record) == msgspec.json.encode(record_of(events))
    assert len(record.events) <= max_events
    assert facts_of(record) == facts_of(whole), "what was dropped was not decisive"


STEPS = {"connecting": 0, "connected": 1, "disconnected": 2, "failed": 2}


@given(any_events(), st.data())
def test_no_event_sets_a_record_back(events: list[CallbackEvent], data: st.DataObject) -> None:
    """Whatever arrives, a call goes on, and its times of connection and end are the first ones."""
    repeats = data.draw(st.lists(st.sampled_from(events), max_size=20))
    record = new_record("call", STARTED_AT)
    step, streaming_time = 0, None
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(derive, "MAX_EVENTS", 9)
        for event in data.draw(st.permutations([*events, *repeats])):
            before = record.connected_at, record.ended_at
            add_event(record, event)
            assert STEPS[record.state] >= step
            for earlier, later in zip(before, (record.connected_at, record.ended_at), strict=True):
                assert earlier is None or (later is not None and later <= earlier)
            times = [e.time for e in record.events if e.type.startswith("MediaStreaming")]
            latest = max(times, default=None)
            assert streaming_time is None or (latest is not None and latest >= streaming_time)
            step, streaming_time = STEPS[record.state], latest


def request(number: int, operation: Literal["start", "stop"], second: float) -> RequestRecord:
    return RequestRecord(
        id=f"request-{number}", operation=operation, time=STARTED_AT + timedelta(seconds=second)
    )


@pytest.mark.parametrize("ahead_seconds", [-3600, -0.1, 0, 0.1, 3600])
def test_our_clock_does_not_decide_whether_a_request_is_answered(ahead_seconds: float) -> None:
    record = record_of(EVENTS[:1])
    states = []
    for number, event in enumerate(EVENTS[1:5]):
        operation: Literal["start", "stop"] = "stop" if number % 2 else "start"
        second = (event.time - STARTED_AT).total_seconds() + ahead_seconds
        add_request(record, request(number, operation, second))
        states.append(record.streaming.state)
        add_event(record, event)
        states.append(record.streaming.state)
    assert states == ["starting", "active", "stopping", "inactive"] * 2


def test_a_late_event_does_not_answer_a_newer_request() -> None:
    started, stopped, restarted = EVENTS[1:4]
    record = record_of([EVENTS[0], stopped])
    add_request(record, request(1, "start", 6))
    states = []
    for event in (started, restarted):
        add_event(record, event)
        states.append(record.streaming.state)
    assert states == ["starting", "active"], "the first one tells how the first stream started"


def test_each_request_waits_for_its_own_answer() -> None:
    started, stopped, restarted = EVENTS[1:4]
    record = record_of(EVENTS[:1])
    record.start_streaming = True
    derive_state(record)
    states = [record.streaming.state]
    add_request(record, request(1, "stop", 2))
    for event in (started, None, stopped, restarted, EVENTS[4]):
        if event is None:
            add_request(record, request(2, "start", 2))
        else:
            add_event(record, event)
        states.append(record.streaming.state)
    assert states == ["starting", "stopping", "starting", "starting", "active", "inactive"]


def test_a_stop_that_takes_longer_than_the_next_start_leaves_the_stream_active() -> None:
    names = ["Started", "Started", "Stopped"]
    events = [create_event(f"MediaStreaming{name}", 2 + n) for n, name in enumerate(names)]
    record = record_of([EVENTS[0], events[0]])
    add_request(record, request(1, "stop", 3))
    add_request(record, request(2, "start", 3))
    add_event(record, events[1])
    add_event(record, events[2])
    states = [record.streaming.state]
    add_event(record, create_event("MediaStreamingStopped", 9))
    states.append(record.streaming.state)
    assert states == ["active", "inactive"], "nobody requested the second stop"


def test_a_failed_stream_answers_any_request() -> None:
    failed = create_event("MediaStreamingFailed", 2, "badRequest")
    operations: list[Literal["start", "stop"]] = ["start", "stop"]
    for operation in operations:
        record = record_of(EVENTS[:1])
        add_request(record, request(1, operation, 5))
        add_event(record, failed)
        assert record.streaming.state == "failed"


def test_the_number_of_requests_is_limited() -> None:
    record = record_of(EVENTS[:1])
    for number in range(3 * MAX_REQUESTS):
        add_request(record, request(number, "stop" if number % 2 else "start", number))
    assert len(record.requests) == MAX_REQUESTS
    assert record.streaming.state == "stopping"
    assert len(msgspec.json.encode(record)) < 50_000


def test_streaming_is_starting_until_acs_s_first_event() -> None:
    record = new_record("call", STARTED_AT)
    record.start_streaming = True
    derive_state(record)
    assert record.streaming.state == "starting"
