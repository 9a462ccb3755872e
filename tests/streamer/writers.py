"""Segments in memory, for tests of the pure modules."""

from __future__ import annotations

from contract.manifest import Counts


class MemoryWriter:
    """A ``SegmentWriter`` that keeps the audio; ``counts`` is None until it is finished."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.pcm = bytearray()
        self.counts: Counts | None = None
        self.skew = 0.0

    def append(self, pcm: bytes) -> None:
        self.pcm += pcm

    def patch(self, offset: int, pcm: bytes) -> None:
        assert offset + len(pcm) <= len(self.pcm)
        self.pcm[offset : offset + len(pcm)] = pcm

    def cut(self, offset: int) -> bytes:
        tail = bytes(self.pcm[offset:])
        del self.pcm[offset:]
        return tail

    def finish(self, samples: int, counts: Counts, skew: float) -> None:
        assert len(self.pcm) == samples * 2
        self.counts = counts
        self.skew = skew
