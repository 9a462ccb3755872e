"""A call's audio in frames: padding, mixing, and the files that are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from contract import wav
from local.emulator.audio import CallAudio, conversation, load

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
    audio = conversation(["agent", "caller"], rate)
    assert list(audio.voices) == ["agent", "caller"]
    assert audio.ticks * 20 == 36_000


@pytest.mark.parametrize(("rate", "channels"), [(24_000, 1), (16_000, 2)])
def test_a_file_of_another_format_is_refused(tmp_path: Path, rate: int, channels: int) -> None:
    file = tmp_path / "voice.wav"
    file.write_bytes(wav.header(rate, 4, channels) + bytes(4))
    with pytest.raises(ValueError, match=r"voice\.wav has .* it must be mono at 16000 Hz"):
        load(["agent"], [file], 16_000)
