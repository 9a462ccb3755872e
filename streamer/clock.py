"""The clock of a stream: timestamps to sample positions and back. Pure."""

from __future__ import annotations

MICROSECONDS = 1_000_000
HALF_SECOND = MICROSECONDS // 2
"""Added before a division by ``MICROSECONDS``, it rounds to the nearest sample."""


class Clock:
    """The one clock of a stream's tracks.

    A position is a number of samples since the stream's first timestamp, ``origin_us``, in
    microseconds since 1970. ``origin_us`` is None until that timestamp arrives.
    """

    __slots__ = ("origin_us", "sample_rate")

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self.origin_us: int | None = None

    def position(self, timestamp_us: int) -> int:
        """Return the position of a timestamp; the first one starts the clock and is position 0."""
        if self.origin_us is None:
            self.origin_us = timestamp_us
        elapsed = (timestamp_us - self.origin_us) * self.sample_rate
        return (elapsed + HALF_SECOND) // MICROSECONDS

    def microseconds(self, position: int) -> int:
        """Return the timestamp of a position. The clock must have started."""
        assert self.origin_us is not None
        return self.origin_us + position * MICROSECONDS // self.sample_rate
