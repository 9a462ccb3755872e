"""Visiting many calls in a bounded time, side by side, each in its turn.

A run ends when all calls were visited or its time is over. The next one goes on after its position,
and begins again from the first call after the last: however many calls there are, each has its
turn. The position moves on while a run works, so that a call which brings down the process does not
stop those after it for good.
"""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Sequence

SAVE_SECONDS = 5.0
"""How often the position is saved during a run."""


def in_turn(calls: Sequence[str], position: str) -> list[str]:
    """Return the calls, which must be sorted, beginning with the first one after ``position``."""
    split = bisect_right(calls, position)
    return [*calls[split:], *calls[:split]]


async def visit_in_turn(
    turns: Sequence[str],
    visit: Callable[[str], Awaitable[None]],
    save_position: Callable[[str], Awaitable[None]],
    *,
    seconds: float,
    at_once: int,
) -> int:
    """Visit calls until all were visited or the time is over.

    Args:
        turns: The calls, in the order of their turns.
        visit: Visits one call. It must handle its errors and end in a bounded time.
        save_position: Saves the last call whose visit has begun. It must handle its errors.
        seconds: The time after which no further visit begins.
        at_once: The number of visits side by side.

    Returns:
        The number of calls that were visited.
    """
    deadline = time.monotonic() + seconds
    save_at = 0.0
    visited = 0

    async def work() -> None:
        nonlocal save_at, visited
        while visited < len(turns) and (now := time.monotonic()) < deadline:
            call = turns[visited]
            visited += 1
            if now >= save_at:
                save_at = now + SAVE_SECONDS
                await save_position(call)
            await visit(call)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(work())
    if visited:
        await save_position(turns[visited - 1])
    return visited
