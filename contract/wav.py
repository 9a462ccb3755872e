"""WAV files of 16-bit PCM: writing their headers, and finding the samples.

One or two channels have the canonical 44-byte header. More need a channel mask: without one,
players guess "2.1" from three channels, and leave the third out of every mix.

Source: the RIFF/WAVE format, ``WAVE_FORMAT_PCM`` (IBM and Microsoft, Multimedia Programming
Interface and Data Specifications 1.0), ``WAVE_FORMAT_EXTENSIBLE`` (Microsoft, mmreg.h), and RF64
with a ``ds64`` chunk (EBU Tech 3306) for files that are too long for its 32-bit sizes.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

HEADER_BYTES = 44
"""The length of the header of one or two channels."""

MAX_DATA_BYTES = 0xFFFF_FFFF - 60
"""The most that a RIFF file's 32-bit sizes allow: about 37 hours of one 16 kHz channel."""

CHANNEL_MASKS = {
    3: 0x007,
    4: 0x033,
    5: 0x037,
    6: 0x137,
    7: 0x637,
    8: 0x737,
    9: 0x7F3,
    10: 0x7F7,
}
"""The speaker positions of 3 to 10 channels: front, back and side.

None has the low-frequency channel (bit 3) or one above the listener (from bit 11 on), which players
leave out when they mix. There are no other positions, so more channels have none (mask 0).
"""

_RIFF = struct.Struct("<4sI4s")
_DS64 = struct.Struct("<4sIQQQI")
_CHUNK = struct.Struct("<4sI")
_FORMAT = struct.Struct("<HHIIHH")
_EXTENSION = struct.Struct("<HHI16s")
_UNKNOWN_SIZE = 0xFFFF_FFFF
_PCM = 1
_EXTENSIBLE = 0xFFFE
_PCM_SUBFORMAT = bytes.fromhex("0100000000001000800000aa00389b71")  # KSDATAFORMAT_SUBTYPE_PCM
_MOST_PLAIN_CHANNELS = 2


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
    chunks = _format_and_data(sample_rate, channels, data_bytes)
    return _RIFF.pack(b"RIFF", 4 + len(chunks) + data_bytes, b"WAVE") + chunks


def long_header(sample_rate: int, data_bytes: int, channels: int = 1) -> bytes:
    """Return the header of 16-bit PCM of any length: RIFF where its sizes suffice, else RF64."""
    if data_bytes <= MAX_DATA_BYTES:
        return header(sample_rate, data_bytes, channels)
    chunks = _format_and_data(sample_rate, channels, _UNKNOWN_SIZE)
    riff_bytes = 4 + _DS64.size + len(chunks) + data_bytes
    frames = data_bytes // (2 * channels)
    return (
        _RIFF.pack(b"RF64", _UNKNOWN_SIZE, b"WAVE")
        + _DS64.pack(b"ds64", _DS64.size - 8, riff_bytes, data_bytes, frames, 0)
        + chunks
    )


def _format_and_data(sample_rate: int, channels: int, data_size: int) -> bytes:
    """Return the ``fmt`` chunk of 16-bit PCM, and the start of the ``data`` chunk."""
    frame = 2 * channels
    code, extension = _PCM, b""
    if channels > _MOST_PLAIN_CHANNELS:
        code = _EXTENSIBLE
        mask = CHANNEL_MASKS.get(channels, 0)
        extension = _EXTENSION.pack(_EXTENSION.size - 2, 16, mask, _PCM_SUBFORMAT)
    format_ = _FORMAT.pack(code, channels, sample_rate, sample_rate * frame, frame, 16) + extension
    return _CHUNK.pack(b"fmt ", len(format_)) + format_ + _CHUNK.pack(b"data", data_size)


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
            if code == _EXTENSIBLE:
                code = _code_of_extension(file[position + _FORMAT.size : position + size])
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


def _code_of_extension(extension: bytes | memoryview) -> int:
    """Return the format code in an extensible format chunk. Raises MalformedWav."""
    if len(extension) < _EXTENSION.size:
        raise MalformedWav("the format chunk is cut short")
    subformat: bytes = _EXTENSION.unpack_from(extension)[3]
    return _PCM if subformat == _PCM_SUBFORMAT else 0


def samples(file: bytes) -> bytes:
    """Return the PCM bytes of a whole WAV file. Raises MalformedWav."""
    audio = parse(file)
    return file[audio.data_offset : audio.data_offset + audio.data_bytes]
