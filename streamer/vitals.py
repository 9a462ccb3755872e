"""Vital signs, logged as one line each minute: Azure's alerts are made of them.

Nothing there reads ``/metrics``; the lines reach Log Analytics by themselves. Counts are of what
has happened since the line before, so that an alert can add them up over replicas and restarts.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import msgspec
from prometheus_client import Counter

from streamer import metrics

_log = logging.getLogger(__name__)
_FULL = ("full", "spool_full")
_LOST = ("lost", "late_dropped")


class VitalSigns(msgspec.Struct, frozen=True, kw_only=True):
    """One line. ``infra/modules/alerts.bicep`` reads these names.

    ``turned_away`` are handshakes refused because the replica was full, ``handshakes_refused`` all
    others; ``streams``, ``oldest_upload_seconds`` and ``spool_bytes`` are as of now.
    """

    streams: int
    turned_away: int
    handshakes_refused: int
    frames_lost: int
    filled_seconds: float
    uploads_rejected: int
    oldest_upload_seconds: float
    spool_bytes: int


class Vitals:
    """Tells the vital signs; ``measure`` gives the streams, and brings the gauges up to date."""

    def __init__(self, measure: Callable[[], int]) -> None:
        self._measure = measure
        self._told: dict[str, float] = {}

    async def tell_every(self, seconds: float) -> None:
        """Log a line again and again, until cancelled."""
        while True:
            await asyncio.sleep(seconds)
            self.tell()

    def tell(self) -> None:
        """Log a line."""
        _log.info("%s", msgspec.json.encode(self.take()).decode())

    def take(self) -> VitalSigns:
        """The vital signs since the last ones were taken."""
        streams = self._measure()
        refused = _by_label(metrics.HANDSHAKES_REFUSED)
        frames = _by_label(metrics.FRAMES)
        full = sum(refused.get(reason, 0) for reason in _FULL)
        return VitalSigns(
            streams=streams,
            turned_away=int(self._since("full", full)),
            handshakes_refused=int(self._since("refused", sum(refused.values()) - full)),
            frames_lost=int(self._since("lost", sum(frames.get(outcome, 0) for outcome in _LOST))),
            filled_seconds=round(self._since("filled", _by_label(metrics.FILLED_SECONDS)[""]), 3),
            uploads_rejected=int(self._since("aside", _by_label(metrics.UPLOADS_REJECTED)[""])),
            oldest_upload_seconds=round(_value("streamer_outbox_age_seconds"), 1),
            spool_bytes=int(_value("streamer_spool_bytes")),
        )

    def _since(self, name: str, total: float) -> float:
        before = self._told.get(name, 0.0)
        self._told[name] = total
        return total - before


def _by_label(counter: Counter) -> dict[str, float]:
    """A counter's values by its one label; one without a label is under ``""``."""
    return {
        next(iter(sample.labels.values()), ""): sample.value
        for family in counter.collect()
        for sample in family.samples
        if sample.name.endswith("_total")
    }


def _value(gauge: str) -> float:
    return metrics.REGISTRY.get_sample_value(gauge) or 0.0
