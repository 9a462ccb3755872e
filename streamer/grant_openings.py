"""How often a grant may open streams: each may cost an assembly of its call. Pure."""

from __future__ import annotations

import time
from collections.abc import Callable

BURST = 30
"""How many streams a grant may open one after another: ACS opens another when a socket drops."""

REFILL_SECONDS = 10.0
"""After this time, it may open one more."""

_MAX_GRANTS = 4096


class GrantOpenings:
    """Counts the streams that grants have opened lately (a token bucket for each).

    Args:
        clock: Returns monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # By grant, the one that was used last at the end: when it may open BURST streams again.
        self._full_at: dict[str, float] = {}

    def admit(self, grant: str) -> bool:
        """Count a stream of a grant, or return False where it has opened too many lately."""
        now = self._clock()
        full_at = max(now, self._full_at.get(grant, now)) + REFILL_SECONDS
        if full_at - now > BURST * REFILL_SECONDS:
            return False
        self._full_at.pop(grant, None)
        self._full_at[grant] = full_at
        if len(self._full_at) > _MAX_GRANTS:
            del self._full_at[next(iter(self._full_at))]
        return True
