"""Encoding audio as a stream, with soundfile (libsndfile); loaded only where audio is encoded.

The encoder rewrites the file's head at the end (its length and checksum), so the head is held back.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Literal

import numpy as np
import soundfile

from calls.errors import CannotEncode
from calls.results import flac

Format = Literal["flac", "mp3", "ogg"]
"""FLAC, MP3, and Vorbis in Ogg: libsndfile encodes Opus ten times more slowly."""

_HEAD_BYTES = 64 * 1024
_SUBTYPES: dict[Format, str] = {"flac": "PCM_16", "mp3": "MPEG_LAYER_III", "ogg": "VORBIS"}
_FULL_SCALE = 32_768
_STEP_FRAMES = 16 * 1024
"""Frames at a time: libsndfile has crashed at Vorbis of many."""


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


class Encoder:
    """Encodes 16-bit frames. Raises CannotEncode."""

    def __init__(self, format_: Format, sample_rate: int, channels: int) -> None:
        self._format = format_
        self._channels = channels
        self._output = _Output()
        try:
            self._file = soundfile.SoundFile(
                self._output,
                "w",
                sample_rate,
                channels,
                _SUBTYPES[format_],
                format=format_.upper(),
            )
        except soundfile.LibsndfileError as error:
            raise CannotEncode(format_, channels) from error

    @property
    def encoded_bytes(self) -> int:
        """How many bytes ``take`` would return."""
        return len(self._output.tail)

    def write(self, frames: np.ndarray) -> None:
        """Encode frames: an int16 array of shape (frames, channels)."""
        for start in range(0, len(frames), _STEP_FRAMES):
            part = frames[start : start + _STEP_FRAMES]
            if self._format != "flac":
                # libsndfile 1.2.2 writes MP3 of two 16-bit channels at half its level, distorted.
                part = part.astype(np.float32) / _FULL_SCALE
            self._file.write(part)

    def take(self) -> bytes:
        """Take what was encoded after the head since the last call."""
        return self._output.take()

    def close(self) -> tuple[bytes, bytes]:
        """Finish the file. Return its head, and what has not been taken yet."""
        self._file.close()
        head, tail = bytes(self._output.head), self._output.take()
        if self._format == "flac":
            head = flac.add_speaker_positions(head, self._channels)
        return head, tail


async def encode_blocks(
    encoder: Encoder, frames: AsyncIterator[np.ndarray], block_bytes: int
) -> AsyncIterator[tuple[int, bytes]]:
    """Encode audio in a thread, and yield the file in numbered blocks.

    Block 0 comes last, because the encoder rewrites its head at the end.

    Args:
        encoder: A new encoder.
        frames: The audio: int16 arrays of shape (frames, channels).
        block_bytes: A block, other than the first and the last, is at least so long.
    """
    number = 0
    async for part in frames:
        await asyncio.to_thread(encoder.write, part)
        if encoder.encoded_bytes >= block_bytes:
            number += 1
            yield number, encoder.take()
    head, tail = await asyncio.to_thread(encoder.close)
    if tail:
        yield number + 1, tail
    yield 0, head
