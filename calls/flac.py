"""FLAC, written as a stream: libsndfile through soundfile, loaded only where FLAC is asked for.

The encoder comes back to its header at the end (length and checksum): that part is kept till then.
"""

from __future__ import annotations

import io

import numpy as np
import soundfile

_HEAD_BYTES = 64 * 1024


class _Output(io.RawIOBase):
    """What the encoder writes: a head that may be written over, and a tail that only grows."""

    def __init__(self) -> None:
        self.head = bytearray()
        self.tail = bytearray()
        self._taken = 0
        self._position = 0

    @property
    def _end(self) -> int:
        return len(self.head) + self._taken + len(self.tail)

    def take(self) -> bytes:
        taken = bytes(self.tail)
        self._taken += len(taken)
        self.tail.clear()
        return taken

    def write(self, data: object) -> int:
        content = memoryview(data).cast("B")  # type: ignore[arg-type]
        room = max(0, _HEAD_BYTES - self._position)
        first, rest = content[:room], content[room:]
        self.head[self._position : self._position + len(first)] = first
        if rest:
            if self._position + len(first) != self._end:
                raise OSError("the encoder went back to what is gone")
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
        raise OSError("the encoder has nothing to read")


class FlacEncoder:
    """Encodes frames of up to 8 channels of 16 bits."""

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._output = _Output()
        self._file = soundfile.SoundFile(
            self._output, "w", sample_rate, channels, "PCM_16", format="FLAC"
        )

    @property
    def waiting(self) -> int:
        """How many encoded bytes ``take`` would give."""
        return len(self._output.tail)

    def write(self, frames: np.ndarray) -> None:
        """Encode frames, a row each."""
        self._file.write(frames)

    def take(self) -> bytes:
        """What was encoded behind the head since the last time."""
        return self._output.take()

    def close(self) -> tuple[bytes, bytes]:
        """The head, and what has not been taken yet."""
        self._file.close()
        return bytes(self._output.head), self._output.take()
