"""Where a stream's segments end. Pure; one planner for all its tracks, so that spans line up.

Without a pause window the cuts are a fixed grid. With one, each cut is put at the quietest place
around its target, all tracks heard together, so that words are not cut. Positions are in samples.
"""

from __future__ import annotations

from bisect import bisect_right, insort

import numpy as np

_BINS_PER_SECOND = 50
_QUIET_BINS = 5
_KEPT_CUTS = 64


class CutPlanner:
    """Plans the cuts of one stream: every ``length`` samples, within ``window`` samples of it.

    ``window`` 0 cuts on the grid. ``listens`` says whether audio must be told to it.
    """

    __slots__ = ("_bin", "_cuts", "_energy", "_length", "_window", "listens")

    def __init__(self, length: int, window: int, sample_rate: int) -> None:
        if not 0 <= 2 * window < length:
            raise ValueError("the pause window must be less than half the segment's length")
        self._length = length
        self._window = window
        self._bin = sample_rate // _BINS_PER_SECOND
        self._energy: dict[int, float] = {}
        self._cuts: list[int] = [0]
        self.listens = window > 0

    def after(self, position: int) -> int:
        """The first cut behind ``position``; where it is not decided yet, the last it may be at."""
        if not self._window:
            return (position // self._length + 1) * self._length
        at = bisect_right(self._cuts, position)
        before = self._cuts[max(0, at - 1)]
        periods = (position - before) // self._length
        latest = before + (periods + 1) * self._length + self._window
        return min([latest, *self._cuts[at : at + 1]])

    def decide(self, boundary: int) -> None:
        """A track has reached what ``after`` said: decide on the cut, if no other track has."""
        if not self._window:
            return
        at = bisect_right(self._cuts, boundary)
        if at and self._cuts[at - 1] > boundary - 2 * self._window:
            return
        cut = self._quietest(boundary)
        insort(self._cuts, cut)
        del self._cuts[:-_KEPT_CUTS]
        self._energy = {at: e for at, e in self._energy.items() if at * self._bin >= cut}

    def listen(self, position: int, pcm: bytes | memoryview) -> None:
        """Hear audio that starts at ``position``; only what lies in the coming window counts."""
        period = position - self._cuts[-1]
        if period < self._length - self._window and period >= 0:
            return
        heard = np.frombuffer(pcm, dtype="<i2").astype(np.float32)
        at = position // self._bin
        self._energy[at] = self._energy.get(at, 0.0) + float(heard @ heard)

    def _quietest(self, boundary: int) -> int:
        """The middle of the window's quietest 100 ms; of equals, that next the target."""
        target = boundary - self._window
        first = (target - self._window) // self._bin
        last = boundary // self._bin - _QUIET_BINS
        best: tuple[float, int] | None = None
        cut = target
        for at in range(first, last + 1):
            energy = sum(self._energy.get(at + n, 0.0) for n in range(_QUIET_BINS))
            middle = at * self._bin + _QUIET_BINS * self._bin // 2
            rank = (energy, abs(middle - target))
            if best is None or rank < best:
                best, cut = rank, middle
        return cut
