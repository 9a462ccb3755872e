"""NCRONTAB schedules, as Microsoft's documentation shows them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from local.host.timers import next_time
from tests.local.host.conftest import Host
from tests.local.waiting import until

NOW = datetime(2026, 11, 25, 12, 3, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("0 */5 * * * *", NOW.replace(minute=5, second=0)),
        ("0 0 * * * *", NOW.replace(hour=13, minute=0, second=0)),
        ("*/30 * * * * *", NOW.replace(second=30)),
        ("0 30 9 * * 1-5", NOW.replace(day=26, hour=9, minute=30, second=0)),
    ],
)
def test_the_next_time(schedule: str, expected: datetime) -> None:
    assert next_time(schedule, NOW) == expected


def test_an_invalid_schedule() -> None:
    with pytest.raises(ValueError, match="columns"):
        next_time("now and then", NOW)


def test_a_timer_runs_by_its_schedule(host: Host) -> None:
    before = host.count_traces("tick/False")
    until(lambda: host.count_traces("tick/False") >= before + 2)
