"""A frame is known by any of its samples."""

from __future__ import annotations

import random

import numpy as np
import pytest

from benchmarks.soak.numbered import MAX_NUMBER, UNIT_SAMPLES, encode_numbered, find_units


@pytest.mark.parametrize("samples", [320, 480])
@pytest.mark.parametrize("number", [0, 1, 54_321, MAX_NUMBER])
def test_a_frame_is_found_at_any_sample(number: int, samples: int) -> None:
    pcm = encode_numbered(number, samples)
    assert len(pcm) == 2 * samples
    for offset in (0, 1, 7):
        units = find_units(bytes(2 * offset) + pcm + bytes(6))
        assert set(units.numbers.tolist()) == {number}
        assert units.places.tolist() == list(range(samples // UNIT_SAMPLES))
        assert units.positions.tolist() == [offset + 4 * place for place in units.places.tolist()]


def test_what_is_left_of_a_frame_is_found() -> None:
    pcm = encode_numbered(7, 320)[6:-10] + encode_numbered(8, 320)
    units = find_units(pcm)
    assert np.count_nonzero(units.numbers == 7) == 80 - 1 - 2
    assert np.count_nonzero(units.numbers == 8) == 80


def test_silence_and_noise_are_not_frames() -> None:
    assert not len(find_units(b"").numbers)
    assert not len(find_units(bytes(64_000)).numbers)
    assert not len(find_units(random.Random(1).randbytes(640_000)).numbers)


def test_a_number_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="not a frame's number"):
        encode_numbered(MAX_NUMBER + 1, 320)
