"""Single rules for frames that wait, where one rule must not undo what another one knows."""

from __future__ import annotations

from math import ceil

import pytest

from tests.streamer.track_rig import FRAME, Rig, Sent, steady


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
