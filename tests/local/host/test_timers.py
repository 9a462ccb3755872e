"""NCRONTAB schedules, as Microsoft's documentation shows them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from local.host.timers import next_time

NOW = datetime(2026, 11, 25, 12, 3, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "wanted"),
    [
        ("0 */5 * * * *", NOW.replace(minute=5, second=0)),
        ("0 0 * * * *", NOW.replace(hour=13, minute=0, second=0)),
        ("*/30 * * * * *", NOW.replace(second=30)),
        ("0 30 9 * * 1-5", NOW.replace(day=26, hour=9, minute=30, second=0)),
    ],
)
def test_the_next_time(schedule: str, wanted: datetime) -> None:
    assert next_time(schedule, NOW) == wanted


def test_no_schedule() -> None:
    with pytest.raises(ValueError, match="columns"):
        next_time("every now and then", NOW)
