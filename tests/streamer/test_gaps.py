"""Gaps: where late audio may still go."""

from __future__ import annotations

from streamer.gaps import Gaps


def gaps_of(*spans: tuple[int, int]) -> Gaps:
    gaps = Gaps()
    for start, end in spans:
        gaps.add(start, end)
    return gaps


def test_gaps_that_touch_are_one() -> None:
    gaps = gaps_of((0, 100), (100, 200))
    assert gaps.samples == 200
    assert gaps.claim(50, 100, 0) == 50


def test_audio_takes_its_room_out_of_the_gap() -> None:
    gaps = gaps_of((0, 300))
    assert gaps.claim(100, 100, 0) == 100
    assert gaps.samples == 200
    assert gaps.claim(100, 100, 0) is None
    assert gaps.claim(0, 100, 0) == 0
    assert gaps.claim(200, 100, 0) == 200
    assert gaps.samples == 0


def test_audio_is_moved_into_the_gap_within_the_tolerance() -> None:
    for position, place in ((-10, 0), (10, 0), (11, 11), (90, 100), (110, 100)):
        assert gaps_of((0, 200)).claim(position, 100, 10) == place
    for position in (-11, 111):
        assert gaps_of((0, 200)).claim(position, 100, 10) is None


def test_audio_leaves_room_for_whole_frames() -> None:
    gaps = gaps_of((0, 300))
    assert gaps.claim(109, 100, 10) == 100
    assert gaps.claim(-9, 100, 10) == 0
    assert gaps.claim(191, 100, 10) == 200
    gaps = gaps_of((77, 300))
    assert gaps.claim(109, 100, 20) == 100, "a cut split the first frame"


def test_a_gap_that_is_too_short_has_no_room() -> None:
    assert gaps_of((0, 99)).claim(0, 100, 1000) is None


def test_a_split_keeps_what_lies_behind_it() -> None:
    tail = gaps_of((0, 100), (200, 300), (400, 500)).split(250)
    assert tail.samples == 150
    assert tail.claim(250, 50, 0) == 250
    assert tail.claim(400, 100, 0) == 400


def test_only_the_latest_closed_gaps_are_kept() -> None:
    gaps = Gaps()
    for number in range(40):
        gaps.extend(gaps_of((4 * number, 4 * number + 1), (4 * number + 2, 4 * number + 3)))
    assert gaps.samples == 64
    assert gaps.claim(0, 1, 0) is None
    assert gaps.claim(158, 1, 0) == 158


def test_a_copy_is_independent() -> None:
    gaps = gaps_of((0, 100))
    assert gaps.copy().claim(0, 100, 0) == 0
    assert gaps.samples == 100


def test_a_gap_moves_with_the_audio_around_it() -> None:
    gaps = gaps_of((0, 100), (300, 400), (500, 600))
    # From 200 on: a shorter chunk, the gap, silence that is put in, and a gap that gets shorter.
    gaps.follow_correction(200, [(100, 60), (100, 100), (0, 10), (100, 100), (100, 50)])
    assert gaps.samples == 100 + 100 + 50
    assert gaps.claim(0, 100, 0) == 0
    assert gaps.claim(260, 100, 0) == 260
    assert gaps.claim(470, 50, 0) == 470


def test_a_gap_that_a_correction_removes_is_gone() -> None:
    gaps = gaps_of((100, 200), (300, 400))
    gaps.follow_correction(100, [(100, 0), (100, 100)])
    assert gaps.samples == 100
    assert gaps.claim(200, 100, 0) == 200
