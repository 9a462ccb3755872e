"""The clock of a stream: timestamps, sample positions and arrival, for all its tracks. Pure.

A position is a number of samples since the stream's first audio. A timestamp becomes a position by
an offset. A step of the sender's clock adds an offset, which all tracks of the stream then know, so
that they keep lining up.

Arrival is the second witness. Audio cannot arrive before it was spoken, so a timestamp that is
further ahead than the time that passed is not believed. The clock knows which audio can have
arrived by now: that of the time since the first frame, and of the lead that the fastest frames had.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy

MICROSECONDS = 1_000_000
HALF_SECOND = MICROSECONDS // 2
"""Added before a division by ``MICROSECONDS``, it rounds to the nearest sample."""

MAX_LEAD_SECONDS = 10
"""How far a stream's audio may run ahead of the time for which it was open."""

ARRIVAL_GRAIN_SECONDS = 0.1
"""The shortest time that arrival shows at all: sockets are read in batches of ``READ_BATCH_MS``."""

_BEGINNING_SECONDS = 0.3
"""For so long, a stream may still be in the burst of a stall that was over before its first frame.
"""

_MAX_OFFSETS = 16
_YEAR_2000_US = 946_684_800 * MICROSECONDS
_YEAR_2200_US = 7_258_118_400 * MICROSECONDS


def convert_samples(samples: int, rate: int, new_rate: int) -> int:
    """Return a position or a length at another sample rate, to the nearest sample."""
    return (2 * samples * new_rate + rate) // (2 * rate)


class Clock:
    """The one clock of a stream's tracks.

    Args:
        sample_rate: Samples per second.
        now: Returns the time of arrival, in seconds of a monotonic clock.
        wall_us: Returns the current UTC time, in microseconds since 1970.
        speed: How much faster than real time the sender runs: 1, but for tests and demos. 0: at
            any speed, so that arrival says nothing.

    Attributes:
        reference_us: The timestamp that raw positions count from; None before the first one.
        origin_us: The moment of position 0, in microseconds since 1970; None before it is known.
        offsets: The offsets from raw positions to positions that were in use, the latest last.
        stepped_at: When the first frame of the latest offset arrived, in samples.
        has_witness: Whether the time of arrival says anything.
    """

    __slots__ = (
        "_lead",
        "_now",
        "_speed",
        "_started_at",
        "_wall_us",
        "has_witness",
        "offsets",
        "origin_us",
        "reference_us",
        "sample_rate",
        "stepped_at",
    )

    def __init__(
        self,
        sample_rate: int,
        now: Callable[[], float],
        wall_us: Callable[[], int],
        speed: float = 1.0,
    ) -> None:
        self.sample_rate = sample_rate
        self.reference_us: int | None = None
        self.origin_us: int | None = None
        self.offsets: list[int] = []
        self.stepped_at = 0
        self._now = now
        self._wall_us = wall_us
        self._speed = speed or 1.0
        self.has_witness = speed > 0
        self._started_at: float | None = None
        self._lead = 0

    def at_rate(self, sample_rate: int) -> Clock:
        """Return the same clock at another sample rate: a stream goes on where its format changes.

        What it knows stays: the moment of position 0, the time since then, the lead, the steps.
        """
        clock: Clock = copy(self)
        clock.sample_rate = sample_rate
        clock.offsets = [
            convert_samples(offset, self.sample_rate, sample_rate) for offset in self.offsets
        ]
        clock.stepped_at = convert_samples(self.stepped_at, self.sample_rate, sample_rate)
        clock._lead = convert_samples(self._lead, self.sample_rate, sample_rate)
        return clock

    def arrival_samples(self, seconds: float) -> int:
        """Return how much audio a sender sends in some seconds of our time."""
        return round(seconds * self._speed * self.sample_rate)

    def raw_position(self, timestamp_us: int) -> int:
        """Return the position of a timestamp before any offset, in samples."""
        if self.reference_us is None:
            self.reference_us = timestamp_us
        elapsed = (timestamp_us - self.reference_us) * self.sample_rate
        return (elapsed + HALF_SECOND) // MICROSECONDS

    def begin(self, raw: int | None) -> None:
        """Make the raw position of the first audio position 0.

        Its timestamp is the moment of position 0, unless it is absent or cannot be true.
        """
        if self.origin_us is not None:
            return
        if raw is not None and self.reference_us is not None:
            timestamp_us = self.reference_us + raw * MICROSECONDS // self.sample_rate
            if _YEAR_2000_US <= timestamp_us < _YEAR_2200_US:
                self.origin_us = timestamp_us
                return
        elapsed_us = self.elapsed() * MICROSECONDS // self.sample_rate
        self.origin_us = self._wall_us() - elapsed_us

    def microseconds(self, position: int) -> int:
        """Return the moment of a position, in microseconds since 1970. ``begin`` comes first."""
        assert self.origin_us is not None
        return self.origin_us + position * MICROSECONDS // self.sample_rate

    def add_offset(self, offset: int, elapsed: int) -> None:
        """Make an offset the latest one: its first frame arrived after ``elapsed``."""
        if not self.offsets or self.offsets[-1] != offset:
            self.stepped_at = elapsed
        if offset in self.offsets:
            self.offsets.remove(offset)
        self.offsets.append(offset)
        del self.offsets[:-_MAX_OFFSETS]

    def offsets_at(self, elapsed: int) -> list[int]:
        """Return the offsets that may explain a frame that arrived after ``elapsed``, latest first.

        The latest one does not explain what came clearly before its step.
        """
        return self.offsets[-2::-1] if self.precedes_step(elapsed) else self.offsets[::-1]

    def precedes_step(self, elapsed: int) -> bool:
        """Whether a frame arrived clearly before the first one of the latest offset."""
        return elapsed < self.stepped_at - self.arrival_samples(ARRIVAL_GRAIN_SECONDS)

    def elapsed(self) -> int:
        """Return the time since the first frame arrived, in samples."""
        now = self._now()
        if self._started_at is None:
            self._started_at = now
        return round((now - self._started_at) * self._speed * self.sample_rate)

    def is_beginning(self, elapsed: int) -> bool:
        """Whether the lead of the fastest frames may not have shown yet."""
        return self.has_witness and elapsed < self.arrival_samples(_BEGINNING_SECONDS)

    def expected(self, elapsed: int) -> int:
        """Return the position that a stream without delay has reached after ``elapsed``."""
        return elapsed + self._lead

    def is_possible(self, position: int, elapsed: int, slack: int) -> bool:
        """Whether audio of a position can have arrived after ``elapsed``, within ``slack``."""
        return not self.has_witness or position <= self.expected(elapsed) + slack

    def is_recent(self, position: int, elapsed: int, late: int) -> bool:
        """Whether audio of a position arrived at most ``late`` samples late."""
        return not self.has_witness or position >= self.expected(elapsed) - late

    def missing(self, position: int, elapsed: int) -> int:
        """Return how much audio is missing from ``position`` on, by the time that passed."""
        return self.expected(elapsed) - position if self.has_witness else 0

    def has_passed(self, gap: int, position: int, elapsed: int) -> bool:
        """Whether arrival shows a gap behind a position, and not a step of the sender's clock.

        Half of it must have passed. Audio may come later than that, but not earlier.
        """
        return self.has_witness and 2 * self.missing(position, elapsed) >= gap

    def is_beyond_limit(self, position: int) -> bool:
        """Whether a position is further ahead of time than any audio may be."""
        lead = position - self.elapsed()
        return self.has_witness and lead > MAX_LEAD_SECONDS * self.sample_rate

    def observe(self, position: int) -> None:
        """Take note of a position up to which a track's audio has arrived by now."""
        lead = position - self.elapsed()
        self._lead = max(self._lead, min(lead, MAX_LEAD_SECONDS * self.sample_rate))
