"""Audio files of any rate, downmixed and resampled."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from local.emulator import audio_files
from local.emulator.audio_files import AudioFileError, Samples, resample

SECONDS = 2


def tone(rate: int, hertz: float = 440.0) -> Samples:
    wave = np.empty(SECONDS * rate, dtype=np.float32)
    wave[:] = 0.5 * np.sin(2 * np.pi * hertz * np.arange(SECONDS * rate) / rate)
    return wave


def as_floats(pcm: bytes) -> Samples:
    return np.frombuffer(pcm, dtype="<i2").astype(np.float32) / np.float32(32_768)


def test_a_file_of_the_call_s_format_is_not_changed(tmp_path: Path) -> None:
    samples = np.arange(-32_768, 32_768, 7, dtype="<i2")
    for name in ("a.wav", "a.flac"):
        soundfile.write(tmp_path / name, samples, 16_000, subtype="PCM_16")
        assert audio_files.read(tmp_path / name, 16_000) == samples.tobytes(), name


@pytest.mark.parametrize("suffix", ["wav", "flac"])
@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("to_rate", [16_000, 24_000])
def test_any_rate_is_resampled(tmp_path: Path, suffix: str, rate: int, to_rate: int) -> None:
    file = tmp_path / f"voice.{suffix}"
    soundfile.write(file, tone(rate), rate, subtype="PCM_24")
    resampled = as_floats(audio_files.read(file, to_rate))
    assert len(resampled) == SECONDS * to_rate
    inner = slice(to_rate // 10, -to_rate // 10)
    assert np.abs(resampled - tone(to_rate))[inner].max() < 1e-3


def test_what_the_new_rate_cannot_hold_is_filtered_out() -> None:
    above = resample(tone(48_000, 11_000), 48_000, 16_000)
    assert np.abs(above[1000:-1000]).max() < 1e-4


def test_channels_are_averaged(tmp_path: Path) -> None:
    channels = np.array([[1000, 3000], [-5000, 0], [32_767, 32_767]], dtype="<i2")
    soundfile.write(tmp_path / "stereo.wav", channels, 16_000)
    pcm = audio_files.read(tmp_path / "stereo.wav", 16_000)
    assert np.frombuffer(pcm, dtype="<i2").tolist() == [2000, -2500, 32_767]


def test_too_loud_samples_are_limited(tmp_path: Path) -> None:
    loud = np.array([2.0, -2.0], dtype=np.float32)
    soundfile.write(tmp_path / "loud.wav", loud, 16_000, subtype="FLOAT")
    pcm = audio_files.read(tmp_path / "loud.wav", 16_000)
    assert np.frombuffer(pcm, dtype="<i2").tolist() == [32_767, -32_768]


def test_a_changed_file_is_read_again_and_none_is_written_to(tmp_path: Path) -> None:
    file = tmp_path / "voice.wav"
    soundfile.write(file, tone(8_000), 8_000)
    file.chmod(0o444)
    digest = hashlib.sha256(file.read_bytes()).digest()
    first = audio_files.read(file, 16_000)
    assert hashlib.sha256(file.read_bytes()).digest() == digest
    file.chmod(0o644)
    soundfile.write(file, tone(8_000, 880.0)[:-1], 8_000)
    assert audio_files.read(file, 16_000) != first


def test_errors_name_the_file_and_the_fault(tmp_path: Path) -> None:
    text, empty = tmp_path / "notes.txt", tmp_path / "empty.wav"
    text.write_text("These are notes.")
    soundfile.write(empty, np.zeros(0, dtype="<i2"), 16_000)
    for path, message in (
        (tmp_path / "missing.wav", r"missing\.wav cannot be read: No such file"),
        (tmp_path, "cannot be read: Is a directory"),
        (text, r"notes\.txt is not an audio file .* use WAV or FLAC"),
        (empty, r"empty\.wav has no samples"),
    ):
        with pytest.raises(AudioFileError, match=message):
            audio_files.read(path, 16_000)
