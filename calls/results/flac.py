"""Encoding FLAC as a stream, with soundfile (libsndfile); loaded only if FLAC is used.

The encoder rewrites its header at the end (length and checksum), so the header is held back. There,
more than two channels get their speaker positions, which libsndfile does not write. Source:
RFC 9639, section 8.6 (the Vorbis comment and its channel mask field).
"""

from __future__ import annotations

import io
import struct

import numpy as np
import soundfile

from contract import wav

_HEAD_BYTES = 64 * 1024
_MARKER = b"fLaC"
_VORBIS_COMMENT = 4
_BLOCK_HEADER_BYTES = 4
_LAST_BLOCK = 0x80
_LENGTH = struct.Struct("<I")


class _Output(io.RawIOBase):
    """What the encoder writes: a head that it may overwrite, and a tail that only grows."""

    def __init__(self) -> None:
        self.head = bytearray()
        self.tail = bytearray()
        self._taken_bytes = 0
        self._position = 0

    @property
    def _end(self) -> int:
        return len(self.head) + self._taken_bytes + len(self.tail)

    def take(self) -> bytes:
        encoded = bytes(self.tail)
        self._taken_bytes += len(encoded)
        self.tail.clear()
        return encoded

    def write(self, data: object) -> int:
        content = memoryview(data).cast("B")  # type: ignore[arg-type]
        room = max(0, _HEAD_BYTES - self._position)
        first, rest = content[:room], content[room:]
        self.head[self._position : self._position + len(first)] = first
        if rest:
            if self._position + len(first) != self._end:
                raise OSError("the encoder went back to bytes that were already taken")
            self.tail += rest
        self._position += len(content)
        return len(content)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._end}[whence]
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, _: object) -> int:
        raise OSError("the encoder cannot read")


class FlacEncoder:
    """Encodes 16-bit frames of up to 8 channels."""

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._channels = channels
        self._output = _Output()
        self._file = soundfile.SoundFile(
            self._output, "w", sample_rate, channels, "PCM_16", format="FLAC"
        )

    @property
    def encoded_bytes(self) -> int:
        """How many bytes ``take`` would return."""
        return len(self._output.tail)

    def write(self, frames: np.ndarray) -> None:
        """Encode frames: an int16 array of shape (frames, channels)."""
        self._file.write(frames)

    def take(self) -> bytes:
        """Take what was encoded after the head since the last call."""
        return self._output.take()

    def close(self) -> tuple[bytes, bytes]:
        """Finish the file. Return its head, and what has not been taken yet."""
        self._file.close()
        head, tail = bytes(self._output.head), self._output.take()
        mask = wav.CHANNEL_MASKS.get(self._channels)
        if mask is not None:
            head = add_comment(head, f"WAVEFORMATEXTENSIBLE_CHANNEL_MASK=0x{mask:04X}")
        return head, tail


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
