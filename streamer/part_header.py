"""An open segment's name, and its header: a WAV header with its exact start in place of the sizes.

The file's name has the start only to the millisecond, and a restart must know it to the sample.
"""

from __future__ import annotations

import struct
from datetime import datetime

from acs import media
from contract import names, wav
from streamer.spool import PART, SLASH

_SIZE = struct.Struct("<I")
_SIZE_OFFSETS = (4, 40)
"""Where a WAV header has its two sizes (``wav.header``)."""


def open_header(sample_rate: int, start: datetime) -> bytes:
    """Return an open segment's header: its sizes are the halves of its start in microseconds."""
    header = bytearray(wav.header(sample_rate, 0))
    microseconds = media.to_microseconds(start)
    for offset, half in zip(_SIZE_OFFSETS, divmod(microseconds, 1 << 32), strict=True):
        _SIZE.pack_into(header, offset, half)
    return bytes(header)


def exact_start(header: bytes, named_start: datetime) -> datetime:
    """Return the start in a header, or the one in the file's name where they do not agree.

    They do not in a file that was sealed, but not moved.
    """
    if len(header) < wav.HEADER_BYTES:
        return named_start
    high, low = (_SIZE.unpack_from(header, offset)[0] for offset in _SIZE_OFFSETS)
    microseconds = (high << 32) + low
    named = media.to_microseconds(named_start)
    if not named <= microseconds < named + 1000:
        return named_start
    return media.from_microseconds(microseconds)


def part_name(track: str, start: datetime) -> str:
    """Return the name of an open segment's file, which is also the segment's key."""
    return f"{track}{SLASH}{names.format_start(start)}{PART}"


def split_part_name(name: str) -> tuple[str, str]:
    """Return the track and the start, as text, in the name of an open segment's file."""
    track, _, start = name.removesuffix(PART).partition(SLASH)
    return track, start
