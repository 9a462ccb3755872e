"""Recordings in which each participant hums a tone of its own, and how loud each is in a mix."""

from __future__ import annotations

import io

import av
import numpy as np

from calls.results.encoder import Encoder
from contract import wav

RATE = 16_000
AMPLITUDE = 3000


def hum(channels: int, seconds: float = 1.0) -> np.ndarray:
    """Frames of 16-bit samples in which each channel has its own tone."""
    times = np.arange(round(RATE * seconds)) / RATE
    tones = [np.sin(2 * np.pi * frequency(c) * times) for c in range(channels)]
    return (AMPLITUDE * np.stack(tones, axis=1)).round().astype("<i2")


def frequency(channel: int) -> int:
    """The frequency of a channel's tone, in Hz."""
    return 300 + 250 * channel


def loudness(frames: np.ndarray, channels: int) -> list[float]:
    """The amplitude of each channel's tone in a mix: on the side where it is louder."""
    times = np.arange(len(frames)) / RATE
    waves = [np.exp(-2j * np.pi * frequency(c) * times) for c in range(channels)]
    return [float(2 * np.abs(wave @ frames).max() / len(frames)) for wave in waves]


def wav_file(frames: np.ndarray) -> bytes:
    """The frames as a recording in WAV."""
    return wav.long_header(RATE, frames.nbytes, frames.shape[1]) + frames.tobytes()


def flac_file(frames: np.ndarray) -> bytes:
    """The frames as a recording in FLAC."""
    encoder = Encoder("flac", RATE, frames.shape[1])
    encoder.write(frames)
    return b"".join(encoder.close())


def mix(file: bytes, layout: str) -> np.ndarray:
    """Mix a file as FFmpeg's libraries do; an array of shape (frames, channels)."""
    channels = {"mono": 1, "stereo": 2}[layout]
    resampler = av.AudioResampler("s16", layout, RATE)
    with av.open(io.BytesIO(file), "r") as container:
        parts = [
            part.to_ndarray().reshape(-1, channels)
            for frame in container.decode(audio=0)
            for part in resampler.resample(frame)
        ]
    return np.concatenate(parts)
