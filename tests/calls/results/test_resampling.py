"""Resampling: the same tone, at its level and in its place, without clicks between segments."""

from __future__ import annotations

import numpy as np
import pytest

from calls.results.resampling import CONTEXT_MS, Excerpt, resample

NOTHING = np.zeros(0, dtype="<i2")


def tone(rate: int, seconds: float = 1, frequency: float = 1000) -> np.ndarray:
    times = np.arange(round(rate * seconds)) / rate
    return (9000 * np.sin(2 * np.pi * frequency * times)).astype("<i2")


@pytest.mark.parametrize(("rate", "to_rate"), [(16_000, 24_000), (24_000, 16_000)])
def test_a_tone_stays_what_it_is(rate: int, to_rate: int) -> None:
    resampled = resample(Excerpt(NOTHING, tone(rate), NOTHING), rate, to_rate, to_rate)
    assert (resampled.dtype, len(resampled)) == (np.dtype("<i2"), to_rate)
    edge = to_rate // 100
    difference = resampled.astype(int) - tone(to_rate)
    assert np.abs(difference[edge:-edge]).max() <= 3


def test_segments_join_without_a_click() -> None:
    whole = tone(16_000)
    context = 16_000 * CONTEXT_MS // 1000
    first, second = whole[:8000], whole[8000:]
    joined = np.concatenate(
        [
            resample(Excerpt(NOTHING, first, second[:context]), 16_000, 24_000, 12_000),
            resample(Excerpt(first[-context:], second, NOTHING), 16_000, 24_000, 12_000),
        ]
    )
    expected = resample(Excerpt(NOTHING, whole, NOTHING), 16_000, 24_000, 24_000)
    assert np.abs(joined.astype(int) - expected).max() <= 1


def test_a_neighbour_shorter_than_the_context_is_used() -> None:
    whole = tone(16_000, 0.5)
    excerpt = Excerpt(whole[:160], whole[160:-160], whole[-160:])
    resampled = resample(excerpt, 16_000, 24_000, 12_000 - 480)
    expected = tone(24_000, 0.5)[240:-240]
    assert np.abs(resampled.astype(int) - expected)[200:-200].max() <= 3


def test_loud_audio_is_clipped_and_does_not_wrap_around() -> None:
    square = np.where(tone(16_000) >= 0, 32_767, -32_768).astype("<i2")
    resampled = resample(Excerpt(NOTHING, square, NOTHING), 16_000, 24_000, 24_000)
    assert resampled.max() == 32_767
    assert np.abs(np.diff(resampled.astype(int))).max() < 65_535
    assert np.sign(resampled[::24]).tolist() == np.sign(square[::16]).tolist()
