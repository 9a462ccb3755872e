"""The line that Azure's alerts are made of, as a real streamer logs it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import msgspec

from streamer import metrics
from streamer.vitals import Vitals, VitalSigns

from .conftest import StreamerProcess


def lines(process: StreamerProcess) -> list[VitalSigns]:
    found = re.findall(r"INFO streamer\.vitals: (\{.*\})", process.log.read_text())
    return [msgspec.json.decode(line, type=VitalSigns, strict=True) for line in found]


def test_a_refusal_is_told_once_in_the_next_line(
    streamer: Callable[..., StreamerProcess],
) -> None:
    process = streamer(VITALS_SECONDS="0.2")
    assert process.get("/media/token")[0] == 426
    deadline = time.monotonic() + 10
    while not (told := lines(process)) or not sum(line.handshakes_refused for line in told):
        assert time.monotonic() < deadline, process.log.read_text()
        time.sleep(0.05)
    time.sleep(0.5)
    told = lines(process)
    assert sum(line.handshakes_refused for line in told) == 1
    assert sum(line.turned_away for line in told) == 0


def test_the_last_line_is_told_by_the_drain(streamer: Callable[..., StreamerProcess]) -> None:
    process = streamer(VITALS_SECONDS="3600")
    process.get("/media/token")
    assert process.terminate() == 0
    (line,) = lines(process)
    assert (line.handshakes_refused, line.streams) == (1, 0)


def test_each_count_is_told_apart_and_only_since_the_last() -> None:
    vitals = Vitals(lambda: 3)
    vitals.take()
    metrics.HANDSHAKES_REFUSED.labels("full").inc(2)
    metrics.HANDSHAKES_REFUSED.labels("token_expired").inc(4)
    metrics.FRAMES.labels("lost").inc(5)
    metrics.FRAMES.labels("late_dropped").inc(1)
    metrics.FRAMES.labels("placed").inc(100)
    metrics.FILLED_SECONDS.inc(1.5)
    metrics.UPLOADS_REJECTED.inc(7)
    signs = vitals.take()
    assert (signs.streams, signs.turned_away, signs.handshakes_refused) == (3, 2, 4)
    assert (signs.frames_lost, signs.filled_seconds, signs.uploads_rejected) == (6, 1.5, 7)
    again = vitals.take()
    assert not (again.turned_away or again.frames_lost or again.filled_seconds)
