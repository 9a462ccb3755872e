"""A call's time: ticks of 20 ms, when they are due, and the timestamps of their frames."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime

from acs import media
from local.emulator.faults import Faults
from local.emulator.schedule import is_in

TICK_SECONDS = media.FRAME_MILLISECONDS / 1000
TICK_US = media.FRAME_MILLISECONDS * 1000

_MIN_US = media.to_microseconds(datetime.min.replace(tzinfo=UTC))
_MAX_US = media.to_microseconds(datetime.max.replace(tzinfo=UTC))


class CallClock:
    """A call's time, in ticks of 20 ms since it connected.

    Args:
        start: When the call connected; cut to milliseconds, as ACS's timestamps are.
        speed: How many times faster than real time the call runs.
    """

    def __init__(self, start: datetime, speed: float) -> None:
        self.start_us = media.to_microseconds(start) // 1000 * 1000
        self._start = time.monotonic()
        self._speed = speed
        self._first_tick: int | None = None

    def tick(self) -> int:
        """The current tick."""
        return int((time.monotonic() - self._start) * self._speed / TICK_SECONDS)

    def due(self, tick: float) -> float:
        """When to send a tick, on the clock of ``time.monotonic``."""
        return self._start + tick * TICK_SECONDS / self._speed

    def timestamp(self, tick: int) -> datetime:
        """The right timestamp of a tick's frames."""
        return media.from_microseconds(self.start_us + tick * TICK_US)

    def begin_stream(self, tick: int) -> int:
        """Note a stream's first tick; return the first tick of the call's first stream."""
        if self._first_tick is None:
            self._first_tick = tick
        return self._first_tick


class Stamps:
    """The timestamps that packets have: a call's time, under faults. Pure.

    Args:
        start_us: The time of tick 0, in microseconds since 1970.
        first_tick: The call's first tick with a frame: a fault counts from it.
    """

    def __init__(self, start_us: int, first_tick: int, faults: Faults) -> None:
        self._start_us = start_us
        self._first_tick = first_tick
        self._faults = faults
        self._resolution_us = faults.stamp_resolution_ms * 1000
        self._timespec = "milliseconds" if self._resolution_us % 1_000_000 else "seconds"
        self._is_random = faults.stray_probability > 0 or faults.stamp_jitter_ms > 0

    def text(self, tick: int, participant: int = 0) -> str | None:
        """The timestamp of a tick's frame, as ACS writes it; None if it is missing.

        ``participant`` is the participant's number. A tick's timestamp is always the same.
        """
        faults = self._faults
        number = tick - self._first_tick
        jitter_ms, is_stray = self._draw(number)
        us = self._start_us + tick * TICK_US + round(number * TICK_US * faults.drift_ppm / 1e6)
        offset_ms = jitter_ms + participant * faults.clock_apart_ms
        if is_in(number, faults.clock_step_after_ticks, faults.clock_step_ticks):
            offset_ms += faults.clock_step_ms
        if is_stray:
            if faults.stray_ms is None:
                return None
            offset_ms += faults.stray_ms
        us = (us + offset_ms * 1000) // self._resolution_us * self._resolution_us
        moment = media.from_microseconds(min(max(us, _MIN_US), _MAX_US))
        return moment.isoformat(timespec=self._timespec).removesuffix("+00:00") + "Z"

    def _draw(self, number: int) -> tuple[int, bool]:
        """A tick's random jitter in ms, and whether its timestamp is a stray one."""
        faults = self._faults
        is_stray = number in faults.stray_ticks
        if not self._is_random:
            return 0, is_stray
        rng = random.Random(faults.seed * 1_000_003 + number)  # noqa: S311 (repeatable)
        jitter_ms = rng.randint(-faults.stamp_jitter_ms, faults.stamp_jitter_ms)
        return jitter_ms, is_stray or rng.random() < faults.stray_probability
