"""Where a track stands, and how far its timestamps are ahead of its audio."""

from __future__ import annotations

import pytest

from streamer.track_state import Standing
from tests.streamer.track_rig import FRAME, RATE, Rig, Sent, steady


def test_a_track_that_has_not_started_has_no_place() -> None:
    track = Rig().track()
    assert track.position is None
    assert track.standing is None
    assert not track.is_open
    track.flush()
    assert track.anomalies == 0


def test_a_track_stands_behind_what_it_placed() -> None:
    rig = Rig().send(steady(range(40)))
    rig.track().flush()
    assert rig.track().position == 40 * FRAME
    assert rig.track().is_open
    assert rig.track().counts.frames == 40
    rig.track().cut_now()
    assert not rig.track().is_open
    assert rig.track().totals.frames == 40


def test_a_track_goes_on_where_another_one_has_ended() -> None:
    """Here at the same rate. It starts at once, and a step of the sender's clock is a step."""
    rig = Rig(length=RATE * 30).send(steady(range(40)))
    ended = rig.track()
    ended.finish()
    standing = ended.standing
    assert standing == Standing(RATE, 40 * FRAME, 0, 0.0)
    track = rig.track("b")
    track.go_on_from(standing)
    assert track.standing == standing
    assert not track.is_open
    rig.send(steady(range(40, 80), lambda n: n * 0.02 - 5, track="b"))
    totals = rig.finish("b")
    assert (totals.frames, totals.clock_steps, totals.gaps) == (40, 1, 0)
    assert rig.segments["b"][0].start == 40 * FRAME
    assert track.position == 80 * FRAME


@pytest.mark.parametrize("interval", [0.0196, 0.0204])
def test_drift_of_two_percent_is_never_more_than_half_of_the_tolerance(interval: float) -> None:
    """From the third second on: two seconds in a row show how fast it is."""
    rig = Rig().send(
        sent._replace(arrival=sent.number * interval)
        for sent in steady(range(1000), lambda n: n * interval)
    )
    rig.finish()
    places = rig.places(range(1000))
    assert max(abs(places[n] - n * interval) for n in places if n > 150) <= 0.0305


def test_the_offset_is_published_with_each_segment_without_lag() -> None:
    rig = Rig(length=RATE).send(
        sent._replace(arrival=sent.number * 0.0202)
        for sent in steady(range(400), lambda n: n * 0.0202)
    )
    rig.finish()
    places = rig.places(range(400))
    for segment in rig.segments["a"][3:-1]:
        end = segment.start + len(segment.pcm) // 2
        last = max((n for n in places if places[n] * RATE < end - FRAME), key=places.__getitem__)
        ahead = last * 0.0202 - places[last]
        assert segment.skew / RATE == pytest.approx(ahead, abs=0.003)


@pytest.mark.parametrize("interval", [0.0196, 0.02, 0.0204])
def test_no_jitter_hides_that_a_frame_comes_twice(interval: float) -> None:
    """The span of jitter that needs no care is less than a frame long."""
    for late_us in range(9_500, 10_500, 40):
        sent = [Sent(n, n * interval, n * interval) for n in range(240)]
        last = Sent(240, 240 * interval + late_us / 1e6, 240 * interval)
        totals = Rig().send([*sent, last, last]).finish()
        assert (totals.frames, totals.repeated) == (241, 1), late_us
