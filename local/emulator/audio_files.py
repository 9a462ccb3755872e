"""Audio files of any sample rate, as 16-bit mono PCM at the rate of a call. Files are only read.

libsndfile decodes (WAV, FLAC, Ogg, MP3 and others), FFmpeg's libswresample resamples.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import soundfile

Samples = npt.NDArray[np.float32]
_SCALE = 32_768


class AudioFileError(ValueError):
    """Raised when an audio file is missing, cannot be read, or has no samples."""


def check(path: Path) -> float:
    """Check, by a file's header, that it can be played; return its length in seconds.

    Raises AudioFileError.
    """
    try:
        with path.open("rb") as stream, soundfile.SoundFile(stream) as file:
            seconds: float = len(file) / file.samplerate
    except OSError as error:
        raise AudioFileError(f"audio file {path} cannot be read: {error.strerror}") from error
    except soundfile.SoundFileError as error:
        raise AudioFileError(
            f"{path} is not an audio file that libsndfile can read: use WAV or FLAC"
        ) from error
    if not seconds:
        raise AudioFileError(f"audio file {path} has no samples")
    return seconds


def read(path: Path, sample_rate: int) -> bytes:
    """Return a file as 16-bit mono PCM at ``sample_rate``: resampled and downmixed if need be.

    The samples of a 16-bit mono file at that rate are not changed. Raises AudioFileError.
    """
    check(path)
    status = path.stat()
    return _read(path, sample_rate, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=8)
def _read(path: Path, sample_rate: int, _modified_ns: int, _size: int) -> bytes:
    """Read a file. Its time of change and size are part of the cache's key only."""
    with path.open("rb") as stream, soundfile.SoundFile(stream) as file:
        if (file.samplerate, file.channels, file.subtype) == (sample_rate, 1, "PCM_16"):
            unchanged: bytes = file.read(dtype="int16").astype("<i2").tobytes()
            return unchanged
        samples = file.read(dtype="float32", always_2d=True).mean(axis=1, dtype=np.float32)
        if file.samplerate != sample_rate:
            samples = resample(samples, file.samplerate, sample_rate)
    pcm: bytes = np.clip(np.rint(samples * _SCALE), -_SCALE, _SCALE - 1).astype("<i2").tobytes()
    return pcm


def resample(samples: Samples, from_rate: int, to_rate: int) -> Samples:
    """Resample mono audio, a second at a time; rates are in Hz."""
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=to_rate)
    blocks: list[av.AudioFrame] = []
    for start in range(0, len(samples), from_rate):
        block = samples[start : start + from_rate].reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
        frame.sample_rate = from_rate
        blocks += resampler.resample(frame)
    blocks += resampler.resample(None)
    return np.concatenate([block.to_ndarray()[0] for block in blocks])
