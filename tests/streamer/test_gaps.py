"""Gaps: where late audio may still go."""

from __future__ import annotations

import pytest

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
    head, tail = gaps_of((0, 100), (200, 300), (400, 500)).split(250)
    assert (head.samples, tail.samples) == (150, 150)
    assert head.claim(200, 50, 0) == 200
    assert tail.claim(250, 50, 0) == 250
    assert tail.claim(400, 100, 0) == 400


@pytest.mark.parametrize(
    ("position", "place"),
    # There is room for the rest of the frame that begins at 100, and two more.
    [(100, 100), (90, 100), (113, 100), (149, 100), (151, 200), (200, 200), (293, 300), (40, None)],
)
def test_audio_may_begin_before_a_cut_that_splits_its_gap(position: int, place: int | None) -> None:
    assert gaps_of((150, 400)).claim(position, 100, 60, cut=150) == place


def test_audio_of_which_most_lies_before_the_cut_has_no_room_behind_it() -> None:
    gaps = gaps_of((151, 400))
    assert gaps.claim(100, 100, 50, cut=151) is None
    assert gaps.claim(200, 100, 0, cut=151) == 200
    assert gaps.samples == 149


def test_the_rest_of_a_split_frame_takes_only_its_own_room() -> None:
    gaps = gaps_of((130, 300))
    assert gaps.claim(100, 100, 0, cut=130) == 100
    assert gaps.samples == 100
    assert gaps.claim(200, 100, 0, cut=130) == 200


def test_only_the_latest_closed_gaps_are_kept() -> None:
    gaps = Gaps()
    for number in range(40):
        gaps.extend(gaps_of((4 * number, 4 * number + 1), (4 * number + 2, 4 * number + 3)))
    assert gaps.samples == 64
    assert gaps.claim(0, 1, 0) is None
    assert gaps.claim(158, 1, 0) == 158


def test_joined_gaps_are_independent_and_go_over_a_cut() -> None:
    gaps, others = gaps_of((0, 100)), gaps_of((100, 200))
    assert gaps.join(others).claim(50, 100, 0) == 50
    assert (gaps.samples, others.samples) == (100, 100)


def test_joined_gaps_are_all_kept() -> None:
    others = gaps_of(*((4 * number, 4 * number + 2) for number in range(100)))
    assert gaps_of((-9, -8)).join(others).samples == 201


def test_where_the_last_gap_ends() -> None:
    assert gaps_of((0, 100), (200, 300)).ends_at(300)
    assert not gaps_of((0, 100), (200, 300)).ends_at(100)
    assert not Gaps().ends_at(0)


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
