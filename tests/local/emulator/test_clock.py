"""A call's clock, and the timestamps that it gives under faults."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from acs.media import to_microseconds
from local.emulator.clock import CallClock, Stamps
from local.emulator.faults import Faults

START = datetime(2026, 11, 25, 12, 0, 0, tzinfo=UTC)
FIRST = 3


def stamps(faults: Faults) -> Stamps:
    return Stamps(to_microseconds(START), FIRST, faults)


def offsets(faults: Faults, count: int = 500, participant: int = 0) -> list[int | None]:
    """How many milliseconds the first ticks' timestamps are off; None stands for none."""
    result: list[int | None] = []
    for tick in range(FIRST, FIRST + count):
        text = stamps(faults).text(tick, participant)
        if text is None:
            result.append(None)
        else:
            us = to_microseconds(datetime.fromisoformat(text)) - to_microseconds(START)
            result.append(us // 1000 - tick * 20)
    return result


def test_the_clock_counts_ticks_of_20_ms_from_whole_milliseconds() -> None:
    clock = CallClock(datetime(2026, 11, 25, 12, 0, 0, 123_456, tzinfo=UTC), speed=4.0)
    assert clock.timestamp(0) == datetime(2026, 11, 25, 12, 0, 0, 123_000, tzinfo=UTC)
    assert clock.timestamp(50) == datetime(2026, 11, 25, 12, 0, 1, 123_000, tzinfo=UTC)
    assert clock.due(200) - clock.due(0) == pytest.approx(1.0), "4 s of audio in 1 s"
    assert clock.tick() == 0


def test_a_calls_streams_share_their_first_tick() -> None:
    clock = CallClock(START, speed=1.0)
    assert [clock.begin_stream(tick) for tick in (5, 90)] == [5, 5]


def test_timestamps_are_in_milliseconds_as_acs_writes_them() -> None:
    assert stamps(Faults()).text(51) == "2026-11-25T12:00:01.020Z"
    assert stamps(Faults()).text(50) == "2026-11-25T12:00:01.000Z"
    assert set(offsets(Faults())) == {0}


def test_whole_seconds_are_written_without_a_fraction() -> None:
    assert stamps(Faults(stamp_resolution_ms=1000)).text(99) == "2026-11-25T12:00:01Z"
    assert stamps(Faults(stamp_resolution_ms=100)).text(99) == "2026-11-25T12:00:01.900Z"


def test_a_clock_steps_for_good_or_for_a_while() -> None:
    for_good = offsets(Faults(clock_step_ms=-500, clock_step_after_ticks=250))
    assert for_good == [0] * 250 + [-500] * 250
    a_while = offsets(Faults(clock_step_ms=-500, clock_step_after_ticks=25, clock_step_ticks=25))
    assert a_while == [0] * 25 + [-500] * 25 + [0] * 450


def test_participants_clocks_are_apart() -> None:
    faults = Faults(clock_apart_ms=3_600_000)
    assert [offsets(faults, 1, participant) for participant in range(3)] == [
        [0],
        [3_600_000],
        [7_200_000],
    ]


def test_strays_are_named_or_random_and_a_tick_s_stamp_is_always_the_same() -> None:
    assert offsets(Faults(stray_ms=-70, stray_ticks=(0, 2)), 4) == [-70, 0, -70, 0]
    assert offsets(Faults(stray_ms=None, stray_ticks=(0,)), 2) == [None, 0]
    faults = Faults(stray_ms=3_600_000, stray_probability=0.1)
    assert offsets(faults) == offsets(faults)
    assert set(offsets(faults)) == {0, 3_600_000}
    assert offsets(faults).count(3_600_000) == pytest.approx(50, abs=25)


@pytest.mark.parametrize(
    ("stray_ms", "expected"),
    [
        (10**18, "9999-12-31T23:59:59.999Z"),
        (-(10**18), "0001-01-01T00:00:00.000Z"),
        (-1_795_608_000_000 - 60, "1970-01-01T00:00:00.000Z"),
    ],
)
def test_strays_stay_between_the_years_1_and_9999(stray_ms: int, expected: str) -> None:
    assert stamps(Faults(stray_ms=stray_ms, stray_ticks=(0,))).text(FIRST) == expected


def test_drift_grows_and_jitter_is_bounded() -> None:
    drift = offsets(Faults(drift_ppm=20_000))
    assert [drift[0], drift[1], drift[50], drift[499]] == [0, 0, 20, 199]
    assert offsets(Faults(drift_ppm=-20_000))[50] == -20
    jitter = offsets(Faults(stamp_jitter_ms=8))
    assert set(jitter) == set(range(-8, 9))
