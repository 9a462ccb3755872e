"""A call's audio in frames: padding, mixing, and who gets which file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from contract import wav
from local.emulator.audio import CallAudio, conversation_files, load

FRAME_SAMPLES = 320


def pcm(*values: int) -> bytes:
    return np.array(values, dtype="<i2").tobytes()


def test_a_frame_after_the_end_is_silence_and_the_last_one_is_padded() -> None:
    audio = CallAudio({"a": pcm(*range(FRAME_SAMPLES + 1)), "b": pcm(7)}, 16_000)
    assert (audio.frame_bytes, audio.ticks) == (640, 2)
    assert audio.frame("a", 0) == pcm(*range(FRAME_SAMPLES))
    assert audio.frame("a", 1) == pcm(FRAME_SAMPLES).ljust(640, b"\0")
    assert audio.frame("b", 9) == bytes(640)


def test_mixing_adds_and_limits() -> None:
    audio = CallAudio({"a": pcm(100, 30_000, -30_000), "b": pcm(-1, 30_000, -30_000)}, 16_000)
    assert audio.mixed(0) == pcm(99, 32_767, -32_768).ljust(640, b"\0")


@pytest.mark.parametrize("rate", [16_000, 24_000])
def test_the_conversation_has_both_rates(rate: int) -> None:
    audio = load(["agent", "caller"], conversation_files(rate), rate)
    assert list(audio.voices) == ["agent", "caller"]
    assert audio.ticks * 20 == 36_000
    assert audio.seconds == 36.0


def test_participants_get_the_files_in_order_and_others_are_silent(tmp_path: Path) -> None:
    files = [tmp_path / "long.wav", tmp_path / "short.wav"]
    for samples, file in zip((700, 4), files, strict=True):
        file.write_bytes(wav.header(16_000, 2 * samples) + b"\1\0" * samples)
    audio = load(["a", "b", "c"], files, 16_000)
    assert audio.ticks == 3
    assert audio.frame("b", 0) == (b"\1\0" * 4).ljust(640, b"\0")
    assert audio.frame("c", 0) == bytes(640)
    assert list(load(["a"], files, 16_000).voices) == ["a"]
