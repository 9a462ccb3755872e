"""Runs over many calls: bounded in time, side by side, and each call in its turn."""

from __future__ import annotations

import asyncio
import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.pipeline.fair_run import in_turn, visit_in_turn

CALLS = ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize(
    ("position", "turns"),
    [
        ("", "abcde"),
        ("a", "bcdea"),
        ("c", "deabc"),
        ("cc", "deabc"),
        ("e", "abcde"),
        ("z", "abcde"),
    ],
)
def test_the_turns_begin_after_the_position(position: str, turns: str) -> None:
    assert "".join(in_turn(CALLS, position)) == turns


def test_without_calls_there_are_no_turns() -> None:
    assert in_turn([], "a") == []


class Runs:
    """Runs one after another, each from the position that the last one has saved."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.position = ""
        self.saved: list[str] = []
        self.visited: list[str] = []
        self.now = 0.0
        self.running = self.most_at_once = 0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)

    async def visit(self, call: str) -> None:
        """Visit a call, which takes a second."""
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        self.visited.append(call)
        await asyncio.sleep(0)
        self.now += 1
        self.running -= 1

    async def save(self, call: str) -> None:
        self.position = call
        self.saved.append(call)

    async def run(self, calls: list[str], *, seconds: float, at_once: int = 1) -> int:
        turns = in_turn(calls, self.position)
        return await visit_in_turn(turns, self.visit, self.save, seconds=seconds, at_once=at_once)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    return Runs(monkeypatch)


async def test_a_run_ends_after_its_time_and_the_next_one_goes_on(runs: Runs) -> None:
    assert [await runs.run(CALLS, seconds=2) for _ in range(3)] == [2, 2, 2]
    assert "".join(runs.visited) == "abcdea"


async def test_a_run_visits_each_call_once(runs: Runs) -> None:
    assert await runs.run(CALLS, seconds=100) == 5
    assert "".join(runs.visited) == "abcde"
    assert await runs.run([], seconds=100) == 0
    assert runs.position == "e"


@pytest.mark.parametrize("at_once", [1, 3, 8])
async def test_calls_are_visited_side_by_side_up_to_the_limit(runs: Runs, at_once: int) -> None:
    await runs.run(CALLS, seconds=100, at_once=at_once)
    assert runs.most_at_once == min(at_once, len(CALLS))
    assert sorted(runs.visited) == CALLS


async def test_the_position_is_saved_before_the_first_visit_and_during_the_run(runs: Runs) -> None:
    calls = [f"{number:02d}" for number in range(20)]
    await runs.run(calls, seconds=100)
    assert runs.saved == ["00", "05", "10", "15", "19"]


async def test_a_call_that_kills_the_process_does_not_stop_the_others(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    visit = runs.visit

    async def die_at_b(call: str) -> None:
        if call == "b":
            raise Killed
        await visit(call)

    monkeypatch.setattr(runs, "visit", die_at_b)
    for _ in range(3):
        with contextlib.suppress(BaseExceptionGroup):
            await runs.run(CALLS, seconds=100)
    assert {"c", "d", "e"} <= set(runs.visited)


@given(
    st.lists(st.lists(st.integers(0, 29), max_size=20), min_size=1, max_size=5),
    st.integers(0, 29),
    st.integers(1, 10),
    st.integers(1, 4),
)
async def test_each_call_has_its_turn_however_many_come_and_go(
    others: list[list[int]], number: int, seconds: int, at_once: int
) -> None:
    """Other calls come and go between the runs. None has two turns between those of one call."""
    stays = f"{number:02d}"
    with pytest.MonkeyPatch.context() as monkeypatch:
        runs = Runs(monkeypatch)
        for run in range(35):
            calls = sorted({stays, *(f"{other:02d}" for other in others[run % len(others)])})
            await runs.run(calls, seconds=seconds, at_once=at_once)
    assert stays in runs.visited
    for between in "-".join(runs.visited).split(stays):
        turns = between.strip("-").split("-")
        assert len(turns) == len(set(turns))
