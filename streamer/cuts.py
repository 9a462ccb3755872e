"""Where a stream's segments end. Pure; one planner for all its tracks, so that spans line up.

Without a pause window the cuts are a fixed grid. With one, each cut is at the quietest place near
its target, across all tracks, so that words are not cut. Positions are in samples.
"""

from __future__ import annotations

from bisect import bisect_right, insort

import numpy as np

_BINS_PER_SECOND = 50
_QUIET_BINS = 5
_REMEMBERED_CUTS = 64


class CutPlanner:
    """Plans the cuts of one stream, every ``length`` samples, give or take ``window`` samples.

    A ``window`` of 0 cuts on the grid. ``listens`` says whether ``listen`` needs all audio.
    """

    __slots__ = ("_bin", "_cuts", "_energy", "_length", "_window", "listens")

    def __init__(self, length: int, window: int, sample_rate: int) -> None:
        if not 0 <= 2 * window < length:
            raise ValueError("the pause window must be less than half of the segment's length")
        self._length = length
        self._window = window
        self._bin = sample_rate // _BINS_PER_SECOND
        self._energy: dict[int, float] = {}
        self._cuts: list[int] = [0]
        self.listens = window > 0

    def after(self, position: int) -> int:
        """Return the first cut after ``position``; if it is not decided, the latest it may be."""
        if not self._window:
            return (position // self._length + 1) * self._length
        index = bisect_right(self._cuts, position)
        previous = self._cuts[max(0, index - 1)]
        periods = (position - previous) // self._length
        latest = previous + (periods + 1) * self._length + self._window
        return min([latest, *self._cuts[index : index + 1]])

    def decide(self, boundary: int) -> None:
        """Decide on a cut, unless another track has. To be called at the position of ``after``."""
        if not self._window:
            return
        index = bisect_right(self._cuts, boundary)
        if index and self._cuts[index - 1] > boundary - 2 * self._window:
            return
        cut = self._quietest(boundary)
        insort(self._cuts, cut)
        del self._cuts[:-_REMEMBERED_CUTS]
        self._energy = {n: energy for n, energy in self._energy.items() if n * self._bin >= cut}

    def listen(self, position: int, pcm: bytes | memoryview) -> None:
        """Measure audio (s16le mono) at ``position``; only the coming window is of interest."""
        period = position - self._cuts[-1]
        if period < self._length - self._window and period >= 0:
            return
        samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32)
        index = position // self._bin
        self._energy[index] = self._energy.get(index, 0.0) + float(samples @ samples)

    def _quietest(self, boundary: int) -> int:
        """Return the middle of the window's quietest 100 ms; if several are, the most central."""
        target = boundary - self._window
        first = (target - self._window) // self._bin
        last = boundary // self._bin - _QUIET_BINS
        best: tuple[float, int] | None = None
        cut = target
        for index in range(first, last + 1):
            energy = sum(self._energy.get(index + n, 0.0) for n in range(_QUIET_BINS))
            middle = index * self._bin + _QUIET_BINS * self._bin // 2
            rank = (energy, abs(middle - target))
            if best is None or rank < best:
                best, cut = rank, middle
        return cut
