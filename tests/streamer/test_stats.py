"""The line that Azure's alerts read, as a real streamer logs it."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from streamer import metrics
from streamer.stats import Stats, StatsLogger

from .conftest import StreamerProcess


def logged_stats(process: StreamerProcess) -> list[Stats]:
    """Return the statistics that a streamer has logged."""
    lines = re.findall(r"INFO streamer\.stats: streamer_stats (.*)\n", process.log.read_text())
    fields = [dict(field.split("=") for field in line.split()) for line in lines]
    return [msgspec.convert(values, Stats, strict=False) for values in fields]


def test_a_refusal_is_counted_once_in_the_next_line(
    streamer: Callable[..., StreamerProcess],
) -> None:
    process = streamer(STATS_LOG_SECONDS="0.2")
    assert process.get("/media/token")[0] == 426
    process.until(lambda: any(stats.handshakes_refused for stats in logged_stats(process)))
    lines = len(logged_stats(process))
    process.until(lambda: len(logged_stats(process)) >= lines + 2)
    logged = logged_stats(process)
    assert sum(stats.handshakes_refused for stats in logged) == 1
    assert sum(stats.handshakes_refused_full for stats in logged) == 0


def test_the_drain_logs_the_last_line(streamer: Callable[..., StreamerProcess]) -> None:
    process = streamer(STATS_LOG_SECONDS="3600")
    process.get("/media/token")
    assert process.terminate() == 0
    (stats,) = logged_stats(process)
    assert (stats.handshakes_refused, stats.streams) == (1, 0)
    assert "streamer_stats streams=0 handshakes_refused_full=0 " in process.log.read_text()


def test_each_count_covers_only_the_time_since_the_last() -> None:
    stats_logger = StatsLogger(lambda: 3)
    stats_logger.collect()
    metrics.HANDSHAKES_REFUSED.labels("full").inc(2)
    metrics.HANDSHAKES_REFUSED.labels("token_expired").inc(4)
    metrics.FRAMES.labels("lost").inc(5)
    metrics.FRAMES.labels("late_dropped").inc(1)
    metrics.FRAMES.labels("placed").inc(100)
    metrics.FILLED_SECONDS.inc(1.5)
    metrics.UPLOADS_REJECTED.inc(7)
    stats = stats_logger.collect()
    assert (stats.streams, stats.handshakes_refused_full, stats.handshakes_refused) == (3, 2, 4)
    assert (stats.frames_lost, stats.filled_seconds, stats.uploads_rejected) == (6, 1.5, 7)
    following = stats_logger.collect()
    assert not (
        following.handshakes_refused_full or following.frames_lost or following.filled_seconds
    )
