"""Mixing the channels of a recording for listening, so that each participant is heard. Pure."""

from __future__ import annotations

from typing import Literal

import numpy as np

Mix = Literal["mono", "stereo"]

_WIDTH = 0.8
"""How far the outermost participants are from the centre, 0 to 1: 1 would be one ear only."""

_FULL_SCALE = 32_768
_KNEE = 0.8
"""From this share of full scale on, the mix is compressed, so that voices at once do not clip."""


def mix_channels(frames: np.ndarray, mix: Mix) -> np.ndarray:
    """Mix frames of any number of channels.

    Voices keep their level: people in a call mostly speak one at a time. In stereo, participants
    stand next to each other from left to right, at constant power.

    Args:
        frames: An int16 array of shape (frames, channels).
        mix: One channel or two. In stereo, a single channel is on both sides, as it is.

    Returns:
        An int16 array of shape (frames, 1 or 2).
    """
    channels = frames.shape[1]
    if channels == 1:
        return frames if mix == "mono" else np.repeat(frames, 2, axis=1)
    gains = np.ones((channels, 1)) if mix == "mono" else _stereo_gains(channels)
    mixed = frames.astype(np.float32) @ (gains.astype(np.float32) / _FULL_SCALE)
    size = np.abs(mixed)
    excess = (size - _KNEE) / (1 - _KNEE)
    compressed = np.sign(mixed) * (_KNEE + (1 - _KNEE) * np.tanh(excess))
    levelled = np.where(size > _KNEE, compressed, mixed) * _FULL_SCALE
    rounded: np.ndarray = np.clip(np.rint(levelled), -_FULL_SCALE, _FULL_SCALE - 1).astype("<i2")
    return rounded


def _stereo_gains(channels: int) -> np.ndarray:
    """The gain of each channel on the left and on the right."""
    positions = np.linspace(-_WIDTH, _WIDTH, channels)
    angles = (positions + 1) * np.pi / 4
    return np.stack((np.cos(angles), np.sin(angles)), axis=1)
