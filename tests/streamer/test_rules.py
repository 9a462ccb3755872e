"""Single rules for frames that wait, where one rule must not undo what another one knows."""

from __future__ import annotations

from math import ceil

import pytest

from tests.streamer.track_rig import FRAME, Rig, Sent, frame, steady


def test_a_step_is_taken_though_a_frame_that_was_overtaken_comes_behind_it() -> None:
    """Frames far behind the track are late, one by one; three in a row are a step."""
    sent = steady([0, 1, 3])
    sent += [Sent(n, n * 0.02 - 3600, n * 0.02) for n in range(4, 8)]
    sent += [Sent(2, 0.04, 0.145)]
    sent += [Sent(n, n * 0.02 - 3600, n * 0.02) for n in range(8, 100)]
    rig = Rig().send(sent)
    assert rig.finish().clock_steps == 1
    places = rig.places(range(100))
    assert all(places[n] == pytest.approx(n * 0.02, abs=0.001) for n in range(100))


def test_a_frame_from_before_a_step_does_not_undo_it() -> None:
    """One that waits since before the step must not bring the stream's clock back."""
    silence = bytes(2 * FRAME)
    frames: list[Sent] = []
    for number in range(400):
        stamp = number * 0.02 - (0.188 if number > 270 else 0.0)
        # Read in batches of 80 ms.
        arrival = 0.05 + ceil((number - 1) / 4) * 0.08
        frames.append(Sent(number, stamp, arrival, track="a"))
        if number == 241:
            # The silence that was sent before it is a frame behind the track then.
            frames.append(Sent(1000, None, arrival, track="b"))
        if 175 <= number < 243:
            frames.append(Sent(number, stamp, arrival, silence, "b", silent=True))
        elif number < 243 or number >= 269:
            frames.append(Sent(number, stamp, arrival, track="b"))
    rig = Rig().send(frames)
    rig.finish()
    for track in ("a", "b"):
        places = rig.places(range(275, 400), track)
        assert len(places) > 100
        assert all(place == pytest.approx(n * 0.02, abs=0.06) for n, place in places.items()), track


def test_late_frames_during_a_stall_take_no_time_of_what_follows() -> None:
    """Where nothing else comes, what is late is placed last: what comes then is not late."""
    late = [Sent(1000 + n, 1.9 + n * 0.1, 5.5 + n * 0.7) for n in range(3)]
    burst = [Sent(n, n * 0.02 - 0.004, 8.2) for n in range(200, 411)]
    rig = Rig().send(steady(range(200))).send(late).send(burst).send(steady(range(411, 600)))
    totals = rig.finish()
    assert (totals.frames, totals.clock_steps) == (603, 0)
    places = rig.places(range(200, 600))
    assert len(places) > 300
    assert all(place == pytest.approx(n * 0.02, abs=0.07) for n, place in places.items())


def test_a_stray_before_a_pause_is_no_step() -> None:
    """When it is overdue nothing else is there: a step needs two frames that agree."""
    stray = Sent(75, 75 * 0.02 + 0.165, 1.5)
    rig = Rig().send([*steady(range(75)), stray, *steady(range(110, 200))])
    assert rig.finish().clock_steps == 0
    places = rig.places(range(200))
    assert len(places) == 166
    assert all(places[n] == pytest.approx(n * 0.02, abs=0.001) for n in range(110, 200))


def send_with_cuts(rig: Rig, sent: list[Sent], interval: float | None) -> None:
    """Send frames, and end the open segment at an interval, as in a drain."""
    moment = interval
    for item in sorted(sent, key=lambda item: item.arrival):
        while interval and moment and moment < item.arrival:
            rig.wait_until(moment)
            rig.track().cut_now()
            moment += interval
        rig.send([item])


@pytest.mark.parametrize("interval", [None, 5.0, 0.7])
@pytest.mark.parametrize("late", [0.3, 0.5, 1.5])
@pytest.mark.parametrize("count", [5, 11, 15, 50])
@pytest.mark.parametrize("length", [1500 * FRAME, 50 * FRAME, 50 * FRAME + 77])
def test_frames_that_come_late_and_at_once_are_no_step_whatever_was_cut(
    length: int, count: int, late: float, interval: float | None
) -> None:
    """Their places are on both sides of a cut: it closed the segment of some, or of all."""
    first = length // FRAME - count // 2
    burst = range(first, first + count)
    numbers = range(first + count + 300)
    sent = steady(n for n in numbers if n not in burst)
    moment = (first + count) * 0.02 + late
    sent += [Sent(n, n * 0.02, moment + (n - first) * 0.0001) for n in burst]
    rig = Rig(length=length, flush_seconds=1.5)
    send_with_cuts(rig, sent, interval)
    totals = rig.finish()
    assert totals.clock_steps == totals.repeated == totals.unstamped == totals.lost == 0
    assert totals.late + totals.late_dropped == count
    assert totals.frames == len(numbers) - totals.late_dropped
    assert totals.corrected_samples == 0
    places = rig.places(numbers)
    assert set(numbers) - set(places) <= set(burst)
    assert all(places[n] == pytest.approx(n * 0.02, abs=0.001) for n in places)


@pytest.mark.parametrize("first", range(80, 100, 3))
def test_late_frames_are_no_step_on_a_track_that_was_idle_before(first: int) -> None:
    """The segment of an idle track is ended; the track may go on."""
    burst = range(first, first + 50)
    sent = steady(n for n in range(300) if n not in burst)
    sent += [Sent(n, n * 0.02, burst.stop * 0.02 + 0.5 + n * 0.0001) for n in burst]
    sent.sort(key=lambda item: item.arrival)
    rig = Rig(flush_seconds=1.5).send(sent[:20])
    rig.track().finish()
    totals = rig.send(sent[20:]).finish()
    assert totals.clock_steps == 0
    assert totals.late + totals.late_dropped == len(burst)


@pytest.mark.parametrize("late", [0.3, 0.5, 1.5])
def test_frames_that_come_late_to_a_gap_between_segments_are_no_step(late: float) -> None:
    burst = range(100, 160)
    sent = steady(n for n in range(400) if n not in burst)
    sent += [Sent(n, n * 0.02, 3.2 + late) for n in burst]
    rig = Rig(length=1500 * FRAME, jump_seconds=1)
    rig.send(sorted(sent, key=lambda item: item.arrival))
    totals = rig.finish()
    assert (totals.frames, totals.late_dropped, totals.clock_steps) == (340, 60, 0)
    places = rig.places(range(400))
    assert list(places) == [n for n in range(400) if n not in burst]
    assert all(places[n] == pytest.approx(n * 0.02, abs=0.001) for n in places)


@pytest.mark.parametrize("jitter", [0.0, 0.004, -0.004])
def test_late_frames_keep_their_places_behind_a_cut_that_splits_one(jitter: float) -> None:
    """Each comes 0.19 s late. The cut is in frame 50, whose rest has room behind it."""
    late = range(48, 53)
    sent = steady(n for n in range(200) if n not in late)
    sent += [Sent(n, n * 0.02 + jitter, n * 0.02 + 0.191) for n in late]
    rig = Rig(length=50 * FRAME + 77).send(sorted(sent, key=lambda item: item.arrival))
    totals = rig.finish()
    assert (totals.frames, totals.late, totals.late_dropped) == (198, 3, 2)
    silence = bytes(2 * (2 * FRAME + 77))
    whole = b"".join(map(frame, range(200)))
    assert rig.audio() == whole[: 2 * 48 * FRAME] + silence + whole[2 * (50 * FRAME + 77) :]


@pytest.mark.parametrize("cut", [200, 100])
def test_a_late_frame_of_which_most_lies_in_a_closed_segment_is_told(cut: int) -> None:
    """Two frames are late, and a cut splits the first one: the other one has its own place."""
    sent = steady(n for n in range(200) if n not in (50, 51))
    sent += [Sent(n, n * 0.02, 1.5 + n * 0.0001) for n in (50, 51)]
    rig = Rig(length=50 * FRAME + cut).send(sorted(sent, key=lambda item: item.arrival))
    totals = rig.finish()
    is_kept = cut <= FRAME // 2
    assert (totals.late, totals.late_dropped) == (1 + is_kept, 1 - is_kept)
    assert totals.clock_steps == totals.unstamped == totals.corrected_samples == 0
    assert rig.places(range(200))[51] == pytest.approx(1.02, abs=0.001)


def test_late_frames_that_have_no_room_move_nothing() -> None:
    """Others have taken it, so they lie where they came: drift correction makes up for them."""
    burst, others = range(100, 110), range(900, 903)
    sent = steady(n for n in range(400) if n not in burst)
    sent += [Sent(n, (n - 793) * 0.02, 2.25 + n * 0.00001) for n in others]
    sent += [Sent(n, n * 0.02, 2.8) for n in burst]
    rig = Rig(length=1500 * FRAME).send(sorted(sent, key=lambda item: item.arrival))
    totals = rig.finish()
    assert (totals.frames, totals.clock_steps) == (403, 0)
    places = rig.places(n for n in range(400) if n not in burst)
    assert len(places) > 360
    assert all(abs(places[n] - n * 0.02) <= 0.061 for n in places)


@pytest.mark.parametrize("batch", [0.02, 0.08, 0.16])
@pytest.mark.parametrize("count", [3, 8, 14, 100])
@pytest.mark.parametrize("step", [0.8, 1.5, 5.0])
def test_a_step_back_into_a_gap_between_segments_drops_nothing(
    step: float, count: int, batch: float
) -> None:
    """Also where the stream ends before so many frames have come that the step is sure."""

    def stamp(n: int) -> float:
        return n * 0.02 - (step if n >= 825 else 0.0)

    numbers = [*range(100), *range(800, 825 + count)]
    sent = [Sent(n, stamp(n), ceil(n * 0.02 / batch) * batch) for n in numbers]
    rig = Rig(length=1500 * FRAME).send(sent)
    totals = rig.finish()
    assert (totals.frames, totals.late_dropped, totals.repeated) == (len(numbers), 0, 0)
    places = rig.places(numbers)
    assert all(places[n] == pytest.approx(n * 0.02, abs=0.06) for n in numbers)


def test_late_frames_are_known_although_all_audio_comes_later_than_it_did_first() -> None:
    """The network became slower by 0.4 s: what arrival says about steps is inexact from then on."""
    burst = range(300, 315)
    sent = [Sent(n, n * 0.02, n * 0.02 + (0.4 if n >= 100 else 0.0)) for n in range(600)]
    sent = [
        item._replace(arrival=7.5 + item.number * 0.0001) if item.number in burst else item
        for item in sent
    ]
    rig = Rig(length=310 * FRAME).send(sorted(sent, key=lambda item: item.arrival))
    totals = rig.finish()
    assert (totals.clock_steps, totals.late, totals.late_dropped) == (0, 5, 10)
    places = rig.places(range(600))
    assert all(places[n] == pytest.approx(n * 0.02, abs=0.001) for n in places)


def test_late_frames_wait_no_longer_than_it_takes_to_know_that_they_are_late() -> None:
    """They come half a second before the next cut, which would close the segment of six of them."""
    burst = range(45, 56)
    sent = steady(n for n in range(200) if n not in burst)
    sent += [Sent(n, n * 0.02, 1.5 + (n - 45) * 0.0001) for n in burst]
    rig = Rig(length=50 * FRAME).send(sorted(sent, key=lambda item: item.arrival))
    totals = rig.finish()
    assert (totals.late, totals.late_dropped, totals.clock_steps) == (6, 5, 0)
