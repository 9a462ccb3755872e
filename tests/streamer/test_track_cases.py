"""Cases that the soak found, reduced."""

from __future__ import annotations

import random

import pytest

from tests.streamer.track_rig import FRAME, ORIGIN_US, Rig, Sent, frame, steady

LIMIT = 0.06


def test_waiting_frames_come_before_a_step_that_the_stream_knows() -> None:
    """seed 2, call 2-5-35: a frame is lost, those behind it wait, and the clock is set back."""
    frames = []
    for n in range(40):
        stamp = n * 0.02 - (3600 if n >= 8 else 0)
        frames.append(Sent(n, stamp, n * 0.02, track="other"))
        if n != 4:
            frames.append(Sent(n, stamp, n * 0.02))
    rig = Rig().send(frames)
    rig.finish()
    numbers = [n for n in range(40) if n != 4]
    places = rig.places(numbers)
    assert list(places) == numbers
    assert sorted(places, key=lambda n: places[n]) == numbers
    assert all(abs(places[n] - n * 0.02) <= 0.06 for n in numbers)


@pytest.mark.parametrize("late", [0, 30])
def test_a_frame_that_is_late_by_less_than_a_tenth_is_not_held(late: int) -> None:
    """seed 2, calls 2-9-4, 2-12-7: the frame arrives 100 ms late, and lies 500 ms from its time."""
    frames = [s for s in steady(range(100)) if s.number != late]
    frames.append(Sent(late, late * 0.02, late * 0.02 + 0.1))
    frames.sort(key=lambda s: s.arrival)
    rig = Rig().send(frames)
    rig.finish()
    assert abs(rig.places(range(100))[late] - late * 0.02) <= 0.12


def test_late_with_drift() -> None:
    """seed 2, call 2-10-14: frames each 19.6 ms, of which one is 40 ms late."""
    step = 0.0196
    frames = [Sent(n, round(n * step, 3), n * step + (0.04 if n == 60 else 0)) for n in range(150)]
    frames.sort(key=lambda s: s.arrival)
    rig = Rig().send(frames)
    rig.finish()
    places = rig.places([60])
    assert abs(places[60] - 60 * step) <= 0.06


def test_a_repeat_from_before_a_step_is_known() -> None:
    """seed 2, calls 2-1-9, 2-3-24: sent twice, and the clock is set between."""
    frames = steady(range(100), lambda n: n * 0.02 + (3600 if n >= 50 else 0))
    frames.append(frames[49]._replace(arrival=52 * 0.02 + 0.001))
    frames.sort(key=lambda s: s.arrival)
    rig = Rig().send(frames)
    totals = rig.finish()
    assert (totals.frames, totals.repeated) == (100, 1)


def test_a_correction_leaves_most_of_a_frame() -> None:
    """seed 2, call 2-10-14: frames each 19.6 ms; of one frame a second, one sample is left."""
    frames = [Sent(n, round(n * 0.0196, 3), n * 0.0196) for n in range(500)]
    rig = Rig().send(frames)
    rig.finish()
    audio = rig.audio()
    lost = [n for n in range(500) if frame(n)[:200] not in audio]
    assert not lost


def test_one_late_frame_is_no_step() -> None:
    """seed 3, call 3-3-3: an old offset of the clock would explain it."""
    step = 0.0196
    frames = []
    for n in range(500):
        clock = -0.085 if 100 <= n < 150 else 0.0
        late = 0.04 if n == 300 else 0.0
        frames.append(Sent(n, round(n * step + clock, 3), n * step + late))
    frames.sort(key=lambda s: s.arrival)
    rig = Rig().send(frames)
    rig.finish()
    places = rig.places(range(500))
    assert not [n for n in places if n != 300 and abs(places[n] - n * step) > 0.06]


def test_extra_frames_are_no_step() -> None:
    """seed 5, call 5-1-3: eight late frames whose places are taken."""
    late = range(100, 116, 2)
    frames = [Sent(n, n * 0.02, n * 0.02 + (0.5 if n in late else 0)) for n in range(600)]
    frames += [Sent(1000 + n, n * 0.02, n * 0.02) for n in late]
    frames.sort(key=lambda s: s.arrival)
    rig = Rig().send(frames)
    totals = rig.finish()
    places = rig.places(range(600))
    assert not [n for n in range(200, 600) if abs(places[n] - n * 0.02) > 0.06]
    assert totals.clock_steps == 0


# What the hour's soak found, each reduced to a few frames.


def test_silence_with_stamps_in_whole_seconds_is_kept() -> None:
    sent = [
        item._replace(pcm=bytes(2 * FRAME), silent=True) if 200 <= item.number < 300 else item
        for item in steady(range(500), lambda n: float(round(n * 0.02)))
    ]
    rig = Rig().send(sent)
    totals = rig.finish()
    assert (totals.frames, totals.silent_frames, totals.repeated) == (500, 100, 0)
    audio = b"".join(item.pcm or frame(item.number) for item in sent)
    assert rig.audio() == audio


@pytest.mark.parametrize("step", [-0.14, -0.174, -0.1, 0.5, -0.5])
@pytest.mark.parametrize("copied", [196, 199])
def test_a_repeat_from_before_a_step_is_known_behind_it(step: float, copied: int) -> None:
    sent = steady(range(500), lambda n: n * 0.02 + (step if n >= 200 else 0))
    index = next(i for i, item in enumerate(sent) if item.number == 204)
    sent.insert(index, sent[copied]._replace(arrival=sent[index].arrival))
    rig = Rig().send(sent)
    totals = rig.finish()
    assert totals.repeated == 1
    assert rig.audio() == b"".join(map(frame, range(500)))


def test_a_tone_goes_on_over_a_step() -> None:
    tone = frame(7)
    stamps = [n * 0.02 - (0.5 if n >= 200 else 0) for n in range(500)]
    sent = [Sent(n, stamps[n], n * 0.02, pcm=tone if n >= 210 else None) for n in range(500)]
    totals = Rig().send(sent).finish()
    assert totals.repeated <= 1
    assert totals.filled_samples <= FRAME


def test_a_repeat_of_a_frame_that_was_shortened_is_known() -> None:
    sent = steady(range(500), lambda n: n * 0.0196)
    sent += [item._replace(arrival=item.arrival + 0.1) for item in sent[20:480]]
    rig = Rig().send(sorted(sent, key=lambda item: item.arrival))
    totals = rig.finish()
    assert totals.corrected_samples < 0
    assert (totals.frames, totals.repeated) == (500, 460)


def test_a_loss_as_long_as_an_earlier_step_is_a_loss() -> None:
    def stamp(n: int) -> float:
        return n * 0.02 - (0.16 if n >= 100 else 0)

    numbers = [*range(300), *range(308, 600)]
    rig = Rig().send(steady(numbers, stamp))
    totals = rig.finish()
    assert totals.clock_steps == 1
    places = rig.places(numbers)
    assert {round(places[n] - n * 0.02, 6) for n in numbers} == {0.0}


def test_a_step_into_a_gap_is_no_late_audio() -> None:
    def stamp(n: int) -> float:
        return n * 0.02 - (2.95 if n >= 900 else 0)

    numbers = [*range(500), *range(880, 1200)]
    rig = Rig().send(steady(numbers, stamp))
    totals = rig.finish()
    assert (totals.frames, totals.clock_steps, totals.late) == (820, 1, 0)
    places = rig.places(numbers)
    assert all(abs(places[n] - n * 0.02) < 0.04 for n in numbers)


def test_late_audio_that_comes_at_once_fills_its_gap() -> None:
    late = [Sent(n, n * 0.02, 600 * 0.02 - 0.001) for n in range(500, 550)]
    sent = [*steady(range(500)), *steady(range(550, 600)), *late, *steady(range(600, 700))]
    rig = Rig(length=1000 * FRAME).send(sent)
    totals = rig.finish()
    assert (totals.frames, totals.late, totals.clock_steps) == (700, 50, 0)
    assert rig.audio() == b"".join(map(frame, range(700)))


def test_a_step_that_a_loss_hides_is_followed_within_two_seconds() -> None:
    def stamp(n: int) -> float:
        return n * 0.02 - (0.18 if n >= 200 else 0)

    b = [*range(200), *range(209, 700)]
    sent = [*steady(range(700), stamp), *steady(b, stamp, track="b", delay=0.001)]
    rig = Rig().send(sorted(sent, key=lambda item: item.arrival))
    steps = rig.finish().clock_steps
    pa, pb = rig.places(range(700)), rig.places(b, "b")
    assert steps + rig.finish("b").clock_steps == 1
    assert all(abs(pb[n] - pa[n]) < 0.021 for n in b if n >= 300)


def test_one_late_frame_during_a_stall_moves_nothing() -> None:
    sent = steady(range(200))
    stray = Sent(100, 3600.0, 4.5, pcm=frame(1000))
    behind = [item._replace(arrival=max(item.arrival, 6.5)) for item in steady(range(200, 500))]
    rig = Rig().send([*sent, stray, *behind])
    totals = rig.finish()
    assert (totals.frames, totals.clock_steps) == (501, 0)
    places = rig.places(range(500))
    # What the stray takes is drift, which shortens a frame or two.
    assert len(places) >= 498
    assert all(abs(places[n] - n * 0.02) <= LIMIT for n in places)


@pytest.mark.parametrize("first", [250, 100, 400])
def test_strays_in_a_row_take_their_own_place_though_there_is_drift(first: int) -> None:
    def stamp(n: int) -> float | None:
        if n == first + 2:
            return None
        return n * 0.0196 + (1000 if n in (first, first + 1) else 0)

    sent = [item._replace(arrival=item.number * 0.0196) for item in steady(range(600), stamp)]
    rig = Rig().send(sent)
    totals = rig.finish()
    assert (totals.frames, totals.clock_steps) == (600, 0)
    places = rig.places(range(600))
    assert all(abs(places[n] - n * 0.0196) <= LIMIT for n in places)


@pytest.mark.parametrize("window", [0, 5 * FRAME])
def test_drift_is_corrected_at_a_quiet_place_also_with_a_pause_window(window: int) -> None:
    """With one, each frame was written alone, and was the quietest."""
    silence = bytes(2 * FRAME)
    sent = [
        item._replace(pcm=silence if item.number % 40 < 2 else None, arrival=item.number * 0.0196)
        for item in steady(range(1000), lambda n: n * 0.0196)
    ]
    rig = Rig(window=window, length=200 * FRAME).send(sent)
    totals = rig.finish()
    assert totals.corrected_samples < -4 * FRAME
    whole = rig.places(n for n in range(1000) if n % 40 >= 2)
    assert len(whole) >= 940


@pytest.mark.parametrize("ahead", [0.12, 0.25, 0.36])
def test_a_small_step_ahead_is_no_gap_for_any_track(ahead: float) -> None:
    def stamp(n: int) -> float:
        return n * 0.02 + (ahead if n >= 200 else 0)

    b = range(500)
    sent = [*steady(range(500), stamp), *steady(b, stamp, track="b", delay=0.001)]
    rig = Rig().send(sorted(sent, key=lambda item: item.arrival))
    totals = rig.finish()
    totals.add(rig.finish("b"))
    assert (totals.clock_steps, totals.filled_samples) == (1, 0)
    pa, pb = rig.places(range(500)), rig.places(b, "b")
    assert all(abs(pa[n] - n * 0.02) < 0.001 for n in pa)
    assert all(abs(pb[n] - pa[n]) < 0.021 for n in pb)


def test_a_repeat_from_before_a_gap_and_a_step_is_known() -> None:
    """The gap is filled at once, and longer than what is compared otherwise."""

    def stamp(n: int) -> float:
        return n * 0.02 - (0.5 if n >= 200 else 0)

    sent = steady([*range(200), *range(285, 500)], stamp)
    index = next(i for i, item in enumerate(sent) if item.number == 289)
    sent.insert(index, sent[198]._replace(arrival=sent[index].arrival))
    totals = Rig().send(sent).finish()
    assert (totals.frames, totals.repeated) == (415, 1)


def test_lost_frames_are_gaps_though_the_first_frame_was_late() -> None:
    """Before the first tick, arrival seems to say that no time passed for the lost ones."""
    numbers = [n for n in range(100) if n not in (7, 11, 17, 18, 24)]
    rig = Rig()
    counts = rig.send(Sent(n, n * 0.02, max(n, 1) * 0.02) for n in numbers).finish()
    assert (counts.clock_steps, counts.gaps) == (0, 4)
    places = rig.places(numbers)
    assert {n: round(places[n] - n * 0.02, 4) for n in numbers} == dict.fromkeys(numbers, 0)


# What the soak's plans found without processes, each reduced to a few frames.


def test_a_first_stamp_that_is_wrong_waits_for_those_that_agree() -> None:
    """Seed 1136: the one behind it was late, so each of the first three said another time."""
    sent = [Sent(0, 1.66, 0.0), Sent(900, -7.4, 0.019), *steady(range(1, 100))]
    rig = Rig().send(sent)
    assert rig.finish().clock_steps == 0
    places = rig.places(range(100))
    assert all(abs(places[n] - places[1] - (n - 1) * 0.02) < 0.001 for n in range(1, 100))
    assert rig.clock.microseconds(0) / 1e6 == pytest.approx(ORIGIN_US / 1e6, abs=0.05)


def test_a_first_frame_without_a_stamp_belongs_to_when_it_arrived() -> None:
    """Seed 1000216: half a second was lost behind it, and seemed to be another clock."""
    b = [Sent(500, None, 0.25, track="b"), *steady(range(28, 100), track="b", delay=0.251)]
    a = steady(range(100), delay=0.25)
    rig = Rig().send(sorted([*a, *b], key=lambda item: item.arrival))
    rig.finish()
    assert rig.finish("b").clock_steps == 0
    places = rig.places([500, *range(28, 100)], "b")
    assert abs(places[500]) <= LIMIT
    assert all(abs(places[n] - n * 0.02) <= LIMIT for n in range(28, 100))


@pytest.mark.parametrize("lost", [1, 9, 18])
def test_a_loss_in_a_burst_that_begins_a_stream_is_no_step(lost: int) -> None:
    """Seed 1000135: the call's socket was opened again during a stall of two seconds."""
    for first in (5, 20, 60):
        numbers = [n for n in range(250) if not first <= n < first + lost]
        sent = [Sent(n, n * 0.02, max(0.0, (n - 100) * 0.02)) for n in numbers]
        other = [Sent(n, n * 0.02, max(0.0, (n - 100) * 0.02), track="b") for n in range(250)]
        rig = Rig().send(sorted([*sent, *other], key=lambda item: (item.arrival, item.number)))
        assert rig.finish().clock_steps == rig.finish("b").clock_steps == 0
        places = rig.places(numbers)
        assert all(abs(places[n] - n * 0.02) < 0.001 for n in numbers)


@pytest.mark.parametrize("interval", [0.0196, 0.0204])
@pytest.mark.parametrize("seed", range(10))
def test_losses_and_late_frames_while_timestamps_drift(interval: float, seed: int) -> None:
    """Seeds 1010516, 1020460, 1020544; calls 47-14-259, 47-3-550, 118-2-462: also with jitter."""
    rng = random.Random(seed)
    jitter = rng.choice([0.0, 0.002, 0.009])
    sent = []
    for n in range(1500):
        stamp = round(n * interval + rng.uniform(-jitter, jitter), 3)
        late = rng.choice([0.02, 0.04]) + 0.001 if rng.random() < 0.01 else 0.0
        if n < 3 or rng.random() >= 0.01:
            sent.append(Sent(n, stamp, n * interval + late))
    rig = Rig(length=10_000 * FRAME).send(sorted(sent, key=lambda item: item.arrival))
    assert rig.finish().clock_steps == 0
    places = rig.places(range(1500))
    stamps = {item.number: item.stamp for item in sent if item.stamp is not None}
    assert all(abs(places[n] - stamps[n]) <= LIMIT for n in places)


def test_a_loss_behind_the_first_frame_costs_the_next_its_place_no_more_than_one() -> None:
    """Seed 2000690: five frames are lost, and one of them comes again from the socket before."""
    sent = [Sent(0, 0.0, 0.036), Sent(6, 0.12, 0.036), Sent(3, 0.06, 0.116)]
    sent += [Sent(n, n * 0.02, 0.116 + (n - 7) * 0.02) for n in range(7, 60)]
    rig = Rig().send(sent)
    rig.finish()
    places = rig.places([0, 3, *range(6, 60)])
    assert all(abs(places[n] - n * 0.02) < 0.001 for n in places)


def test_a_frame_from_before_a_step_comes_before_it() -> None:
    """Seed 2000548: it waits behind one that was lost, when another track shows the step."""

    def stamp(n: int) -> float:
        return n * 0.02 - (3600 if n >= 103 else 0)

    numbers = [n for n in range(200) if n != 100]
    arrivals = {102: 103 * 0.02 + 0.001}
    sent = [Sent(n, stamp(n), arrivals.get(n, n * 0.02 + 0.0005)) for n in numbers]
    sent += steady(range(200), stamp, track="b")
    rig = Rig().send(sorted(sent, key=lambda item: item.arrival))
    rig.finish()
    places = rig.places(numbers)
    assert all(abs(places[n] - n * 0.02) <= LIMIT for n in numbers)


@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize("overtaking", [1, 2])
@pytest.mark.parametrize("late", [40, 45, 60, 70])
def test_an_overtaken_frame_is_inserted_where_drift_hid_it(
    late: int, overtaking: int, silent: bool
) -> None:
    """Call 118-2-462: those behind it seem to fit where it belongs, and it came after them."""
    sent = [Sent(n, round(n * 0.0196, 3), n * 0.0196, silent=silent) for n in range(140)]
    moment = sent[late + overtaking].arrival + 0.001
    sent[late] = sent[late]._replace(arrival=moment)
    rig = Rig(length=1000 * FRAME).send(sorted(sent, key=lambda item: item.arrival))
    totals = rig.finish()
    assert (totals.frames, totals.unstamped, totals.clock_steps) == (140, 0, 0)
    assert totals.silent_frames == (140 if silent else 0)
    places = rig.places(range(140))
    assert sorted(places, key=lambda n: places[n]) == list(places)
    assert all(abs(places[n] - n * 0.0196) <= 0.04 for n in places)


def test_an_overtaken_frame_is_inserted_though_a_flush_comes_before_the_next_frame() -> None:
    sent = [Sent(n, round(n * 0.0196, 3), n * 0.0196) for n in range(140)]
    sent[48] = sent[48]._replace(arrival=sent[50].arrival + 0.001)
    rig = Rig(length=1000 * FRAME)
    rig.send(sorted(sent[:51], key=lambda item: item.arrival))
    rig.track().flush()
    rig.send(sent[51:]).finish()
    places = rig.places(range(140))
    assert sorted(places, key=lambda n: places[n]) == list(places)


@pytest.mark.parametrize("step", [0.03, 0.04, 0.05, 0.06])
def test_a_small_step_back_changes_no_order(step: float) -> None:
    """Its first frame seems to be overtaken, but the next one follows on it."""
    sent = steady(range(200), lambda n: n * 0.02 - (step if n >= 40 else 0))
    rig = Rig(length=1000 * FRAME).send(sent)
    rig.finish()
    places = rig.places(range(200))
    assert sorted(places, key=lambda n: places[n]) == list(places)
    # Drift correction shortens a few.
    assert len(places) >= 190


@pytest.mark.parametrize("jitter_ms", [(0,), (9, -9), (9, 0, -9), (7, -7, 0)])
@pytest.mark.parametrize("stamp", [1.6, 2.2])
def test_what_comes_behind_a_frame_that_overtook_a_stall_is_late(
    stamp: float, jitter_ms: tuple[int, ...]
) -> None:
    """The sender stalls for 3 s, but one frame comes in between: seconds were not lost.

    It takes the place of another one, so that some lie at the end of the burst.
    """

    def jitter(n: int) -> float:
        return jitter_ms[n % len(jitter_ms)] / 1000

    frames = [*steady(range(50)), Sent(900, stamp, 2.3)]
    frames += [Sent(n, n * 0.02 + jitter(n), 4.0) for n in range(50, 150)]
    rig = Rig(length=1000 * FRAME).send(frames)
    totals = rig.finish()
    assert (totals.frames, totals.clock_steps) == (151, 0)
    # Drift correction shortens up to four, which are then not found whole.
    places = rig.places(range(150))
    assert sum(abs(places[n] - n * 0.02) <= LIMIT for n in places) >= 141


@pytest.mark.parametrize("jitter", [(0, 0, 0, 0, 0), (2, 6, 7, 1, 1)])
def test_a_clock_set_back_by_three_frames_at_once_keeps_the_order(jitter: tuple[int, ...]) -> None:
    """Frames 3 to 5 have the timestamps of the first three; frame 6 fits where the track stands."""
    frames = steady(range(100), lambda n: n * 0.02 - (0.06 if n >= 3 else 0))
    for n, ms in enumerate(jitter, 3):
        frames[n] = frames[n]._replace(stamp=(n - 3) * 0.02 + ms / 1000)
    rig = Rig().send(frames)
    totals = rig.finish()
    assert (totals.frames, totals.clock_steps) == (100, 1)
    places = rig.places(range(100))
    assert all(abs(places[n] - n * 0.02) <= LIMIT for n in range(100))
