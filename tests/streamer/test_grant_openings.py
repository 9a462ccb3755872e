"""A grant opens a burst of streams, and then one after another, slowly."""

from __future__ import annotations

import pytest

from streamer import grant_openings
from streamer.grant_openings import BURST, REFILL_SECONDS, GrantOpenings


class Time:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_admitted_and_then_one_for_each_refill() -> None:
    time = Time()
    openings = GrantOpenings(time)
    assert [openings.admit("a") for _ in range(BURST + 2)] == [True] * BURST + [False] * 2
    assert openings.admit("b"), "another grant has its own"
    time.now += REFILL_SECONDS
    assert [openings.admit("a") for _ in range(2)] == [True, False]
    time.now += 1000 * REFILL_SECONDS
    assert sum(openings.admit("a") for _ in range(2 * BURST)) == BURST


def test_grants_that_were_not_used_lately_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grant_openings, "_MAX_GRANTS", 2)
    openings = GrantOpenings(Time())
    for grant in "abac":
        openings.admit(grant)
    assert list(openings._full_at) == ["a", "c"]
