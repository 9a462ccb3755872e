"""WAV headers, checked with two other libraries."""

from __future__ import annotations

import io
import struct
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

from contract import wav
from tests import voices

PCM = bytes(range(250)) * 4


def test_other_libraries_read_the_same_samples() -> None:
    with wave.open(io.BytesIO(wav.header(24_000, len(PCM)) + PCM)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24_000, 1, 2)
        assert file.readframes(10_000) == PCM


def test_samples_behind_other_chunks_are_found() -> None:
    whole = wav.header(16_000, len(PCM)) + PCM
    extra = whole[:36] + b"LIST" + struct.pack("<I", 3) + b"abc\0" + whole[36:]
    assert wav.samples(extra) == PCM
    assert wav.parse(whole) == wav.WavFormat(16_000, 1, 44, len(PCM))


def test_the_rate_is_read_before_the_sizes_are_final() -> None:
    assert wav.rate_of(wav.header(24_000, 0) + PCM) == 24_000
    for broken in (b"", wav.header(24_000, 0)[:43], bytes(44)):
        with pytest.raises(wav.MalformedWav):
            wav.rate_of(broken)


def test_a_file_too_long_for_riff_is_rf64(tmp_path: Path) -> None:
    data = 2**32 + 4000
    path = tmp_path / "long.wav"
    with path.open("wb") as file:
        file.write(wav.long_header(16_000, data, 2))
        file.truncate(file.tell() + data)
    info = soundfile.info(path)
    assert (info.frames, info.channels, info.samplerate) == (data // 4, 2, 16_000)
    assert wav.long_header(16_000, 4, 2) == wav.header(16_000, 4, 2)


@pytest.mark.parametrize("channels", range(1, 13))
def test_other_libraries_read_each_channel(channels: int) -> None:
    frames = voices.hum(channels, 0.05)
    file = voices.wav_file(frames)
    samples, rate = soundfile.read(io.BytesIO(file), dtype="int16", always_2d=True)
    assert rate == voices.RATE
    assert np.array_equal(samples, frames)
    with wave.open(io.BytesIO(file)) as read:
        assert (read.getnchannels(), read.readframes(10_000)) == (channels, frames.tobytes())
    assert wav.parse(file).channels == channels
    assert wav.samples(file) == frames.tobytes()


@pytest.mark.parametrize("channels", range(1, 11))
@pytest.mark.parametrize("layout", ["mono", "stereo"])
def test_each_voice_is_heard_in_a_player_s_mix(channels: int, layout: str) -> None:
    """As FFmpeg's libraries mix. A channel that they take for the subwoofer would be lost."""
    file = voices.wav_file(voices.hum(channels, 0.25))
    levels = voices.loudness(voices.mix(file, layout), channels)
    # The loudest is a front channel, the softest one that is in the back and on both sides.
    assert min(levels) > max(levels) / 4, levels
    assert min(levels) > voices.AMPLITUDE / 16, levels


def test_the_speaker_positions_suit_their_channels() -> None:
    """As many as channels, without the low-frequency channel and those above the listener."""
    for channels, mask in wav.CHANNEL_MASKS.items():
        assert mask.bit_count() == channels
        assert mask & ~0b111_1111_0111 == 0
    assert {3: 0x7, 4: 0x33, 6: 0x137, 8: 0x737}.items() <= wav.CHANNEL_MASKS.items()


def test_a_long_file_of_many_channels_is_rf64(tmp_path: Path) -> None:
    data = 6 * 2**30
    path = tmp_path / "long.wav"
    with path.open("wb") as file:
        file.write(wav.long_header(16_000, data, 3))
        file.truncate(file.tell() + data)
    info = soundfile.info(path)
    assert (info.frames, info.channels) == (data // 6, 3)


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"RIFF",
        wav.header(16_000, 4)[:40],
        wav.header(16_000, 100) + b"\0" * 99,
        wav.header(16_000, 0).replace(b"fmt ", b"fmt?"),
        wav.header(16_000, 0).replace(b"\x10\x00data", b"\x08\x00data"),
        b"RIFX" + wav.header(16_000, 0)[4:],
        # An extensible format that is cut short, and one of another kind.
        wav.header(16_000, 0, 3)[:40],
        wav.header(16_000, 0, 3).replace(b"\x28\0\0\0\xfe\xff", b"\x10\0\0\0\xfe\xff"),
        wav.header(16_000, 0, 3).replace(b"\x01\0\0\0\0\0\x10\0", b"\x03\0\0\0\0\0\x10\0"),
    ],
)
def test_malformed_files_are_refused(file: bytes) -> None:
    with pytest.raises(wav.MalformedWav):
        wav.parse(file)


def test_a_length_beyond_the_format_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot hold"):
        wav.header(16_000, 1 << 32)
