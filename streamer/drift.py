"""How fast a sender's timestamps drift from its audio, by the running mean of the skew. Pure.

A running mean lags behind what it follows. With drift of 2 %, that is more than half a frame, which
hides that a frame is missing. The mean's own slope shows the drift, and so the lag. Jitter changes
the slope, too, but back again, and a lost frame does once: drift is the median of three seconds.
"""

from __future__ import annotations

from statistics import median

DRIFT_WEIGHT = 1 / 32
"""The weight of one more frame in the running mean."""

_MAX_DRIFT = 0.025
"""What seems to drift faster than that does something else."""

_LEAST_FRAMES = 25


class Drift:
    """The drift of one track's timestamps. All lengths are in samples.

    Args:
        frame_samples: The length of a frame.

    Attributes:
        lag: How far the running mean is behind the skew of the next frame.
    """

    __slots__ = ("_drifts", "_frame_samples", "_position", "_skew", "lag")

    def __init__(self, frame_samples: int) -> None:
        self.lag = 0.0
        self._frame_samples = frame_samples
        self._position: int | None = None
        self._skew = 0.0
        # The latest ones.
        self._drifts = (0.0, 0.0, 0.0)

    def follow(self, skew: float, position: int) -> None:
        """Take note of the running mean at a position. Nothing else may have changed it since."""
        if self._position is not None:
            samples = position - self._position
            if samples < _LEAST_FRAMES * self._frame_samples:
                return
            drift = max(-_MAX_DRIFT, min((skew - self._skew) / samples, _MAX_DRIFT))
            self._drifts = (*self._drifts[1:], drift)
            self.lag = median(self._drifts) * self._frame_samples / DRIFT_WEIGHT
        self._skew, self._position = skew, position

    def shift(self, samples: float) -> None:
        """Take note that the running mean was changed by something else than frames."""
        self._skew += samples

    def restart(self) -> None:
        """Forget the running mean, which begins again. The drift goes on."""
        self._position = None
