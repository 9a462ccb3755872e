"""Counts of a part of a segment: nothing is counted twice or forgotten."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from contract.manifest import Counts
from streamer.segment_counts import count_losses, split_counts, written_counts

FRAME = 320


def test_lost_frames_are_no_longer_placed_and_their_silence_is_filled_in() -> None:
    counts = Counts(frames=100, filled_samples=640)
    count_losses(counts, 30, 102 * FRAME, FRAME)
    assert counts == Counts(frames=70, lost=30, filled_samples=32 * FRAME)


def test_what_was_lost_at_the_end_is_not_filled_in() -> None:
    counts = Counts(frames=100)
    count_losses(counts, 30, 70 * FRAME, FRAME)
    assert counts == Counts(frames=70, lost=30)


def test_no_more_frames_are_lost_than_there_were() -> None:
    counts = Counts(frames=10, filled_samples=20 * FRAME)
    count_losses(counts, 30, 0, FRAME)
    assert counts == Counts(lost=10)


def test_of_lost_frames_none_is_left_silent_or_unstamped() -> None:
    counts = Counts(frames=10, silent_frames=9, unstamped=8)
    count_losses(counts, 7, 3 * FRAME, FRAME)
    assert counts == Counts(frames=3, silent_frames=3, unstamped=3, lost=7)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 100), st.integers(0, 50))
def test_a_split_adds_up(frames: int, filled_frames: int, cut: int, silent: int) -> None:
    silent = min(silent, frames)
    counts = Counts(
        frames=frames,
        silent_frames=silent,
        unstamped=frames,
        filled_samples=filled_frames * FRAME,
        late=3,
    )
    samples = min(cut, frames + filled_frames) * FRAME
    rest = split_counts(counts, samples, FRAME)
    assert counts.frames * FRAME + counts.filled_samples == samples
    assert (counts.frames + rest.frames, counts.late + rest.late) == (frames, 3)
    assert counts.filled_samples + rest.filled_samples == filled_frames * FRAME
    assert (counts.unstamped, rest.unstamped) == (counts.frames, rest.frames)
    assert counts.silent_frames + rest.silent_frames == silent
    assert counts.silent_frames <= counts.frames
    assert rest.silent_frames <= rest.frames


def test_silence_that_is_still_to_be_written_is_left_out() -> None:
    counts = Counts(frames=10, filled_samples=50 * FRAME)
    assert written_counts(counts, 60 * FRAME, FRAME) == counts
    assert written_counts(counts, 25 * FRAME, FRAME) == Counts(frames=10, filled_samples=15 * FRAME)
    # A frame that is still to be written is not silence.
    assert written_counts(counts, 59 * FRAME, FRAME) == counts
