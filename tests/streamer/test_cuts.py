"""Cuts: a fixed grid, or the quietest place near it, the same for all tracks."""

from __future__ import annotations

import pytest

from streamer.cuts import CutPlanner

RATE = 16_000


def test_a_track_that_begins_between_the_cut_and_its_boundary_is_not_cut_there() -> None:
    """Another track decided on the cut before it began: its first cut is the one after.

    It used to be cut where it began, and a track further behind then ran past two cuts at once.
    """
    cuts = CutPlanner(100, 30, 50)
    assert [cuts.after(at) for at in (0, 80, 129)] == [130, 130, 230]
    cuts.decide(130)
    (cut,) = {cuts.after(at) for at in (0, 50, 69)}
    assert 70 <= cut <= 130
    assert cuts.after(cut) == cut + 130
    cuts.decide(130)
    assert cuts.after(cut + 5) == cut + 130


def test_a_track_far_behind_is_cut_at_its_own_time() -> None:
    """Another track was cut an hour ahead. That must not make this one's segment an hour long."""
    cuts = CutPlanner(100, 30, 50)
    cuts.decide(cuts.after(100_000))
    assert cuts.after(10) == 130
    cuts.decide(130)
    assert 70 <= cuts.after(10) <= 130
    assert cuts.after(100_050) > 100_050


def test_without_a_window_cuts_are_a_grid() -> None:
    cuts = CutPlanner(100, 0, RATE)
    assert [cuts.after(at) for at in (0, 99, 100, -1)] == [100, 100, 200, 0]
    assert not cuts.listens


def test_a_window_as_long_as_the_segment_is_refused() -> None:
    with pytest.raises(ValueError, match="window"):
        CutPlanner(100, 50, RATE)
