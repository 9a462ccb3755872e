"""Milestones: derived from a record, each once, whatever order its events arrive in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from acs.events import ResultInformation
from calls.records.milestones import MAX_STREAMING, add_milestones, add_transcript
from calls.records.model import CallRecord, EventRecord, Summary, new_record

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def reached(record: CallRecord) -> list[tuple[str, str]]:
    return [(milestone.type, milestone.what) for milestone in record.milestones]


def summary(sha256: str) -> Summary:
    return Summary(
        streams=1,
        segments=1,
        missing_segments=0,
        audio_ms=1,
        speech_ms=0,
        speech_share=0,
        lost_ms=0,
        duration_ms=1000,
        recording_sha256=sha256,
    )


def test_a_call_that_has_only_begun_has_none() -> None:
    record = new_record("c", NOW)
    assert not add_milestones(record, NOW)
    assert record.milestones == []


def test_a_call_is_connected_streamed_and_final() -> None:
    record = new_record("c", NOW)
    record.connected_at, record.state = NOW, "connected"
    assert add_milestones(record, NOW)
    assert not add_milestones(record, NOW), "it is known"
    record.events = [EventRecord(id="e1", type="MediaStreamingStarted", time=NOW)]
    assert add_milestones(record, NOW)
    record.state, record.ended_at, record.result_state = "disconnected", NOW, "processing"
    assert not add_milestones(record, NOW)
    record.result_state, record.summary = "final", summary("abc")
    assert add_milestones(record, NOW + timedelta(minutes=1))
    assert reached(record) == [
        ("call.connected", ""),
        ("call.streaming", "e1"),
        ("call.final", "final abc"),
    ]
    final = record.milestones[-1]
    assert final.time == NOW + timedelta(minutes=1)
    assert final.data == {
        "result_state": "final",
        "recording_sha256": "abc",
        "duration_ms": 1000,
    }


def test_a_result_that_changes_is_told_again_and_one_that_comes_back_is_not() -> None:
    record = new_record("c", NOW)
    record.state, record.ended_at = "disconnected", NOW
    for state, sha256 in [("partial", "a"), ("processing", "a"), ("partial", "a"), ("final", "b")]:
        record.result_state = state  # type: ignore[assignment]
        record.summary = summary(sha256)
        add_milestones(record, NOW)
    assert reached(record) == [("call.final", "partial a"), ("call.final", "final b")]


def test_a_call_without_audio_is_final_and_one_that_failed_is_only_failed() -> None:
    silent = new_record("c", NOW)
    silent.state, silent.ended_at, silent.result_state = "disconnected", NOW, "none"
    add_milestones(silent, NOW)
    assert reached(silent) == [("call.final", "none")]
    failed = new_record("c", NOW)
    failed.state, failed.ended_at, failed.result_state = "failed", NOW, "none"
    failed.result = ResultInformation(code=486, sub_code=18, message="busy: 4:+15551230000")
    add_milestones(failed, NOW)
    assert reached(failed) == [("call.failed", "")]
    assert failed.milestones[0].data == {"code": 486, "sub_code": 18}, "the message may name people"


def test_a_finalized_record_is_open_again_until_its_new_milestones_are_told() -> None:
    record = new_record("c", NOW)
    record.state, record.ended_at, record.result_state = "disconnected", NOW, "none"
    add_milestones(record, NOW)
    record.finalized = True
    assert not add_milestones(record, NOW)
    assert record.finalized
    record.result_state, record.summary = "final", summary("late")
    assert add_milestones(record, NOW)
    assert not record.finalized


def test_the_order_of_arrival_does_not_matter() -> None:
    starts = [EventRecord(id=f"e{i}", type="MediaStreamingStarted", time=NOW) for i in range(3)]
    for order in permutations(starts):
        record = new_record("c", NOW)
        for event in order:
            record.events.append(event)
            add_milestones(record, NOW)
        assert sorted(reached(record)) == [("call.streaming", f"e{i}") for i in range(3)]


def test_a_call_with_countless_streams_has_a_bounded_record() -> None:
    record = new_record("c", NOW)
    record.events = [
        EventRecord(id=f"e{i}", type="MediaStreamingStarted", time=NOW) for i in range(500)
    ]
    add_milestones(record, NOW)
    assert len(record.milestones) == MAX_STREAMING


@pytest.mark.parametrize("state", ["complete", "failed"])
def test_a_transcript_is_told_once_for_each_recording(state: str) -> None:
    record = new_record("c", NOW)
    record.finalized = True
    assert add_transcript(record, state, "d1", NOW)
    assert not record.finalized
    assert not add_transcript(record, state, "d1", NOW)
    assert add_transcript(record, state, "d2", NOW)
    assert [milestone.data for milestone in record.milestones] == [{"transcript_state": state}] * 2
