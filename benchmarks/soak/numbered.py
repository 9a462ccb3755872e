"""Audio that says which frame it is: each four samples of a frame carry its number.

A frame is found wherever it lies: at any sample, split by a cut, or without its end. A sample's two
highest bits are its place among the four; the other 56 bits of the four are the frame's number, the
place of the four in the frame, and a check. Silence, all zeros, is never mistaken for a frame.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

UNIT_SAMPLES = 4
MAX_NUMBER = (1 << 28) - 1

_PAYLOAD_BITS = 14
_PAYLOAD = (1 << _PAYLOAD_BITS) - 1
_UNIT_BITS, _CHECK_BITS = 7, 21
_MULTIPLIER = np.uint64(0x9E37_79B9_7F4A_7C15)
_TAGS = np.arange(UNIT_SAMPLES, dtype=np.uint64) << np.uint64(_PAYLOAD_BITS)
_SHIFTS = np.array([42, 28, 14, 0], dtype=np.uint64)

Numbers = npt.NDArray[np.int64]


class Units(NamedTuple):
    """The units of four samples that some audio has, in order: whose, which, and where.

    Attributes:
        numbers: The number of each unit's frame.
        places: Which unit of its frame it is, from 0.
        positions: Where it begins, in samples.
    """

    numbers: Numbers
    places: Numbers
    positions: Numbers


def encode_numbered(number: int, samples: int) -> bytes:
    """Return the audio of one frame, s16le; ``samples`` must be a multiple of four, to 512."""
    if not 0 <= number <= MAX_NUMBER:
        raise ValueError(f"{number} is not a frame's number: it must be from 0 to {MAX_NUMBER}")
    ids = np.uint64(number << _UNIT_BITS) | np.arange(samples // UNIT_SAMPLES, dtype=np.uint64)
    units = ids << np.uint64(_CHECK_BITS) | _check(ids)
    audio = (units[:, None] >> _SHIFTS) & np.uint64(_PAYLOAD) | _TAGS
    return audio.astype("<u2").tobytes()


def find_units(pcm: bytes) -> Units:
    """Find all units in audio, s16le, at any sample."""
    audio = np.frombuffer(pcm, dtype="<u2")
    if len(audio) < UNIT_SAMPLES:
        empty = np.empty(0, dtype=np.int64)
        return Units(empty, empty, empty)
    tags = audio >> _PAYLOAD_BITS
    size = len(audio) - UNIT_SAMPLES + 1
    matches = np.ones(size, dtype=bool)
    for index in range(UNIT_SAMPLES):
        matches &= tags[index : index + size] == index
    positions = np.flatnonzero(matches)
    units = np.zeros(len(positions), dtype=np.uint64)
    for index in range(UNIT_SAMPLES):
        payload = audio[positions + index].astype(np.uint64) & np.uint64(_PAYLOAD)
        units |= payload << _SHIFTS[index]
    ids = units >> np.uint64(_CHECK_BITS)
    is_valid = _check(ids) == units & np.uint64((1 << _CHECK_BITS) - 1)
    ids = ids[is_valid].astype(np.int64)
    return Units(
        ids >> _UNIT_BITS, ids & ((1 << _UNIT_BITS) - 1), positions[is_valid].astype(np.int64)
    )


def _check(ids: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return the check of units: a multiplicative hash (Knuth, TAOCP 3, 6.4)."""
    return (ids * _MULTIPLIER) >> np.uint64(64 - _CHECK_BITS)
