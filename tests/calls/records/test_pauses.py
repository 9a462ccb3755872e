"""A call's pauses, derived from requests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from calls.principals import SYSTEM, Principal
from calls.records.derive import add_event, add_request, remove_request
from calls.records.model import CallRecord, RequestRecord, new_record
from calls.records.pauses import is_resumed, list_pauses, locate_pauses, open_pause
from tests.calls.call_events import create_event

START = datetime(2026, 11, 26, 3, 30, tzinfo=UTC)
AGENT = Principal(kind="entra", id="agent", name="Ann")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def pause(seconds: float, reason: str | None = None) -> RequestRecord:
    return RequestRecord(
        id=f"pause-{seconds}",
        operation="stop",
        time=at(seconds),
        by=AGENT,
        is_pause=True,
        reason=reason,
    )


def start(seconds: float) -> RequestRecord:
    return RequestRecord(id=f"start-{seconds}", operation="start", time=at(seconds), by=SYSTEM)


def stop(seconds: float) -> RequestRecord:
    return RequestRecord(id=f"stop-{seconds}", operation="stop", time=at(seconds), by=AGENT)


def record(*requests: RequestRecord) -> CallRecord:
    record = new_record("a-call", START)
    for request in requests:
        add_request(record, request)
    return record


def test_a_pause_lasts_until_the_next_start() -> None:
    (only,) = list_pauses(record(start(0), pause(10, "card"), start(15), stop(20), start(30)))
    assert (only.paused_at, only.paused_by, only.reason) == (at(10), AGENT, "card")
    assert (only.resumed_at, only.resumed_by) == (at(15), SYSTEM)


def test_stops_and_starts_that_are_not_pauses_are_none() -> None:
    assert list_pauses(record(start(0), stop(1), start(2))) == []


def test_the_last_pause_may_be_open() -> None:
    paused = record(pause(10), start(15), pause(20))
    assert [each.resumed_at for each in list_pauses(paused)] == [at(15), None]
    request = open_pause(paused)
    assert request is not None
    assert request.id == "pause-20"
    assert open_pause(record()) is None
    assert open_pause(record(pause(10), start(15))) is None


def test_a_pause_that_was_requested_again_is_one_pause() -> None:
    pauses = list_pauses(record(pause(10), pause(41), start(50)))
    assert [(each.paused_at, each.resumed_at) for each in pauses] == [(at(10), at(50))]


def test_a_pause_that_acs_refused_has_not_been() -> None:
    paused = record(pause(10))
    remove_request(paused, "pause-10")
    assert list_pauses(paused) == []


def test_a_pause_that_acs_refused_to_end_goes_on() -> None:
    paused = record(pause(10), start(15))
    remove_request(paused, "start-15")
    assert open_pause(paused) is not None


def test_the_end_of_the_call_ends_a_pause() -> None:
    ended = record(pause(10))
    add_event(ended, create_event("a-call", "CallDisconnected", at(20)))
    assert open_pause(ended) is None
    assert [each.resumed_at for each in list_pauses(ended)] == [None]


def test_whether_the_last_request_ended_a_pause() -> None:
    assert is_resumed(record(pause(10), start(15)))
    assert is_resumed(record(pause(10), start(15), start(46)))
    for other in (record(), record(start(0)), record(pause(10)), record(stop(10), start(15))):
        assert not is_resumed(other)


def test_where_pauses_lie_in_a_recording() -> None:
    paused = record(pause(10), start(15), pause(20))
    spans = locate_pauses(paused, at(2), 30_000)
    assert [(span.start_ms, span.end_ms) for span in spans] == [(8000, 13_000), (18_000, 30_000)]
    (first, second) = locate_pauses(paused, at(12), 1000)
    assert (first.start_ms, first.end_ms) == (0, 1000), "within the recording"
    assert (second.start_ms, second.end_ms) == (1000, 1000)


def test_records_of_older_versions_have_no_pauses() -> None:
    document = msgspec.to_builtins(stop(1))
    for member in ("by", "is_pause", "resume_at", "reason"):
        del document[member]
    assert list_pauses(record(msgspec.convert(document, RequestRecord))) == []
