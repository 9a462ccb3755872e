"""Timestamps that come again, and frames that do."""

from __future__ import annotations

from streamer.frames import Frame
from streamer.stamp_history import COARSE_FRAMES, StampHistory
from tests.streamer.track_rig import FRAME, frame


def stamped(number: int, raw: int) -> Frame:
    return Frame(raw, 0, frame(number), silent=False)


def test_a_frame_that_comes_again_is_a_repeat() -> None:
    history = StampHistory()
    assert not history.repeats(stamped(1, 100))
    assert not history.repeats(stamped(2, 100))
    assert not history.repeats(stamped(1, 101))
    assert history.repeats(stamped(1, 100))


def test_silence_is_no_repeat() -> None:
    history = StampHistory()
    silence = Frame(100, 0, bytes(2 * FRAME), silent=True)
    assert not history.repeats(silence)
    assert not history.repeats(silence)


def test_frames_are_forgotten() -> None:
    history = StampHistory()
    for number in range(100):
        history.repeats(stamped(number, number))
    assert not history.repeats(stamped(0, 0))


def test_timestamps_in_whole_seconds_are_coarse_until_they_are_not() -> None:
    history = StampHistory()
    for _ in range(COARSE_FRAMES):
        assert not history.is_coarse
        history.note_time(is_same=True)
    for _ in range(200):
        history.note_time(is_same=True)
    history.note_time(is_same=False)
    assert history.is_coarse
    for _ in range(2 * COARSE_FRAMES):
        history.note_time(is_same=False)
    assert not history.is_coarse
