"""Waiting for what another process does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable


def until(reached: Callable[[], bool], timeout: float = 60) -> None:
    """Poll until ``reached`` is true."""
    deadline = time.monotonic() + timeout
    while not reached():
        assert time.monotonic() < deadline, f"not reached in {timeout:g} s"
        time.sleep(0.02)


async def until_async(reached: Callable[[], Awaitable[bool]], timeout: float = 60) -> None:
    """Poll until ``reached`` is true."""
    deadline = time.monotonic() + timeout
    while not await reached():
        assert time.monotonic() < deadline, f"not reached in {timeout:g} s"
        await asyncio.sleep(0.02)
