"""The clock: timestamps to positions and back, without drift, and what can have arrived by when."""

from __future__ import annotations

import pytest

from streamer.clock import MAX_LEAD_SECONDS, Clock, convert_samples

RATE = 16_000
ORIGIN_US = 1_731_698_172_925_000
WALL_US = ORIGIN_US + 777


class Moments:
    """A clock of the stream, and the time that its test sets."""

    def __init__(self, sample_rate: int = RATE, speed: float = 1.0) -> None:
        self.now = 100.0
        self.clock = Clock(sample_rate, lambda: self.now, lambda: WALL_US, speed)


def begin(sample_rate: int = RATE) -> Clock:
    clock = Moments(sample_rate).clock
    clock.begin(clock.raw_position(ORIGIN_US))
    return clock


def test_the_first_audio_is_position_zero() -> None:
    clock = Moments().clock
    assert clock.raw_position(ORIGIN_US) == 0
    assert clock.origin_us is None
    clock.begin(0)
    assert clock.origin_us == ORIGIN_US
    assert clock.raw_position(ORIGIN_US + 20_000) == 320
    assert clock.raw_position(ORIGIN_US - 20_000) == -320


def test_the_origin_is_that_of_the_first_audio_not_of_the_first_timestamp() -> None:
    clock = Moments().clock
    clock.raw_position(ORIGIN_US)
    clock.begin(-320)
    clock.begin(0)
    assert clock.origin_us == ORIGIN_US - 20_000


@pytest.mark.parametrize("timestamp_us", [0, 1, -(1 << 63), (1 << 63) - 1])
def test_a_first_timestamp_that_cannot_be_true_names_no_moment(timestamp_us: int) -> None:
    moments = Moments()
    clock = moments.clock
    assert clock.elapsed() == 0
    moments.now += 2
    clock.begin(clock.raw_position(timestamp_us))
    assert clock.origin_us == WALL_US - 2_000_000


def test_positions_are_rounded_to_the_nearest_sample() -> None:
    clock = Moments().clock
    clock.raw_position(0)
    assert [clock.raw_position(us) for us in (31, 32, 62, 63, 93, 94)] == [0, 1, 1, 1, 1, 2]


@pytest.mark.parametrize("sample_rate", [16_000, 24_000])
def test_a_position_of_whole_milliseconds_converts_back(sample_rate: int) -> None:
    clock = begin(sample_rate)
    for milliseconds in (0, 1, 20, 999, 86_400_000):
        timestamp = ORIGIN_US + milliseconds * 1000
        assert clock.microseconds(clock.raw_position(timestamp)) == timestamp


@pytest.mark.parametrize(("sample_rate", "frame_samples"), [(16_000, 320), (24_000, 480)])
def test_a_day_has_no_drift(sample_rate: int, frame_samples: int) -> None:
    """Rounding errors of timestamps, which ACS sends in milliseconds, add up to nothing."""
    clock = begin(sample_rate)
    last = 24 * 3600 * 50
    assert clock.raw_position(ORIGIN_US + last * 20_000) == last * frame_samples


def test_the_latest_offset_is_the_last_and_few_are_kept() -> None:
    clock = Moments().clock
    for offset in [*range(30), 20]:
        clock.add_offset(offset, 0)
    assert clock.offsets == [*range(14, 20), *range(21, 30), 20]


def test_what_can_have_arrived_is_the_time_that_passed_and_the_lead() -> None:
    moments = Moments()
    clock = moments.clock
    assert clock.elapsed() == 0
    moments.now += 1
    assert clock.is_possible(RATE + 100, clock.elapsed(), 100)
    assert not clock.is_possible(RATE + 101, clock.elapsed(), 100)
    clock.observe(RATE + 500)
    assert clock.expected(clock.elapsed()) == RATE + 500
    assert clock.missing(RATE, clock.elapsed()) == 500
    assert clock.is_recent(400, clock.elapsed(), RATE + 100)
    assert not clock.is_recent(399, clock.elapsed(), RATE + 100)
    clock.observe(100 * RATE)
    assert clock.expected(0) == MAX_LEAD_SECONDS * RATE, "no lead is longer"


def test_the_limit_is_a_lead_that_no_audio_may_have() -> None:
    clock = Moments().clock
    assert not clock.is_beyond_limit(MAX_LEAD_SECONDS * RATE)
    assert clock.is_beyond_limit(MAX_LEAD_SECONDS * RATE + 1)


def test_senders_may_run_faster_than_real_time() -> None:
    moments = Moments(speed=4.0)
    assert moments.clock.elapsed() == 0
    moments.now += 1
    assert moments.clock.elapsed() == 4 * RATE


def test_at_any_speed_arrival_says_nothing() -> None:
    clock = Moments(speed=0).clock
    assert clock.is_possible(1 << 60, 0, 0)
    assert clock.is_recent(-(1 << 60), 0, 0)
    assert clock.missing(-5, 0) == 0
    assert not clock.is_beyond_limit(1 << 60)


def test_a_gap_is_one_where_half_of_it_has_passed() -> None:
    now = 0.0
    clock = Clock(RATE, lambda: now, lambda: 0)
    clock.elapsed()
    now = 1.0
    assert clock.has_passed(RATE, 0, clock.elapsed())
    assert clock.has_passed(2 * RATE, 0, clock.elapsed())
    assert not clock.has_passed(2 * RATE + 1, 0, clock.elapsed())
    assert not clock.has_passed(RATE, RATE, clock.elapsed())


def test_without_a_witness_nothing_has_passed() -> None:
    clock = Clock(RATE, lambda: 0.0, lambda: 0, speed=0)
    assert not clock.has_witness
    assert not clock.has_passed(1, 0, RATE)


def test_at_another_rate_a_clock_goes_on() -> None:
    moments = Moments()
    clock = moments.clock
    clock.begin(clock.raw_position(ORIGIN_US))
    clock.elapsed()
    moments.now += 3
    clock.observe(5 * RATE)
    clock.add_offset(-RATE, clock.elapsed())
    other = clock.at_rate(24_000)
    assert (other.sample_rate, other.origin_us, other.offsets) == (24_000, ORIGIN_US, [-24_000])
    assert other.microseconds(24_000) == clock.microseconds(RATE) == ORIGIN_US + 1_000_000
    assert other.raw_position(ORIGIN_US + 20_000) == 480
    moments.now += 1
    assert (other.elapsed(), other.expected(other.elapsed())) == (4 * 24_000, 6 * 24_000)
    assert other.precedes_step(2 * 24_000)
    assert not other.precedes_step(3 * 24_000)
    assert other.is_beyond_limit((4 + MAX_LEAD_SECONDS) * 24_000 + 1)
    other.add_offset(7, 0)
    assert clock.offsets == [-RATE], "the one before stays as it was"


def test_a_clock_at_another_rate_before_the_first_frame_has_not_begun() -> None:
    moments = Moments()
    clock = moments.clock.at_rate(24_000)
    moments.now += 5
    assert clock.elapsed() == 0
    assert (clock.origin_us, clock.reference_us, clock.offsets) == (None, None, [])


@pytest.mark.parametrize("samples", [*range(-20, 20), 2**40 + 1])
def test_samples_convert_to_the_nearest_and_back_and_forth_without_drift(samples: int) -> None:
    there = convert_samples(samples, 16_000, 24_000)
    assert abs(2 * there - 3 * samples) <= 1
    assert convert_samples(there, 24_000, 16_000) == samples
