"""The names of the containers and blobs that only the function app uses."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from calls import blobs
from calls.principals import SYSTEM
from contract import names
from contract.names import MalformedName, SegmentName

CREATED_AT = datetime(2026, 11, 25, 12, 0, 0, 123_456, tzinfo=UTC)


def test_the_containers_are_those_of_both_programs_once_each() -> None:
    assert set(names.CONTAINERS) < set(blobs.CONTAINERS)
    assert len(set(blobs.CONTAINERS)) == len(blobs.CONTAINERS) == 16


def test_an_analysis_is_named_as_its_segment() -> None:
    segment = SegmentName("call", "20261124T120000000Z-00000000", "mixed", CREATED_AT)
    assert blobs.analysis_blob(segment) == segment.blob.removesuffix(".wav") + ".json"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (blobs.call_blob("a-call"), "a-call.json"),
        (blobs.call_result_blob("a-call"), "a-call/call.json"),
        (blobs.transcript_blob("a-call"), "a-call/transcript.json"),
        (blobs.chunk_blob("a-call", "0123"), "a-call/chunks/0123.json"),
        (blobs.recording_blob("a-call"), "a-call/recording"),
        (blobs.rendition_blob("a-call", "mono.mp3"), "a-call/recording.mono.mp3"),
    ],
)
def test_a_call_s_blobs_begin_with_its_id(name: str, expected: str) -> None:
    assert name == expected


def test_the_index_is_in_parts_that_sort_by_number_and_day() -> None:
    logs = [blobs.log_blob(number) for number in (0, 9, 10, 12_345_678)]
    assert logs == sorted(logs)
    assert all(blob.startswith(blobs.LOG_PREFIX) for blob in logs)
    blob = blobs.day_blob("2026-11-26")
    assert (blob, blobs.day_of_blob(blob)) == ("days/2026-11-26.jsonl.gz", "2026-11-26")


def test_a_day_s_audit_trail_is_in_numbered_parts() -> None:
    day = date(2026, 11, 26)
    assert blobs.audit_blob(day, 0) == "2026-11-26/0000.jsonl"
    assert blobs.audit_blob(day, 12).startswith(blobs.audit_prefix(day))


def test_what_a_sender_chose_is_in_no_name() -> None:
    for name in (blobs.incoming_blob("../x"), blobs.idempotency_blob(SYSTEM, "../x")):
        assert "x" not in name
        assert "/" not in name
    assert blobs.incoming_blob("same") != blobs.idempotency_blob(SYSTEM, "same")
    assert blobs.idempotency_blob(SYSTEM, "one") != blobs.idempotency_blob(SYSTEM, "two")


def test_an_expiry_is_parsed_as_it_was_named() -> None:
    blob = blobs.expiry_blob(CREATED_AT.date(), "a-call")
    assert blob == "expiry/2026-11-25/a-call"
    assert blobs.parse_expiry_blob(blob) == (CREATED_AT.date(), "a-call")


@pytest.mark.parametrize(
    "blob",
    [
        "",
        "expiry",
        "expiry/2026-11-25",
        "expiry/2026-02-30/a",
        "expiry/20261125/a",
        "expiry/2026-11-25/-a",
        "expiry/2026-11-25/a/b",
        "other/2026-11-25/a",
    ],
)
def test_other_names_are_not_expiries(blob: str) -> None:
    with pytest.raises(MalformedName):
        blobs.parse_expiry_blob(blob)


def test_what_retention_keeps_is_named_apart() -> None:
    assert blobs.disposition_blob("a-call") == "calls/a-call.json"
    assert blobs.deletion_blob("0f") == "deletions/0f.json"
    assert blobs.unfinished_blob("0f") == "unfinished/0f"
    assert blobs.idempotency_notes("a-call") + blobs.idempotency_blob(SYSTEM, "key") == (
        f"calls/a-call/{blobs.idempotency_blob(SYSTEM, 'key')}"
    )
