"""How long a call is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from calls.records.model import CallRecord, Direction, new_record
from calls.retention.policy import expires_at, segments_expire_at
from calls.settings import Settings

BEGAN = datetime(2026, 11, 24, 12, tzinfo=UTC)
ENDED = BEGAN + timedelta(minutes=5)


def record(direction: Direction | None = None, **fields: Any) -> CallRecord:
    call = new_record("a-call", BEGAN)
    call.direction, call.ended_at = direction, ENDED
    for field, value in fields.items():
        setattr(call, field, value)
    return call


@pytest.mark.parametrize(
    ("call", "settings", "days"),
    [
        (record(), {}, None),
        (record(), {"retention_days": 30}, 30),
        (record("outgoing"), {"retention_days": 30, "retention_days_incoming": 7}, 30),
        (record("incoming"), {"retention_days": 30, "retention_days_incoming": 7}, 7),
        (record("incoming"), {"retention_days": 30, "retention_days_incoming": 0}, None),
        (record("incoming"), {"retention_days": 30}, 30),
        (record("incoming", retention_days=90), {"retention_days_incoming": 7}, 90),
        (record(retention_days=1), {}, 1),
    ],
)
def test_a_call_is_kept_as_it_says_or_as_the_settings_say(
    call: CallRecord, settings: dict[str, int], days: int | None
) -> None:
    expected = None if days is None else ENDED + timedelta(days=days)
    assert expires_at(call, BEGAN, msgspec.convert(settings, Settings)) == expected


def test_a_call_without_a_known_end_is_kept_from_its_beginning() -> None:
    settings = Settings(retention_days=30, segment_days=7)
    assert expires_at(None, BEGAN, settings) == BEGAN + timedelta(days=30)
    assert segments_expire_at(record(ended_at=None), BEGAN, settings) == BEGAN + timedelta(days=7)


def test_segments_expire_with_the_call_unless_a_setting_says_otherwise() -> None:
    assert segments_expire_at(record(retention_days=1), BEGAN, Settings()) is None
    settings = Settings(segment_days=30)
    assert segments_expire_at(record(), BEGAN, settings) == ENDED + timedelta(days=30)
