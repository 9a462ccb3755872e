"""Waiting for what a process does in its own time."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(reached: Callable[[], bool], timeout: float = 15) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + timeout
    while not reached():
        assert time.monotonic() < deadline, "not reached in time"
        time.sleep(0.05)
