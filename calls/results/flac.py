"""Fields in the head of a FLAC file: libsndfile cannot write the speaker positions of its channels.

Source: RFC 9639, section 8.6 (the Vorbis comment and its channel mask field).
"""

from __future__ import annotations

import struct

from contract import wav

_MARKER = b"fLaC"
_VORBIS_COMMENT = 4
_BLOCK_HEADER_BYTES = 4
_LAST_BLOCK = 0x80
_LENGTH = struct.Struct("<I")


def add_speaker_positions(head: bytes, channels: int) -> bytes:
    """Add the speaker positions of more than two channels. Raises ValueError as ``add_comment``."""
    mask = wav.CHANNEL_MASKS.get(channels)
    if mask is None:
        return head
    return add_comment(head, f"WAVEFORMATEXTENSIBLE_CHANNEL_MASK=0x{mask:04X}")


def add_comment(head: bytes, comment: str) -> bytes:
    """Add a field to the Vorbis comment in the head of a FLAC file; all blocks must be in it.

    Raises ValueError for a file without one.
    """
    position = len(_MARKER)
    while head.startswith(_MARKER) and position + _BLOCK_HEADER_BYTES <= len(head):
        kind = head[position]
        start = position + _BLOCK_HEADER_BYTES
        end = start + int.from_bytes(head[position + 1 : start])
        if kind & ~_LAST_BLOCK == _VORBIS_COMMENT:
            count_at = start + _LENGTH.size + _LENGTH.unpack_from(head, start)[0]
            count = _LENGTH.unpack_from(head, count_at)[0]
            field = comment.encode()
            block = (
                head[start:count_at]
                + _LENGTH.pack(count + 1)
                + head[count_at + _LENGTH.size : end]
                + _LENGTH.pack(len(field))
                + field
            )
            header = bytes([kind]) + len(block).to_bytes(_BLOCK_HEADER_BYTES - 1)
            return head[:position] + header + block + head[end:]
        if kind & _LAST_BLOCK:
            break
        position = end
    raise ValueError("the FLAC file has no Vorbis comment")
