"""The audio of one segment that waits in memory, because the disk does not accept it. Pure.

What was lost, because there was no room in memory either, keeps its length: it is read as silence.
"""

from __future__ import annotations


class Backlog:
    """Audio in order, in the chunks in which it came. Sizes and offsets are in bytes.

    Attributes:
        size: Its length.
        held: How much of it is in memory; the rest was lost.
    """

    __slots__ = ("_chunks", "held", "size")

    def __init__(self) -> None:
        # A number stands for so many lost bytes.
        self._chunks: list[bytes | int] = []
        self.size = 0
        self.held = 0

    @property
    def first(self) -> bytes | int | None:
        """The first chunk: audio, or the number of bytes that were lost; None where it is empty."""
        return self._chunks[0] if self._chunks else None

    def append(self, pcm: bytes) -> None:
        """Add audio at the end."""
        self._chunks.append(pcm)
        self.size += len(pcm)
        self.held += len(pcm)

    def append_lost(self, size: int) -> None:
        """Add a number of lost bytes at the end."""
        self.size += size
        last = self._chunks[-1] if self._chunks else None
        if isinstance(last, int):
            self._chunks[-1] = last + size
        else:
            self._chunks.append(size)

    def remove_first(self) -> None:
        """Remove the first chunk, which was written."""
        chunk = self._chunks.pop(0)
        self.size -= _length(chunk)
        self.held -= _held(chunk)

    def patch(self, offset: int, pcm: bytes) -> None:
        """Overwrite audio at an offset. What was lost stays lost."""
        at = 0
        for index, chunk in enumerate(self._chunks):
            begin, end = max(at, offset), min(at + _length(chunk), offset + len(pcm))
            if begin < end and isinstance(chunk, bytes):
                piece = pcm[begin - offset : end - offset]
                self._chunks[index] = chunk[: begin - at] + piece + chunk[end - at :]
            at += _length(chunk)

    def cut(self, offset: int) -> bytes:
        """Remove and return everything from an offset on."""
        tail = bytearray()
        kept: list[bytes | int] = []
        at = 0
        for chunk in self._chunks:
            keep = max(0, min(offset - at, _length(chunk)))
            at += _length(chunk)
            if isinstance(chunk, bytes):
                tail += chunk[keep:]
                kept += [chunk[:keep]] if keep else []
            else:
                tail += bytes(chunk - keep)
                kept += [keep] if keep else []
        self._chunks = kept
        self.size = sum(map(_length, kept))
        self.held = sum(map(_held, kept))
        return bytes(tail)

    def drop_lost_end(self) -> int:
        """Remove what was lost at the end, and return how much that was."""
        last = self._chunks[-1] if self._chunks else None
        if not isinstance(last, int):
            return 0
        self._chunks.pop()
        self.size -= last
        return last


def _length(chunk: bytes | int) -> int:
    return chunk if isinstance(chunk, int) else len(chunk)


def _held(chunk: bytes | int) -> int:
    return 0 if isinstance(chunk, int) else len(chunk)
