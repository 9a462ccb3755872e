"""WAV files of 16-bit PCM: writing the canonical 44-byte header, and finding the samples.

Source: the RIFF/WAVE format, ``WAVE_FORMAT_PCM`` (IBM and Microsoft, Multimedia Programming
Interface and Data Specifications 1.0), and RF64 with a ``ds64`` chunk (EBU Tech 3306) for files
that are too long for its 32-bit sizes.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

HEADER_BYTES = 44
MAX_DATA_BYTES = 0xFFFF_FFFF - 36
"""The most that a RIFF file's 32-bit sizes allow: about 37 hours of one 16 kHz channel."""

_RIFF = struct.Struct("<4sI4s")
_DS64 = struct.Struct("<4sIQQQI")
_FORMAT_AND_DATA = struct.Struct("<4sIHHIIHH4sI")
_CHUNK = struct.Struct("<4sI")
_FORMAT = struct.Struct("<HHIIHH")
_UNKNOWN_SIZE = 0xFFFF_FFFF
_PCM = 1


class MalformedWav(ValueError):
    """Raised when content is not a 16-bit PCM WAV file."""


class WavFormat(NamedTuple):
    """A WAV file's format, and where its samples are: offset and length in bytes."""

    sample_rate: int
    channels: int
    data_offset: int
    data_bytes: int


def header(sample_rate: int, data_bytes: int, channels: int = 1) -> bytes:
    """Return the header of ``data_bytes`` bytes of 16-bit PCM. Raises ValueError beyond 4 GiB."""
    if not 0 <= data_bytes <= MAX_DATA_BYTES:
        raise ValueError(f"a WAV file cannot hold {data_bytes} bytes of audio")
    riff = _RIFF.pack(b"RIFF", HEADER_BYTES - 8 + data_bytes, b"WAVE")
    return riff + _format_and_data(sample_rate, channels, data_bytes)


def long_header(sample_rate: int, data_bytes: int, channels: int = 1) -> bytes:
    """Return the header of 16-bit PCM of any length: RIFF where its sizes suffice, else RF64."""
    if data_bytes <= MAX_DATA_BYTES:
        return header(sample_rate, data_bytes, channels)
    riff_bytes = HEADER_BYTES - 8 + _DS64.size + data_bytes
    frames = data_bytes // (2 * channels)
    return (
        _RIFF.pack(b"RF64", _UNKNOWN_SIZE, b"WAVE")
        + _DS64.pack(b"ds64", _DS64.size - 8, riff_bytes, data_bytes, frames, 0)
        + _format_and_data(sample_rate, channels, _UNKNOWN_SIZE)
    )


def _format_and_data(sample_rate: int, channels: int, data_size: int) -> bytes:
    """Return the ``fmt`` chunk of 16-bit PCM, and the start of the ``data`` chunk."""
    frame = 2 * channels
    return _FORMAT_AND_DATA.pack(
        b"fmt ",
        16,
        _PCM,
        channels,
        sample_rate,
        sample_rate * frame,
        frame,
        16,
        b"data",
        data_size,
    )


def rate_of(header: bytes) -> int:
    """Return the samples per second in a header that ``header`` wrote; its sizes are not read.

    Raises MalformedWav.
    """
    if len(header) < HEADER_BYTES or header[:4] != b"RIFF" or header[8:16] != b"WAVEfmt ":
        raise MalformedWav("not a canonical WAV header")
    return int(_FORMAT.unpack_from(header, 20)[2])


def parse(file: bytes | memoryview) -> WavFormat:
    """Find the samples of a WAV file, after any other chunks. Raises MalformedWav."""
    if len(file) < 12 or file[:4] != b"RIFF" or file[8:12] != b"WAVE":
        raise MalformedWav("not a RIFF/WAVE file")
    position, sample_rate, channels = 12, 0, 0
    while position + 8 <= len(file):
        chunk, size = _CHUNK.unpack_from(file, position)
        position += 8
        if chunk == b"fmt ":
            if size < 16 or position + 16 > len(file):
                raise MalformedWav("the format chunk is cut short")
            code, channels, sample_rate, _, _, bits = _FORMAT.unpack_from(file, position)
            if code != _PCM or bits != 16 or not channels:
                raise MalformedWav("not 16-bit PCM")
        elif chunk == b"data":
            if not sample_rate:
                raise MalformedWav("the data chunk precedes the format chunk")
            if position + size > len(file):
                raise MalformedWav(f"{position + size - len(file)} bytes of samples are missing")
            return WavFormat(sample_rate, channels, position, size)
        position += size + size % 2
    raise MalformedWav("the data chunk is missing")


def samples(file: bytes) -> bytes:
    """Return the PCM bytes of a whole WAV file. Raises MalformedWav."""
    audio = parse(file)
    return file[audio.data_offset : audio.data_offset + audio.data_bytes]
