"""The sounds that the benchmark makes."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.accuracy import sounds
from benchmarks.accuracy.sounds import RATE


def spectrum(samples: np.ndarray) -> np.ndarray:
    """The power at each frequency, for a second of samples: one value per Hz."""
    return np.abs(np.fft.rfft(samples[:RATE])) ** 2


def level_dbfs(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(samples**2)))


def test_sounds_are_the_same_in_each_run_and_within_full_scale() -> None:
    first, second = sounds.make_sounds(2), sounds.make_sounds(2)
    for name, samples in first.items():
        assert len(samples) == 2 * RATE
        assert np.array_equal(samples, second[name]), name
        assert np.abs(samples).max() < 3, name
        assert samples.any() == (name != "digital silence"), name


def test_tones_have_their_frequencies_and_pauses() -> None:
    ringback = sounds.tone([440, 480], 6 * RATE, on=2, off=4)
    assert set(np.argsort(spectrum(ringback))[-2:]) == {440, 480}
    assert not ringback[2 * RATE :].any()


def test_levels_and_noise_are_as_asked_for() -> None:
    voice = sounds.set_level(sounds.white_noise(RATE), -20)
    assert level_dbfs(voice) == pytest.approx(-20)
    noise = sounds.add_noise(voice, 10, 10 ** (-20 / 20)) - voice
    assert level_dbfs(noise) == pytest.approx(-30)


def test_pink_noise_falls_by_3_db_an_octave() -> None:
    power = spectrum(sounds.pink_noise(RATE))
    octaves = [power[low : 2 * low].sum() for low in (100, 200, 400, 800, 1600, 3200)]
    assert max(octaves) / min(octaves) < 1.5


def test_a_telephone_passes_its_band_only() -> None:
    power = spectrum(sounds.to_telephone(sounds.white_noise(RATE)))
    inside = power[400:3200].mean()
    assert power[20:150].mean() < inside / 100
    assert power[4200:].mean() < inside / 1000
    loud = sounds.to_telephone(sounds.tone([1000], RATE))
    assert np.abs(loud - sounds.tone([1000], RATE))[200:-200].max() < 0.05
