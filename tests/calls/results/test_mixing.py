"""Mixing: each voice is heard, at its level and in its place, and many at once do not clip."""

from __future__ import annotations

import numpy as np
import pytest

from calls.results.mixing import mix_channels
from tests import voices


@pytest.mark.parametrize("channels", [2, 3, 6, 8, 12])
def test_each_voice_keeps_its_level(channels: int) -> None:
    alone = np.zeros((voices.RATE, channels), dtype="<i2")
    for channel in range(channels):
        frames = alone.copy()
        frames[:, channel] = voices.hum(channels)[:, channel]
        mono = mix_channels(frames, "mono")
        assert np.array_equal(mono[:, 0], frames[:, channel])
        stereo = mix_channels(frames, "stereo").astype(float)
        assert stereo.shape == (voices.RATE, 2)
        power = (stereo**2).sum() / (frames.astype(float) ** 2).sum()
        assert power == pytest.approx(1, abs=0.01)
        left, right = np.abs(stereo).max(axis=0)
        assert min(left, right) > voices.AMPLITUDE / 10, "both ears hear it"


def test_participants_stand_from_left_to_right() -> None:
    balances = []
    for channel in range(3):
        frames = np.zeros((100, 3), dtype="<i2")
        frames[:, channel] = 1000
        left, right = mix_channels(frames, "stereo")[0].tolist()
        balances.append(right - left)
    assert balances[0] < -700
    assert balances[1] == 0
    assert balances[2] > 700


def test_many_voices_at_once_do_not_clip() -> None:
    frames = np.full((10, 8), 9000, dtype="<i2")
    assert mix_channels(frames, "mono").tolist() == [[32_767]] * 10
    assert mix_channels(-frames, "mono").tolist() == [[-32_768]] * 10
    two = np.array([[15_000, 15_000], [13_000, 13_000]], dtype="<i2")
    loud, quiet = mix_channels(two, "mono")[:, 0].tolist()
    assert 28_000 < loud < 30_000
    assert quiet == 26_000


def test_a_single_channel_stays_as_it_is_on_each_side() -> None:
    frames = voices.hum(1)
    assert np.array_equal(mix_channels(frames, "mono"), frames)
    assert np.array_equal(mix_channels(frames, "stereo"), np.hstack((frames, frames)))
