"""Statistics, logged as one ``streamer_stats`` event a minute: Azure's alerts are based on them.

Nothing in Azure reads ``/metrics``, but log lines reach Log Analytics by themselves. Counts cover
the time since the line before, so that an alert can add them up across replicas and restarts.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import msgspec
from prometheus_client import Counter

from event_log import log_event
from streamer import metrics

_log = logging.getLogger(__name__)
_FULL_REASONS = ("full", "spool_full")
_LOST_OUTCOMES = ("lost", "late_dropped")


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of one line. ``infra/modules/alerts.bicep`` reads them by name.

    ``handshakes_refused_full`` counts handshakes refused because the replica was full,
    ``handshakes_refused`` all others. ``streams``, ``oldest_upload_seconds`` and ``spool_bytes``
    are the values of the moment.
    """

    streams: int
    handshakes_refused_full: int
    handshakes_refused: int
    frames_lost: int
    filled_seconds: float
    uploads_rejected: int
    oldest_upload_seconds: float
    spool_bytes: int


class StatsLogger:
    """Logs the statistics.

    ``update_gauges`` brings the gauges up to date, and returns the number of open streams.
    """

    def __init__(self, update_gauges: Callable[[], int]) -> None:
        self._update_gauges = update_gauges
        self._totals: dict[str, float] = {}

    async def log_every(self, seconds: float) -> None:
        """Log a line again and again, until cancelled."""
        while True:
            await asyncio.sleep(seconds)
            self.log()

    def log(self) -> None:
        """Log a line."""
        log_event(_log, logging.INFO, "streamer_stats", **msgspec.structs.asdict(self.collect()))

    def collect(self) -> Stats:
        """Return the statistics since the last ones were collected."""
        streams = self._update_gauges()
        refused = _values_by_label(metrics.HANDSHAKES_REFUSED)
        frames = _values_by_label(metrics.FRAMES)
        full = sum(refused.get(reason, 0) for reason in _FULL_REASONS)
        lost = sum(frames.get(outcome, 0) for outcome in _LOST_OUTCOMES)
        filled_seconds = _values_by_label(metrics.FILLED_SECONDS)[""]
        rejected = _values_by_label(metrics.UPLOADS_REJECTED)[""]
        return Stats(
            streams=streams,
            handshakes_refused_full=int(self._growth("full", full)),
            handshakes_refused=int(self._growth("refused", sum(refused.values()) - full)),
            frames_lost=int(self._growth("lost", lost)),
            filled_seconds=round(self._growth("filled", filled_seconds), 3),
            uploads_rejected=int(self._growth("rejected", rejected)),
            oldest_upload_seconds=round(_gauge_value("streamer_outbox_age_seconds"), 1),
            spool_bytes=int(_gauge_value("streamer_spool_bytes")),
        )

    def _growth(self, name: str, total: float) -> float:
        """Return by how much a total has grown since it was last asked about."""
        previous = self._totals.get(name, 0.0)
        self._totals[name] = total
        return total - previous


def _values_by_label(counter: Counter) -> dict[str, float]:
    """Return a counter's values by its one label; without a label, the key is empty."""
    return {
        next(iter(sample.labels.values()), ""): sample.value
        for family in counter.collect()
        for sample in family.samples
        if sample.name.endswith("_total")
    }


def _gauge_value(name: str) -> float:
    return metrics.REGISTRY.get_sample_value(name) or 0.0
