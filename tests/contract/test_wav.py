"""WAV headers, checked with two other libraries."""

from __future__ import annotations

import io
import struct
import wave
from pathlib import Path

import pytest
import soundfile

from contract import wav

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
    ],
)
def test_malformed_files_are_refused(file: bytes) -> None:
    with pytest.raises(wav.MalformedWav):
        wav.parse(file)


def test_a_length_beyond_the_format_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot hold"):
        wav.header(16_000, 1 << 32)
