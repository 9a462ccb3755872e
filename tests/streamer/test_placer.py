"""Where a track begins and how it moves, on its own or by a step of the stream's clock."""

from __future__ import annotations

import pytest

from tests.streamer.track_rig import FRAME, RATE, Rig, Sent, steady


def test_a_gap_within_the_jump_is_silence_and_a_longer_one_a_segment() -> None:
    for pause, gaps in ((1.0, 1), (20.0, 0)):
        rig = Rig().send(steady(range(50)))
        number = 50 + round(pause * 50)
        totals = rig.send(steady(range(number, number + 50))).finish()
        assert totals.gaps == gaps
        assert rig.places([number])[number] == pytest.approx(number * 0.02)


def test_a_gap_is_of_whole_frames_where_jitter_explains_it() -> None:
    rig = Rig().send(steady(range(50)))
    totals = rig.send(steady(range(60, 100), lambda n: n * 0.02 + 0.004)).finish()
    assert totals.filled_samples == 10 * FRAME


def test_a_step_after_a_pause_leaves_the_time_that_passed() -> None:
    rig = Rig().send(steady(range(50)))
    totals = rig.send(steady(range(200, 250), lambda n: n * 0.02 - 3600)).finish()
    assert totals.clock_steps == 1
    assert rig.places([200])[200] == pytest.approx(4.0, abs=0.06)


def test_a_second_track_begins_by_the_streams_clock() -> None:
    late = [Sent(n, n * 0.02, 2.0 + n * 0.02, track="b") for n in range(20)]
    rig = Rig().send(steady(range(100))).send(late)
    rig.finish()
    assert rig.segments["b"][0].start == 0
    assert rig.finish("b").clock_steps == 0


def test_a_second_track_on_another_clock_begins_when_it_arrives() -> None:
    other = [Sent(n, n * 0.02 - 7200, n * 0.02, track="b") for n in range(100, 150)]
    rig = Rig().send(steady(range(100))).send(other)
    rig.finish()
    assert rig.segments["b"][0].start / RATE == pytest.approx(2.0, abs=0.06)
    assert rig.finish("b").clock_steps == 1


def test_a_sender_far_ahead_of_time_loses_audio_until_time_has_caught_up() -> None:
    rig = Rig().send([Sent(n, n * 0.02, 0.0) for n in range(1000)])
    lost = rig.finish().lost
    assert lost > 0
    rig.send(steady(range(1000, 1050), delay=1.0))
    assert rig.finish().lost == lost


def test_a_second_track_begins_in_the_streams_first_burst() -> None:
    """What another track has shown of the sender's lead holds for this one."""
    burst = [Sent(n, n * 0.02, 0.0) for n in range(180)]
    others = [Sent(n, n * 0.02, 0.0, track="b") for n in range(69, 180)]
    sent = sorted(burst + others, key=lambda frame: frame.number)
    rig = Rig().send(sent).send(steady(range(180, 300), delay=-3.6))
    assert rig.finish().clock_steps == 0
    assert rig.segments["b"][0].start == 69 * FRAME
    assert rig.finish("b").clock_steps == 0


def test_a_step_that_a_loss_hides_is_followed_though_frames_wait_at_each_tick() -> None:
    """The stream's clock is set back by 0.3 s while one track loses as much."""
    frames: list[Sent] = []
    for n in range(300):
        stamp = n * 0.02 - (0.3 if n >= 150 else 0)
        frames.append(Sent(n, stamp, n * 0.02))
        # Those before each tick wait: one is missing.
        if not 150 <= n < 165 and n % 25 != 20:
            frames.append(Sent(n, stamp, n * 0.02, track="b"))
    rig = Rig().send(frames)
    rig.finish()
    places = rig.places(range(230, 300), "b")
    assert len(places) > 50
    assert all(place == pytest.approx(n * 0.02, abs=0.06) for n, place in places.items())


def test_a_loss_is_explained_by_the_track_s_own_clock_before_any_older_one() -> None:
    """The stream's latest one cannot explain it: by that, the audio would be there already."""
    rig = Rig().send(steady(range(100)))
    for offset in (0.2, -0.5):
        rig.clock.add_offset(round(offset * RATE), round(2 * RATE))
    totals = rig.send(steady(range(120, 200))).finish()
    assert totals.clock_steps == 0
    assert rig.places([150])[150] == pytest.approx(3.0)


def test_one_late_frame_in_a_pause_does_not_hurry_to_the_streams_clock() -> None:
    """Where the step is longer than the pause was, nothing is behind it yet."""

    def stamp(n: int) -> float:
        return n * 0.02 - (4.0 if n >= 150 else 0)

    frames = [Sent(n, stamp(n), n * 0.02) for n in range(400)]
    paused = [*range(145), *range(290, 400)]
    frames += [Sent(n, stamp(n), n * 0.02, track="b") for n in paused]
    frames.append(Sent(1000, 1.0, 4.6, track="b"))
    rig = Rig().send(sorted(frames, key=lambda frame: frame.arrival))
    rig.finish()
    places = rig.places(range(290, 400), "b")
    assert len(places) > 100
    assert all(place == pytest.approx(n * 0.02, abs=0.06) for n, place in places.items())


def test_a_track_that_took_a_step_for_a_gap_lines_up_with_the_others() -> None:
    """The clock is set ahead by 0.2 s, while one track has lost as much, and another one less."""

    def stamp(n: int) -> float:
        return n * 0.02 + (0.2 if n >= 200 else 0)

    numbers = {"a": [*range(199), *range(204, 500)], "b": [*range(190), *range(200, 500)]}
    sent = [frame for name in numbers for frame in steady(numbers[name], stamp, track=name)]
    rig = Rig().send(sorted(sent, key=lambda item: item.arrival))
    rig.finish()
    a, b = (rig.places(range(300, 500), name) for name in numbers)
    both = a.keys() & b.keys()
    assert len(both) > 150
    assert all(a[n] == pytest.approx(b[n], abs=0.03) for n in both)


def test_a_step_behind_a_pause_that_ends_in_a_burst_leaves_most_of_the_pause() -> None:
    """What waits in the burst does not show that the track catches up."""
    burst = [Sent(n, n * 0.02 + 5.0, 12.9) for n in range(540, 645)]
    after = steady(range(645, 700), lambda n: n * 0.02 + 5.0)
    rig = Rig().send(steady(range(150))).send(burst).send(after)
    assert rig.finish().clock_steps == 1
    assert rig.places([640])[640] > 10.0
