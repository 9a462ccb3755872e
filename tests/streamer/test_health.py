"""Health: when new streams are refused, and what is reported."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from streamer import metrics
from streamer.health import Health
from streamer.settings import load
from streamer.spool import Spool


@pytest.fixture
def outbox() -> Any:
    return SimpleNamespace(file_count=3, age_seconds=1000.0, last_error="ServiceRequestError")


@pytest.fixture
def streams() -> list[int]:
    return [0]


@pytest.fixture
def health(spool: Spool, outbox: Any, streams: list[int]) -> Health:
    settings = load(
        {
            "AUDIO_STORAGE_CONNECTION_STRING": "x",
            "TOKEN_CHECK": "off",
            "MAX_STREAMS": "2",
            "SPOOL_REFUSE_PERCENT": "50",
            "SPOOL_MAX_AGE_SECONDS": "900",
        }
    )
    return Health(settings, spool, outbox, lambda: streams[0])


def test_streams_are_refused_when_full_or_draining(
    health: Health, spool: Spool, streams: list[int]
) -> None:
    assert health.refusal_reason() is None
    spool.reserve(spool.max_bytes // 2)
    assert health.refusal_reason() == "spool_full"
    spool.free(1)
    assert health.refusal_reason() is None
    streams[0] = 2
    assert health.refusal_reason() == "full"
    health.is_draining = True
    assert health.refusal_reason() == "draining"


def test_the_report_has_the_numbers_of_the_moment(health: Health, spool: Spool) -> None:
    spool.reserve(100)
    report: dict[str, Any] = health.report()
    assert report["streams"] == 0
    assert report["spool"] == {"bytes": 100, "full_percent": 0.0, "error": None}
    assert report["uploads"] == {
        "waiting": 3,
        "oldest_seconds": 1000.0,
        "backlog": True,
        "error": "ServiceRequestError",
    }


def test_gauges_are_brought_up_to_date(health: Health, spool: Spool, streams: list[int]) -> None:
    spool.reserve(123)
    streams[0] = 7
    assert health.update_gauges() == 7
    values = {
        name: metrics.REGISTRY.get_sample_value(f"streamer_{name}")
        for name in ("spool_bytes", "outbox_files", "outbox_age_seconds")
    }
    assert values == {"spool_bytes": 123, "outbox_files": 3, "outbox_age_seconds": 1000}
