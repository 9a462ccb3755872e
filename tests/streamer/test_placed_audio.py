"""What lies at a frame's place already is known, wherever drift and late frames have moved it."""

from __future__ import annotations

import pytest

from tests.streamer.track_rig import FRAME, Rig, Sent, frame, steady


def test_a_late_frame_takes_the_place_of_its_gap() -> None:
    sent = [*steady(n for n in range(100) if n != 50), Sent(50, 1.0, 1.2)]
    rig = Rig(length=1000 * FRAME).send(sorted(sent, key=lambda frame: frame.arrival))
    totals = rig.finish()
    assert (totals.frames, totals.filled_samples) == (100, 0)
    assert rig.audio() == b"".join(map(frame, range(100)))


@pytest.mark.parametrize("delay", [0.001, 0.1, 0.9])
def test_a_frame_that_comes_again_is_dropped_and_counted(delay: float) -> None:
    sent = [*steady(range(100)), Sent(50, 1.0, 1.0 + delay)]
    rig = Rig().send(sorted(sent, key=lambda frame: frame.arrival))
    assert rig.finish().repeated == 1
    assert rig.audio() == b"".join(map(frame, range(100)))


def test_a_repeat_is_known_though_late_frames_have_taken_its_time_since() -> None:
    late = [Sent(1000 + n, 1.0 + n * 0.1, 4.01 + n * 0.02) for n in range(4)]
    repeat = Sent(190, 3.8, 4.09)
    sent = sorted([*steady(range(300)), *late, repeat], key=lambda frame: frame.arrival)
    totals = Rig(length=1000 * FRAME).send(sent).finish()
    assert (totals.frames, totals.repeated) == (304, 1)


def test_a_repeat_from_before_a_step_is_known_though_late_frames_had_taken_its_time() -> None:
    late = [Sent(1000 + n, 1.0 + n * 0.1, 4.01 + n * 0.02) for n in range(4)]
    sent = [*steady(range(210)), *late, *steady(range(210, 300), lambda n: n * 0.02 - 3600)]
    sent += [Sent(208, 4.16, 4.29)]
    totals = Rig(length=1000 * FRAME).send(sorted(sent, key=lambda frame: frame.arrival)).finish()
    assert (totals.frames, totals.repeated) == (304, 1)


@pytest.mark.parametrize(
    ("number", "drift_until", "jitter"), [(179, 170, 0.008), (235, 170, 0.0), (246, 200, 0.0)]
)
def test_a_repeat_is_known_though_it_fits_where_the_track_stands(
    number: int, drift_until: int, jitter: float
) -> None:
    """Drift that has ended is corrected too far: the track stands where the frame says it lies."""

    def time_of(n: int) -> float:
        return n * 0.02 - min(n, drift_until) * 0.0004

    last = number + 60
    sent = [Sent(n, time_of(n), time_of(n)) for n in range(last) if n not in (number, number + 1)]
    stamp = round(time_of(number) + jitter, 3)
    sent += [Sent(number, stamp, time_of(number) + late) for late in (0.0, 0.2005)]
    totals = Rig(length=1000 * FRAME).send(sorted(sent, key=lambda sent: sent.arrival)).finish()
    assert (totals.frames, totals.repeated) == (last - 1, 1)
