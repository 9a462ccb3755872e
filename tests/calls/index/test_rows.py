"""What the index keeps of a record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from calls.http.documents import Call, show_record
from calls.index.rows import (
    UNKNOWN_DURATION,
    day_of,
    decode_records,
    decode_rows,
    microseconds,
    parse_row,
    row_of,
    search_keys,
    span_of,
)
from calls.records.model import CallRecord, EventRecord, RequestRecord, Summary, Talk
from calls.records.store import decode_record
from tests.calls.index.sample_calls import BEGUN_AT, create_record


def full_record() -> CallRecord:
    talk = Talk(track="p1", participant="4:+15551230000", speech_ms=1, talk_share=1.0)
    return create_record(
        revision=7,
        state="disconnected",
        direction="outgoing",
        to="+15551230000",
        from_="+15559990000",
        names={"4:+15551230000": "Zoë Straße"},
        participants=["8:acs:a_b"],
        tags=["VIP"],
        notes="two\nlines\u2028",
        connected_at=BEGUN_AT,
        ended_at=BEGUN_AT + timedelta(seconds=61.5),
        events=[EventRecord(id="1", type="CallConnected", time=BEGUN_AT)],
        requests=[RequestRecord(id="1", operation="stop", time=BEGUN_AT, is_pause=True)],
        summary=Summary(
            streams=1,
            segments=1,
            missing_segments=0,
            audio_ms=1.0,
            speech_ms=1.0,
            speech_share=1.0,
            lost_ms=0.0,
            talk=[talk],
        ),
        start_streaming=False,
    )


def test_a_row_shows_the_same_call_as_its_record_without_events() -> None:
    record = full_record()
    row = row_of(record)
    assert b"CallConnected" not in row.content
    assert b"\n" not in row.content
    assert show_record(Call, decode_record(row.content)) == show_record(Call, record)


def test_a_row_has_what_is_filtered_and_sorted_by() -> None:
    row = row_of(full_record())
    assert (row.call, row.revision, row.duration) == ("call-00000", 7, 61_500)
    assert row.created_at == BEGUN_AT.timestamp() * 1_000_000
    assert (row.state, row.result_state, row.direction) == (
        "disconnected",
        "recording",
        "outgoing",
    )
    assert row.tags == ["VIP"]
    assert set(row.participants) == {
        "4:+15551230000",
        "4:+15559990000",
        "8:acs:a_b",
        "\nzoë strasse",
    }


def test_decoded_rows_are_the_encoded_ones() -> None:
    rows = [row_of(full_record()), row_of(create_record(1))]
    assert decode_rows(b"".join(row.content + b"\n" for row in rows)) == rows
    assert decode_rows(b"") == []


def test_a_record_of_a_later_schema_is_a_line_as_it_is_a_record() -> None:
    record = full_record()
    record.schema += 1
    row = row_of(record)
    assert decode_rows(row.content) == [row], "else it could not be deleted from the read model"


def test_a_line_that_is_not_a_record_hides_no_other_one(caplog: pytest.LogCaptureFixture) -> None:
    row = row_of(full_record())
    document = msgspec.json.decode(row.content)
    older = msgspec.json.encode(document | {"summary": "of an older version"})
    assert decode_rows(older) == [row._replace(content=older)]
    assert decode_records([older, row.content]) == [decode_record(row.content)]
    assert f"record_unreadable call={row.call}" in caplog.text


@pytest.mark.parametrize(
    ("connected", "ended", "duration"),
    [(None, None, None), (0, None, None), (None, 5, None), (0, 5, 5000), (5, 0, 0)],
)
def test_a_duration_is_known_when_the_call_has_ended(
    connected: int | None, ended: int | None, duration: int | None
) -> None:
    def time(seconds: int | None) -> datetime | None:
        return None if seconds is None else BEGUN_AT + timedelta(seconds=seconds)

    row = row_of(create_record(connected_at=time(connected), ended_at=time(ended)))
    assert row.duration == (UNKNOWN_DURATION if duration is None else duration)


def test_a_phone_number_is_searched_by_its_raw_id_and_all_else_also_by_name() -> None:
    assert search_keys("+15551230000") == ["4:+15551230000"]
    assert search_keys("ZOË Strasse") == ["ZOË Strasse", "\nzoë strasse"]


def test_days_are_those_of_utc() -> None:
    begin, end = span_of("2026-11-26")
    assert begin == microseconds(datetime(2026, 11, 26, tzinfo=UTC))
    assert end - begin == 24 * 3600 * 1_000_000
    assert (day_of(begin), day_of(end - 1), day_of(end)) == (
        "2026-11-26",
        "2026-11-26",
        "2026-11-27",
    )
    assert day_of(-1) == "1969-12-31"


def test_a_record_that_cannot_be_read_has_no_row(caplog: pytest.LogCaptureFixture) -> None:
    assert parse_row(b"{", call="a") is None
    assert "call=a" in caplog.text
