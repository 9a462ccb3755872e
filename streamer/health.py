"""The streamer's health: whether it accepts new streams, and the numbers that it reports."""

from __future__ import annotations

import time
from collections.abc import Callable

from streamer import metrics
from streamer.outbox import Outbox
from streamer.settings import Settings
from streamer.spool import Spool


class Health:
    """What ``/healthz`` and ``/readyz`` report. ``is_draining`` is set when a drain starts."""

    def __init__(
        self, settings: Settings, spool: Spool, outbox: Outbox, count_streams: Callable[[], int]
    ) -> None:
        self._settings = settings
        self._spool = spool
        self._outbox = outbox
        self._count_streams = count_streams
        self._started_at = time.monotonic()
        self.is_draining = False

    def refusal_reason(self) -> str | None:
        """Why new streams are refused: ``draining``, ``full`` or ``spool_full``; else None."""
        if self.is_draining:
            return "draining"
        if self._count_streams() >= self._settings.max_streams:
            return "full"
        if self._spool.fullness * 100 >= self._settings.spool_refuse_percent:
            return "spool_full"
        return None

    def report(self) -> dict[str, object]:
        """Return the numbers of the moment: no call, no participant and no setting's value."""
        age = self._outbox.age_seconds
        return {
            "streams": self._count_streams(),
            "uptime_seconds": round(time.monotonic() - self._started_at, 1),
            "spool": {
                "bytes": self._spool.used_bytes,
                "full_percent": round(self._spool.fullness * 100, 1),
                "error": self._spool.last_error,
            },
            "uploads": {
                "waiting": self._outbox.file_count,
                "oldest_seconds": round(age, 1),
                "backlog": age > self._settings.spool_max_age_seconds,
                "error": self._outbox.last_error,
            },
        }

    def update_gauges(self) -> int:
        """Bring the gauges up to date, and return the number of open streams."""
        metrics.SPOOL_BYTES.set(self._spool.used_bytes)
        metrics.OUTBOX_FILES.set(self._outbox.file_count)
        metrics.OUTBOX_AGE_SECONDS.set(self._outbox.age_seconds)
        return self._count_streams()
