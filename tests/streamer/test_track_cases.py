"""Cases that the soak found, reduced."""

from __future__ import annotations

import pytest

from tests.streamer.track_rig import Rig, Sent, frame, steady


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
