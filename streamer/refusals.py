"""Refused handshakes: each one is counted, and they are logged at a bounded rate.

Anyone may send handshakes. Thousands a second must not fill the log, so that past a few lines only
their number is logged, once a period.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus

from event_log import log_event
from streamer import metrics

_log = logging.getLogger(__name__)
_MAX_LINES = 20
_PERIOD_SECONDS = 10.0


class LimitedLog:
    """Logs events, at most ``max_lines`` in ``seconds``, and then how many more there were."""

    def __init__(
        self,
        logger: logging.Logger,
        max_lines: int,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._logger = logger
        self._max_lines = max_lines
        self._seconds = seconds
        self._clock = clock
        self._ends_at = -float("inf")
        self._lines = 0
        self._suppressed: Counter[str] = Counter()

    def log(self, level: int, event: str, **fields: object) -> None:
        """Log an event, or count it. Must be called on the event loop's thread."""
        now = self._clock()
        if now >= self._ends_at:
            self.log_suppressed()
            self._ends_at = now + self._seconds
            self._lines = 0
        self._lines += 1
        if self._lines <= self._max_lines:
            log_event(self._logger, level, event, exc_info=None, **fields)
            return
        if not self._suppressed:
            asyncio.get_running_loop().call_later(self._ends_at - now, self.log_suppressed)
        self._suppressed[event] += 1

    def log_suppressed(self) -> None:
        """Log how many events of each name were not logged."""
        suppressed, self._suppressed = self._suppressed, Counter()
        for event, count in suppressed.items():
            name, seconds = f"{event}_suppressed", self._seconds
            log_event(self._logger, logging.WARNING, name, count=count, seconds=seconds)


_limited_log = LimitedLog(_log, _MAX_LINES, _PERIOD_SECONDS)


def count_refused(status: HTTPStatus | None, reason: str) -> None:
    """Count and log a refused handshake; without a status, its connection was just dropped."""
    metrics.HANDSHAKES_REFUSED.labels(reason).inc()
    value = None if status is None else status.value
    _limited_log.log(logging.WARNING, "handshake_refused", status=value, reason=reason)


def count_warned(reason: str) -> None:
    """Count and log a handshake that was admitted although a check failed."""
    metrics.HANDSHAKES_WARNED.labels(reason).inc()
    _limited_log.log(logging.WARNING, "handshake_warned", reason=reason)


def log_limited(level: int, event: str, **fields: object) -> None:
    """Log something else that anyone's handshake can cause."""
    _limited_log.log(level, event, **fields)
