"""Buffered audio as a list of chunks, most of them frames: s16le mono. Pure."""

from __future__ import annotations

import numpy as np

from acs.media import BYTES_PER_SAMPLE


def overlay(chunks: list[bytes], offset: int, pcm: bytes) -> list[bytes]:
    """Return the chunks with ``pcm`` over them, as a chunk of its own, so that a repeat is seen.

    ``offset`` is in bytes from the first chunk's beginning; what lies outside is left out.
    """
    result: list[bytes] = []
    for chunk in chunks:
        begin = max(0, min(offset, len(chunk)))
        end = max(0, min(offset + len(pcm), len(chunk)))
        if begin < end:
            parts = (chunk[:begin], pcm[begin - offset : end - offset], chunk[end:])
            result += filter(None, parts)
        else:
            result += filter(None, (chunk,))
        offset -= len(chunk)
    return result


def find_frame(chunks: list[bytes], size: int, distance: int) -> int | None:
    """Return the index of the chunk that begins nearest to ``distance`` bytes before the end.

    None where that is not a whole frame of ``size`` bytes, but the rest of one that a cut split,
    say, or where it begins more than half a frame from there.
    """
    nearest, least, rest = None, size // 2, 0
    for index in range(len(chunks) - 1, -1, -1):
        rest += len(chunks[index])
        if abs(rest - distance) <= least:
            nearest, least = index, abs(rest - distance)
        if rest > distance:
            break
    return nearest if nearest is not None and len(chunks[nearest]) == size else None


def find_quietest(chunks: list[bytes]) -> int:
    """Return the index of the quietest chunk; of several, the first."""
    return _order_by_energy(chunks)[0]


def insert(chunks: list[bytes], index: int, pcm: bytes) -> list[int]:
    """Insert a chunk, in place.

    Returns:
        How many samples longer each chunk is now: for the new one, all of it.
    """
    chunks.insert(index, pcm)
    changes = [0] * len(chunks)
    changes[index] = len(pcm) // BYTES_PER_SAMPLE
    return changes


def shorten(chunks: list[bytes], samples: int) -> list[int]:
    """Remove samples from the quietest chunks, in place; at least half of each one stays.

    Returns:
        How many samples longer each chunk is now: 0 or less.
    """
    changes = [0] * len(chunks)
    for index in _order_by_energy(chunks):
        length = len(chunks[index]) // BYTES_PER_SAMPLE
        kept = max(-(-length // 2), length - samples - sum(changes))
        changes[index] = kept - length
        chunks[index] = chunks[index][: kept * BYTES_PER_SAMPLE]
        if sum(changes) == -samples:
            break
    return changes


def _order_by_energy(chunks: list[bytes]) -> list[int]:
    return sorted(range(len(chunks)), key=lambda index: _energy(chunks[index]))


def _energy(pcm: bytes) -> float:
    """Return the energy of audio; the lower, the quieter."""
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32)
    return float(samples @ samples) / max(1, len(samples))
