"""The clock: timestamps to positions and back, without drift."""

from __future__ import annotations

import pytest

from streamer.clock import Clock

ORIGIN_US = 1_731_698_172_925_000


def test_the_first_timestamp_is_position_zero() -> None:
    clock = Clock(16_000)
    assert clock.origin_us is None
    assert clock.position(ORIGIN_US) == 0
    assert clock.origin_us == ORIGIN_US
    assert clock.position(ORIGIN_US + 20_000) == 320
    assert clock.position(ORIGIN_US - 20_000) == -320


def test_positions_are_rounded_to_the_nearest_sample() -> None:
    clock = Clock(16_000)
    clock.position(0)
    assert [clock.position(us) for us in (31, 32, 62, 63, 93, 94)] == [0, 1, 1, 1, 1, 2]


@pytest.mark.parametrize("sample_rate", [16_000, 24_000])
def test_a_position_of_whole_milliseconds_converts_back(sample_rate: int) -> None:
    clock = Clock(sample_rate)
    clock.position(ORIGIN_US)
    for milliseconds in (0, 1, 20, 999, 86_400_000):
        timestamp = ORIGIN_US + milliseconds * 1000
        assert clock.microseconds(clock.position(timestamp)) == timestamp


@pytest.mark.parametrize(("sample_rate", "frame_samples"), [(16_000, 320), (24_000, 480)])
def test_a_day_has_no_drift(sample_rate: int, frame_samples: int) -> None:
    """Rounding errors of timestamps, which ACS sends in milliseconds, add up to nothing."""
    clock = Clock(sample_rate)
    clock.position(ORIGIN_US)
    last = 24 * 3600 * 50
    assert clock.position(ORIGIN_US + last * 20_000) == last * frame_samples
