"""When a failed delivery is tried again, and which endpoints have to wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from calls.events.backoff import (
    AT_ONCE,
    BUSY_SECONDS,
    GIVE_UP_AFTER,
    LONGEST_SECONDS,
    SLOW_SECONDS,
    EndpointGate,
    retry_delay,
)

FIRST = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def test_the_delays_double_up_to_two_hours_less_up_to_a_half() -> None:
    delays = [retry_delay(attempt, FIRST, FIRST, jitter=1) for attempt in range(1, 13)]
    assert delays == [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 7200]
    assert [retry_delay(attempt, FIRST, FIRST, jitter=0) for attempt in (1, 2)] == [2.5, 5]
    assert retry_delay(10**6, FIRST, FIRST, jitter=1) == LONGEST_SECONDS
    for _ in range(50):
        delay = retry_delay(3, FIRST, FIRST)
        assert delay is not None
        assert 10 <= delay <= 20


@pytest.mark.parametrize("jitter", [0.0, 0.5, 1.0])
def test_the_last_attempt_is_made_after_24_hours(jitter: float) -> None:
    now, attempts = FIRST, 1
    while delay := retry_delay(attempts, FIRST, now, jitter=jitter):
        now += timedelta(seconds=delay)
        attempts += 1
    assert now - FIRST == GIVE_UP_AFTER
    assert 20 <= attempts <= 40


def test_an_endpoint_may_ask_for_a_later_attempt_but_not_for_one_after_the_end() -> None:
    assert retry_delay(1, FIRST, FIRST, least_seconds=600, jitter=1) == 600
    near_the_end = FIRST + GIVE_UP_AFTER - timedelta(seconds=60)
    assert retry_delay(1, FIRST, near_the_end, least_seconds=600, jitter=1) == 60


def test_a_quick_endpoint_gets_a_few_requests_at_a_time() -> None:
    gate = EndpointGate()
    assert [gate.admit("a", 0) for _ in range(AT_ONCE)] == [None] * AT_ONCE
    assert gate.admit("a", 0) == BUSY_SECONDS
    assert gate.admit("b", 0) is None, "another endpoint does not wait for it"
    gate.finish("a", 0, 0.1, succeeded=True)
    assert gate.admit("a", 0.1) is None


def test_an_endpoint_that_fails_rests_longer_each_time_and_then_gets_one_request() -> None:
    gate, now, rests = EndpointGate(), 0.0, []
    for _ in range(9):
        assert gate.admit("a", now) is None
        gate.finish("a", now, now, succeeded=False)
        rest = gate.admit("a", now)
        assert rest is not None
        rests.append(rest)
        now += rest
    assert rests == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert gate.admit("a", now) is None
    assert gate.admit("a", now) == BUSY_SECONDS
    gate.finish("a", now, now + 0.1, succeeded=True)
    assert [gate.admit("a", now) for _ in range(AT_ONCE)] == [None] * AT_ONCE


def test_an_endpoint_that_succeeds_slowly_rests_too() -> None:
    gate = EndpointGate()
    assert gate.admit("a", 0) is None
    gate.finish("a", 0, SLOW_SECONDS, succeeded=True)
    assert gate.admit("a", SLOW_SECONDS) == 1
