"""Times and lengths as people write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from callaudio.cli.times import format_clock, format_length, format_time, parse_time

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("90m", timedelta(minutes=90)),
        ("12h", timedelta(hours=12)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(weeks=2)),
    ],
)
def test_times_ago(text: str, ago: timedelta) -> None:
    assert parse_time(text, NOW) == NOW - ago


def test_dates_and_times_are_local_unless_they_say_otherwise() -> None:
    local = datetime(2026, 3, 1).astimezone()
    assert parse_time("2026-03-01") == local
    assert parse_time("2026-03-01T09:30Z") == datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    midnight = NOW.astimezone().replace(hour=0)
    assert parse_time("today", NOW) == midnight
    assert parse_time("yesterday", NOW) == midnight - timedelta(days=1)


@pytest.mark.parametrize("text", ["someday", "7x", "-7d", "2026-13-01", "", "\u0667d"])
def test_anything_else_is_an_error_that_says_how(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time: write 2026-03-01"):
        parse_time(text)


def test_how_they_are_shown() -> None:
    time = datetime(2026, 3, 1, 9, 30, 59).astimezone()
    assert format_time(time) == "2026-03-01 09:30"
    assert format_clock(time) == "09:30:59"
    lengths = {7.4: "0:07", 750: "12:30", 3723: "1:02:03"}
    assert {seconds: format_length(seconds) for seconds in lengths} == lengths
