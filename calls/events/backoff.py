"""When a failed delivery is tried again, and which endpoints have to wait. Pure.

An instance runs few functions of a queue at a time (``host.json``). So that an endpoint which does
not answer never keeps them all busy, it gets one request at a time, and rests after each failure:
what is due for it meanwhile goes back into the queue, and what is due for others is sent.
"""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import datetime, timedelta

GIVE_UP_AFTER = timedelta(hours=24)
FIRST_SECONDS = 5.0
LONGEST_SECONDS = 7200.0

AT_ONCE = 3
"""The most requests that a quick endpoint gets at a time: one less than functions run at once."""

SLOW_SECONDS = 2.0
RESTS_SECONDS = (1.0, 60.0)
"""How long an endpoint rests after its first failure, and at most; doubled each time."""

BUSY_SECONDS = 1.0


def retry_delay(
    attempt: int,
    first_at: datetime,
    now: datetime,
    *,
    least_seconds: float = 0.0,
    jitter: float | None = None,
) -> float | None:
    """Return the seconds until the next attempt; None if there is none.

    The delays double from 5 seconds to 2 hours, less up to a half; the last attempt is made 24
    hours after the first.

    Args:
        attempt: How many attempts have failed, 1 or more.
        first_at: When the first one was made.
        now: The current time.
        least_seconds: What the endpoint asks for (``Retry-After``).
        jitter: 0 to 1, how much of the half is left; None: random.
    """
    left = (first_at + GIVE_UP_AFTER - now).total_seconds()
    if left <= 0:
        return None
    share = random.random() if jitter is None else jitter  # noqa: S311  # not a secret
    longest = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(attempt - 1, 32))
    return min(left, max(least_seconds, longest * (0.5 + share / 2)))


class EndpointGate:
    """Which endpoints get a request now. One for each process, on its event loop."""

    def __init__(self) -> None:
        self._running: defaultdict[str, int] = defaultdict(int)
        self._failures: dict[str, int] = {}
        self._rests_until: dict[str, float] = {}

    def admit(self, endpoint: str, now: float) -> float | None:
        """Begin a request to an endpoint, and return None; or return the seconds to wait before."""
        rest = self._rests_until.get(endpoint, now) - now
        if rest > 0:
            return rest
        at_once = 1 if endpoint in self._failures else AT_ONCE
        if self._running[endpoint] >= at_once:
            return BUSY_SECONDS
        self._running[endpoint] += 1
        return None

    def finish(self, endpoint: str, started: float, now: float, *, succeeded: bool) -> None:
        """End a request that ``admit`` has begun at ``started``."""
        self._running[endpoint] -= 1
        if not self._running[endpoint]:
            del self._running[endpoint]
        if succeeded and now - started < SLOW_SECONDS:
            self._failures.pop(endpoint, None)
            self._rests_until.pop(endpoint, None)
            return
        count = self._failures.get(endpoint, 0) + 1
        self._failures[endpoint] = count
        shortest, longest = RESTS_SECONDS
        self._rests_until[endpoint] = now + min(longest, shortest * 2.0 ** min(count - 1, 16))
