"""The drift of a track's timestamps, and how far their running mean lags behind."""

from __future__ import annotations

import random

import pytest

from streamer.drift import DRIFT_WEIGHT, Drift
from tests.streamer.track_rig import FRAME, RATE


def follow(drift: Drift, per_frame: float, jitter: float = 0.0, frames: int = 500) -> float:
    """Follow a sender, as a track does once a second; return the skew of the frame that is next."""
    rng = random.Random(1)
    mean = skew = 0.0
    for number in range(frames):
        if number % 50 == 0:
            drift.follow(mean, number * FRAME)
        mean += (skew + rng.uniform(-jitter, jitter) - mean) * DRIFT_WEIGHT
        skew += per_frame
    drift.follow(mean, frames * FRAME)
    return skew - mean


@pytest.mark.parametrize("percent", [-2.0, -0.5, 0.1, 2.0])
def test_the_lag_is_what_the_mean_is_behind(percent: float) -> None:
    drift = Drift(FRAME)
    behind = follow(drift, percent / 100 * FRAME)
    assert drift.lag == pytest.approx(behind, rel=0.01)
    assert abs(drift.lag) == pytest.approx(abs(percent) / 100 * FRAME / DRIFT_WEIGHT, rel=0.01)


def test_jitter_is_no_drift() -> None:
    drift = Drift(FRAME)
    follow(drift, 0.0, jitter=0.009 * RATE)
    assert abs(drift.lag) < 0.001 * RATE


def test_one_second_alone_is_no_drift() -> None:
    drift = Drift(FRAME)
    for position, skew in enumerate([0.0, 0.0, 100.0, 100.0]):
        drift.follow(skew, position * RATE)
        assert drift.lag == 0


def test_what_is_shifted_is_no_drift_and_a_restart_keeps_what_is_known() -> None:
    drift = Drift(FRAME)
    for second in range(5):
        drift.follow(second * 10.0, second * RATE)
    lag = drift.lag
    assert lag > 0
    drift.shift(-300.0)
    drift.follow(50.0 - 300.0, 5 * RATE)
    assert drift.lag == pytest.approx(lag)
    drift.restart()
    drift.follow(0.0, 6 * RATE)
    drift.follow(10.0, 7 * RATE)
    assert drift.lag == pytest.approx(lag)


def test_the_lag_is_bounded() -> None:
    drift = Drift(FRAME)
    for second in range(5):
        drift.follow(second * 1e6, second * RATE)
    assert drift.lag < FRAME
