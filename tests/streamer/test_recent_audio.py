"""What comes again is known by its samples."""

from __future__ import annotations

import pytest

from streamer.recent_audio import RecentAudio
from tests.streamer.track_rig import FRAME, frame

SIZE = 2 * FRAME


def recent(*numbers: int, least_bytes: int = 100 * SIZE) -> RecentAudio:
    audio = RecentAudio(least_bytes)
    for number in numbers:
        audio.append(frame(number))
    return audio


def contains(
    audio: RecentAudio,
    pcm: bytes,
    distance: int,
    *,
    tolerance: int = 20,
    pending: list[bytes] | None = None,
    is_unique: bool = False,
) -> bool:
    return audio.contains(
        pcm, pending or [], distance + tolerance, distance - tolerance, is_unique=is_unique
    )


def test_a_frame_is_found_at_its_place_only() -> None:
    audio = recent(1, 2, 3)
    assert contains(audio, frame(2), 2 * SIZE)
    assert contains(audio, frame(2), 2 * SIZE + 20)
    assert not contains(audio, frame(2), SIZE)
    assert not contains(audio, frame(4), 2 * SIZE)


def test_what_is_not_flushed_yet_counts_too() -> None:
    assert contains(recent(1), frame(2) + frame(3)[:100], SIZE * 2, pending=[frame(2), frame(3)])


def test_half_samples_are_no_match() -> None:
    audio = RecentAudio(SIZE)
    audio.append(b"\x01\x02" * FRAME)
    assert not contains(audio, b"\x02\x01" * 10, SIZE, tolerance=SIZE)


def test_audio_that_is_there_twice_is_not_unique() -> None:
    audio = recent(1, 2, 1)
    assert contains(audio, frame(2), 2 * SIZE, is_unique=True)
    assert contains(audio, frame(1), 3 * SIZE)
    assert not contains(audio, frame(1), 3 * SIZE, is_unique=True)


def test_a_shortened_frame_is_known_by_what_is_left() -> None:
    audio = recent(1)
    audio.append(frame(2)[:400])
    assert not contains(audio, frame(2), 400)
    audio.note_shortened(frame(2)[:400])
    assert contains(audio, frame(2), 400)
    assert not contains(audio, frame(3), 400)


def test_the_silent_begin_of_a_shortened_frame_says_nothing() -> None:
    audio = RecentAudio(SIZE)
    audio.append(bytes(400))
    audio.note_shortened(bytes(400))
    assert not contains(audio, bytes(400) + frame(1)[400:], 400)


@pytest.mark.parametrize("clears", [True, False])
def test_what_is_old_is_forgotten(clears: bool) -> None:
    audio = recent(*range(10), least_bytes=2 * SIZE)
    assert contains(audio, frame(8), 2 * SIZE)
    assert not contains(audio, frame(0), 10 * SIZE)
    if clears:
        audio.clear()
    assert contains(audio, frame(8), 2 * SIZE) is not clears


def test_audio_is_written_over_other() -> None:
    audio = recent(1, 2, 3)
    audio.overlay(frame(7), 2 * SIZE)
    assert contains(audio, frame(7), 2 * SIZE)
    assert not contains(audio, frame(2), 2 * SIZE)


def test_a_gap_that_is_filled_pushes_nothing_out() -> None:
    audio = RecentAudio(4 * SIZE)
    audio.append(b"".join(frame(number) for number in range(4)))
    audio.expect_silence(6 * SIZE)
    audio.append(bytes(4 * SIZE))
    audio.append(bytes(2 * SIZE) + frame(4) + frame(5))
    assert contains(audio, frame(3), 9 * SIZE)
    for first in (6, 10):
        audio.append(b"".join(frame(number) for number in range(first, first + 4)))
    assert not contains(audio, frame(3), 17 * SIZE)
    assert contains(audio, frame(10), 4 * SIZE)


def test_silence_is_kept_within_bounds() -> None:
    audio = recent(*range(10), least_bytes=4 * SIZE)
    audio.expect_silence(100 * SIZE)
    for _ in range(20):
        audio.append(bytes(SIZE))
    assert not contains(audio, frame(9), 21 * SIZE)


def test_older_audio_than_a_gap_s_goes_first() -> None:
    """It is as long as the silence: what the gap came after must stay all the same."""
    audio = RecentAudio(4 * SIZE)
    for numbers in (range(4), range(4, 7), range(7, 8)):
        audio.append(b"".join(map(frame, numbers)))
    audio.expect_silence(4 * SIZE)
    audio.append(bytes(4 * SIZE))
    audio.append(frame(8))
    assert contains(audio, frame(7), 6 * SIZE)
