"""What real senders do to their timestamps, row by row, with the right values (issue 12)."""

from __future__ import annotations

import random

import pytest

from tests.streamer.track_rig import FRAME, ORIGIN_US, RATE, Rig, Sent, frame, steady

LIMIT = 0.060


def in_order(rig: Rig, count: int, name: str = "a") -> None:
    assert rig.audio(name) == b"".join(map(frame, range(count)))


@pytest.mark.parametrize("step", [-0.06, -0.1, -0.5, -1.0, -1.04, -2.0, -5.0, -3600.0, 0.5, 3600.0])
def test_a_step_of_the_senders_clock(step: float) -> None:
    rig = Rig().send(steady(range(500), lambda n: n * 0.02 + (step if n >= 250 else 0)))
    totals = rig.finish()
    in_order(rig, 500)
    assert totals.repeated == totals.late_dropped == totals.lost == 0
    assert totals.clock_steps == 1


def test_back_and_right_again() -> None:
    rig = Rig().send(steady(range(500), lambda n: n * 0.02 - (0.5 if 250 <= n < 275 else 0)))
    totals = rig.finish()
    in_order(rig, 500)
    assert (totals.repeated, totals.clock_steps) == (0, 2)


@pytest.mark.parametrize("begin", [0.0, 0.5, 0.99])
def test_stamps_in_whole_seconds(begin: float) -> None:
    rig = Rig().send(steady(range(1000), lambda n: float(int(begin + n * 0.02 + 1e-9))))
    totals = rig.finish()
    assert totals.frames == 1000
    in_order(rig, 1000)


def test_a_step_while_another_track_is_silent() -> None:
    def stamp(n: int) -> float:
        return n * 0.02 + (-2.0 if n >= 200 else 0)

    a = steady(range(500), stamp)
    b = [*steady(range(100), stamp, track="b"), *steady(range(300, 500), stamp, track="b")]
    rig = Rig().send(sorted(a + b, key=lambda s: s.arrival))
    totals = rig.finish()
    rig.finish("b")
    assert totals.clock_steps == 1
    pa, pb = rig.places(range(500)), rig.places(range(300, 500), "b")
    assert len(pa) == 500
    assert len(pb) == 200
    assert all(abs(pa[n] - pb[n]) < 1e-9 for n in pb)


@pytest.mark.parametrize("b_first", [True, False])
def test_a_step_while_both_speak(b_first: bool) -> None:
    def stamp(n: int) -> float:
        return n * 0.02 + (-0.7 if n >= 200 else 0)

    a = steady(range(500), stamp)
    b = steady(range(500), stamp, track="b", delay=-0.001 if b_first else 0.001)
    b[0] = b[0]._replace(arrival=max(0.0, b[0].arrival))
    rig = Rig().send(sorted(a + b, key=lambda s: s.arrival))
    steps = rig.finish().clock_steps + rig.finish("b").clock_steps
    pa, pb = rig.places(range(500)), rig.places(range(500), "b")
    assert len(pa) == len(pb) == 500
    assert all(abs(pa[n] - pb[n]) < 1e-9 for n in pb)
    assert steps == 1


def test_two_strays_an_hour_ahead() -> None:
    rig = Rig().send(steady(range(500), lambda n: n * 0.02 + (3600 if n in (250, 251) else 0)))
    totals = rig.finish()
    in_order(rig, 500)
    assert totals.unstamped == 2


def test_two_participants_an_hour_apart() -> None:
    a = steady(range(500))
    b = steady(range(500), lambda n: n * 0.02 + 3600, track="b", delay=0.003)
    rig = Rig().send(sorted(a + b, key=lambda s: s.arrival))
    totals = rig.finish("b")
    assert abs(rig.length_seconds("b") - 10) < 0.1
    assert abs(rig.length_seconds("a") - 10) < 0.1
    assert totals.clock_steps == 1
    assert rig.finish("a").clock_steps == 0
    for name in ("a", "b"):
        places = rig.places(range(500), name)
        assert all(abs(places[n] - n * 0.02) <= LIMIT for n in range(500))


def test_strays_ten_years_ahead() -> None:
    ten_years = 10 * 365 * 86400.0
    rig = Rig().send(steady(range(500), lambda n: n * 0.02 + (ten_years if n in (100, 300) else 0)))
    totals = rig.finish()
    in_order(rig, 500)
    assert totals.unstamped == 2


WRONG_STAMPS = [-54 * 365 * 86400.0, 86400.0, -86400.0, 3600.0, 0.3, -0.3]


@pytest.mark.parametrize("first", [None, *WRONG_STAMPS])
@pytest.mark.parametrize("count", [1, 2])
def test_first_stamps_that_are_wrong_or_missing(first: float | None, count: int) -> None:
    rig = Rig().send(
        steady(
            range(500),
            lambda n: (
                first if n < count and first is None else n * 0.02 + (first or 0) * (n < count)
            ),
        )
    )
    totals = rig.finish()
    places = rig.places(range(500))
    assert len(places) == 500
    assert abs(rig.length_seconds() - 10) < 0.1
    assert all(abs(places[n] - n * 0.02) <= LIMIT for n in places)
    assert abs(rig.clock.microseconds(0) - ORIGIN_US) < 60_000
    assert (totals.unstamped, totals.clock_steps) == (count, 0)


@pytest.mark.parametrize("wrong", WRONG_STAMPS)
def test_who_joins_with_two_wrong_stamps_sets_no_clock(wrong: float) -> None:
    b = steady(range(200, 500), lambda n: n * 0.02 + wrong * (n < 202), track="b", delay=0.001)
    rig = Rig().send(sorted([*steady(range(500)), *b], key=lambda sent: sent.arrival))
    totals = rig.finish("b")
    assert (totals.frames, totals.unstamped, totals.clock_steps) == (300, 2, 0)
    assert rig.finish("a").clock_steps == 0
    places = rig.places(range(200, 500), "b")
    assert all(abs(places[n] - n * 0.02) <= LIMIT for n in range(200, 500))


@pytest.mark.parametrize("numbers", [[0], [0, 1], [1, 0], [0, 4], [0, 1, 2], [2, 0]])
@pytest.mark.parametrize("waits", [False, True])
def test_a_short_track_is_at_its_time(numbers: list[int], waits: bool) -> None:
    """Fewer frames than must agree: the end decides, or the time that they have waited."""
    rig = Rig().send(Sent(n, n * 0.02, k * 0.02) for k, n in enumerate(numbers))
    if waits:
        rig.wait_until(1.1)
        assert rig.track().position is not None
    assert rig.finish().frames == len(numbers)
    begin_us = rig.clock.microseconds(0) - ORIGIN_US
    places = rig.places(numbers)
    assert all(abs(begin_us / 1e6 + places[n] - n * 0.02) <= LIMIT for n in numbers)


def test_all_stamps_of_1970() -> None:
    rig = Rig().send(steady(range(100), lambda n: n * 0.02 - ORIGIN_US / 1e6))
    rig.finish()
    in_order(rig, 100)
    assert abs(rig.clock.microseconds(0) - ORIGIN_US) < 100_000, "named by our own clock"


@pytest.mark.parametrize("interval", [0.0204, 0.0196, 0.0202, 0.0198, 0.02004])
def test_drift_of_stamps(interval: float) -> None:
    count = 6000
    rig = Rig(length=RATE * 30).send([Sent(n, n * interval, n * interval) for n in range(count)])
    totals = rig.finish()
    places = rig.places(range(count))
    worst = max(abs(places[n] - n * interval) for n in places)
    assert worst <= LIMIT
    assert totals.repeated == totals.gaps == totals.clock_steps == 0
    drift = round((interval - 0.02) * count * RATE)
    assert abs(totals.corrected_samples - drift) <= 0.06 * RATE
    if interval > 0.02:
        assert len(places) == count


def test_one_frame_each_12_seconds() -> None:
    rig = Rig().send([Sent(n, n * 12.0, n * 12.0) for n in range(7)])
    totals = rig.finish()
    places = rig.places(range(7))
    assert all(abs(places[n] - n * 12.0) < 0.001 for n in range(7))
    assert totals.frames == 7


def test_a_socket_that_ends_right_after_a_step() -> None:
    for frames in (1, 2, 3, 5, 30):
        rig = Rig().send(steady(range(100 + frames), lambda n: n * 0.02 - (2.0 if n >= 100 else 0)))
        totals = rig.finish()
        in_order(rig, 100 + frames)
        assert totals.late_dropped == 0


@pytest.mark.parametrize("seed", range(10))
def test_frames_lost_again_and_again_with_jitter(seed: int) -> None:
    rng = random.Random(seed)
    count = 9000
    frames = [
        Sent(n, n * 0.02 + rng.uniform(-0.006, 0.006), n * 0.02 + rng.uniform(0, 0.004))
        for n in range(count)
        if rng.random() >= 0.008 or n == 0
    ]
    rig = Rig(length=RATE * 30).send(sorted(frames, key=lambda s: s.arrival))
    rig.finish()
    places = rig.places([s.number for s in frames])
    errors = {n: places[n] - n * 0.02 for n in places}
    assert max(map(abs, errors.values())) <= LIMIT
    assert len(places) >= len(frames) - 5


@pytest.mark.parametrize("killed_at", [2.05, 2.3, 2.45])
def test_a_kill_within_a_held_decision(killed_at: float) -> None:
    """Frames wait for what was lost before them; the call's next socket is a stream of its own."""
    numbers = [n for n in range(200) if not 100 <= n < 103]
    killed = Rig(length=1000 * FRAME)
    killed.send(sent for sent in steady(numbers) if sent.arrival < killed_at)
    places = killed.places(range(100))
    assert len(places) >= 50, "what was flushed is on the disk"
    behind = Rig().send(sent for sent in steady(numbers) if sent.arrival >= killed_at + 0.1)
    behind.finish()
    origin = (behind.clock.microseconds(0) - ORIGIN_US) / 1e6
    places |= {n: origin + place for n, place in behind.places(range(100, 200)).items()}
    assert 199 in places
    assert all(abs(place - n * 0.02) <= LIMIT for n, place in places.items())


@pytest.mark.parametrize("seed", range(10))
def test_strays_of_some_seconds_among_good_stamps(seed: int) -> None:
    rng = random.Random(seed)
    count = 1000
    rig = Rig().send(
        steady(
            range(count),
            lambda n: n * 0.02 + (rng.uniform(-9, 9) if rng.random() < 0.03 and n > 3 else 0),
        )
    )
    rig.finish()
    places = rig.places(range(count))
    assert len(places) == count
    assert max(abs(places[n] - n * 0.02) for n in places) <= LIMIT


@pytest.mark.parametrize("ahead", [0.061, 0.1, 0.25, 0.5, 1.0, 9.9])
def test_one_stray_ahead(ahead: float) -> None:
    rig = Rig().send(steady(range(200), lambda n: n * 0.02 + (ahead if n == 100 else 0)))
    totals = rig.finish()
    in_order(rig, 200)
    assert totals.gaps == 0


def test_the_first_frames_out_of_order() -> None:
    order = [1, 0, 2, 3, 4]
    rig = Rig().send([Sent(n, n * 0.02, k * 0.02) for k, n in enumerate(order)])
    rig.send([Sent(n, n * 0.02, n * 0.02) for n in range(5, 50)])
    rig.finish()
    in_order(rig, 50)


@pytest.mark.parametrize("pause", [3.0, 12.0])
def test_out_of_order_after_a_pause(pause: float) -> None:
    rig = Rig().send(steady(range(100)))
    start = 100 + round(pause * 50)
    order = [start + 1, start, start + 2, start + 3]
    rig.send([Sent(n, n * 0.02, (start + k) * 0.02) for k, n in enumerate(order)])
    rig.send(steady(range(start + 4, start + 50)))
    rig.finish()
    places = rig.places(range(start, start + 50))
    assert all(abs(places[n] - n * 0.02) < 0.001 for n in range(start, start + 50))


@pytest.mark.parametrize("odd", ["none", "swap"])
def test_set_back_and_then_one_odd_stamp(odd: str) -> None:
    def stamp(n: int) -> float | None:
        if n == 120 and odd == "none":
            return None
        return n * 0.02 - (5.0 if n >= 100 else 0)

    frames = steady(range(300), stamp)
    if odd == "swap":
        frames[120], frames[121] = (
            frames[121]._replace(arrival=frames[120].arrival),
            frames[120]._replace(arrival=frames[121].arrival),
        )
    rig = Rig().send(frames)
    totals = rig.finish()
    assert len(rig.places(range(300))) == 300
    assert totals.late_dropped == totals.repeated == 0


def test_stamps_near_year_9999() -> None:
    far = 251_000_000_000.0
    rig = Rig().send(steady(range(100), lambda n: n * 0.02 + (far if n == 50 else 0)))
    rig.finish()
    in_order(rig, 100)
    rig = Rig().send(steady(range(100), lambda n: n * 0.02 + far))
    rig.finish()
    in_order(rig, 100)
    assert abs(rig.clock.microseconds(0) - ORIGIN_US) < 100_000, "named by our own clock"


def test_a_stall_and_then_a_burst_is_normal() -> None:
    frames = [Sent(n, n * 0.02, n * 0.02 if n < 100 or n >= 400 else 8.0) for n in range(500)]
    rig = Rig().send(frames)
    totals = rig.finish()
    in_order(rig, 500)
    assert totals.gaps == totals.clock_steps == 0


@pytest.mark.parametrize("lost", [1, 2, 3, 4, 10, 60])
def test_a_gap_in_a_burst(lost: int) -> None:
    frames = [
        Sent(n, n * 0.02, n * 0.02 if n < 100 or n >= 400 else 8.0)
        for n in range(500)
        if not 200 <= n < 200 + lost
    ]
    rig = Rig().send(frames)
    totals = rig.finish()
    places = rig.places(range(500))
    assert all(abs(places[n] - n * 0.02) < 0.001 for n in places)
    assert totals.frames == 500 - lost
    assert totals.filled_samples == lost * FRAME


def test_a_sender_that_runs_away_is_bounded() -> None:
    rig = Rig().send([Sent(n, n * 0.02, n * 0.0002) for n in range(20_000)])
    totals = rig.finish()
    assert rig.length_seconds() <= 4.0 + 10 + 1.1
    assert totals.frames + totals.lost == 20_000


def test_stamps_twice_as_fast_are_bounded() -> None:
    rig = Rig().send([Sent(n, n * 0.04, n * 0.02) for n in range(5000)])
    totals = rig.finish()
    assert rig.length_seconds() <= 100 + 10 + 1.1
    assert totals.frames == 5000


@pytest.mark.parametrize("distance", [1, 2, 5, 20, 45])
def test_a_repeat_over_a_cut(distance: int) -> None:
    """The cut lies within a frame; the frame on it comes again."""
    length = 50 * FRAME + 77
    frames = steady(range(200))
    again = [Sent(n, n * 0.02, (n + distance) * 0.02 + 0.001) for n in (49, 50, 51, 100, 101)]
    rig = Rig(length=length).send(sorted(frames + again, key=lambda s: s.arrival))
    totals = rig.finish()
    in_order(rig, 200)
    assert totals.repeated == 5


def test_what_waits_is_bounded() -> None:
    rig = Rig(flush_seconds=0.02)
    most = 0
    for n in range(0, 4000, 2):
        rig.send([Sent(n, n * 0.02, n * 0.02)])
        most = max(most, rig.track().pending_bytes)
    assert most <= 27 * FRAME * 2, "half a second, and what one flush buffers"
