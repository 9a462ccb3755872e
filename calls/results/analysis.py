"""The analysis of one segment: a pure function of its bytes, so that it may run twice.

One core analyses audio about 1,000 times faster than real time.
"""

from __future__ import annotations

import math
from datetime import datetime

import msgspec
import numpy as np

from calls.results import voice_activity
from contract import wav
from contract.manifest import Counts
from contract.names import SegmentName

SCHEMA = 1
FULL_SCALE = 32_768
PEAK_WINDOW_MS = 100
_CLIPPED = 32_767
_SILENT_DBFS = -60.0
_WINDOW_MS = 20
_FLOOR_PERCENTILE = 10


class SpeechSpan(msgspec.Struct, frozen=True):
    """One stretch of speech, in milliseconds from the segment's start."""

    start_ms: int
    end_ms: int


class Analysis(msgspec.Struct, kw_only=True, frozen=True):
    """The analysis of one segment. Levels are in dBFS (None: digital silence).

    ``silence_share`` is the share of 20 ms windows below -60 dBFS, ``speech_share`` the share of
    time with speech, ``dc_offset`` the mean sample as a share of full scale. ``noise_floor_dbfs``
    is the 10th percentile of the windows outside speech and digital silence. ``peaks`` is the
    waveform: the highest sample of each 100 ms, as a share of full scale. ``counts`` are the
    streamer's: gaps, repeated and late frames.
    """

    schema: int = SCHEMA
    call_connection_id: str
    stream_id: str
    track: str
    start: datetime
    sample_rate: int
    samples: int
    duration_ms: float
    rms_dbfs: float | None
    peak_dbfs: float | None
    noise_floor_dbfs: float | None
    clipped_samples: int
    dc_offset: float
    silence_share: float
    speech_ms: int
    speech_share: float
    speech: list[SpeechSpan]
    peaks: list[float]
    counts: Counts


def analyse(segment: SegmentName, wav_file: bytes, counts: Counts | None = None) -> Analysis:
    """Analyse a segment.

    Args:
        segment: Its name.
        wav_file: A whole WAV file of one channel.
        counts: What the streamer counted for it.

    Raises MalformedWav.
    """
    wav_format = wav.parse(wav_file)
    if wav_format.channels != 1:
        raise wav.MalformedWav(f"{wav_format.channels} channels instead of one")
    pcm = wav.samples(wav_file)
    pcm = pcm[: len(pcm) // 2 * 2]
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float64)
    count = len(samples)
    rate = wav_format.sample_rate
    spans = voice_activity.detect_speech(pcm, rate)
    powers = _powers(samples, rate)
    duration_ms = count * 1000 / rate
    speech_ms = sum(end - start for start, end in spans)
    return Analysis(
        call_connection_id=segment.call_connection_id,
        stream_id=segment.stream_id,
        track=segment.track,
        start=segment.start,
        sample_rate=rate,
        samples=count,
        duration_ms=round(duration_ms, 3),
        rms_dbfs=_dbfs(math.sqrt(float(np.mean(samples**2)))) if count else None,
        peak_dbfs=_dbfs(float(np.max(np.abs(samples)))) if count else None,
        noise_floor_dbfs=_noise_floor(powers, spans),
        clipped_samples=int(np.count_nonzero(np.abs(samples) >= _CLIPPED)),
        dc_offset=round(float(np.mean(samples)) / FULL_SCALE, 6) if count else 0.0,
        silence_share=_silence_share(powers),
        speech_ms=speech_ms,
        speech_share=round(speech_ms / duration_ms, 4) if duration_ms else 0.0,
        speech=[SpeechSpan(start, end) for start, end in spans],
        peaks=_peaks(samples, rate),
        counts=counts or Counts(),
    )


def encode_analysis(analysis: Analysis) -> bytes:
    """Encode an analysis as its blob's content: the same bytes for the same analysis."""
    return msgspec.json.encode(analysis)


def decode_analysis(blob: bytes) -> Analysis:
    """Decode an analysis from its blob's content. Raises msgspec.DecodeError."""
    return msgspec.json.decode(blob, type=Analysis)


def _dbfs(level: float) -> float | None:
    return round(20 * math.log10(level / FULL_SCALE), 2) if level else None


def _powers(samples: np.ndarray, rate: int) -> np.ndarray:
    """The mean square of each whole 20 ms window."""
    window = rate * _WINDOW_MS // 1000
    whole = samples[: len(samples) // window * window].reshape(-1, window)
    powers: np.ndarray = np.mean(whole**2, axis=1)
    return powers


def _silence_share(powers: np.ndarray) -> float:
    threshold = (10 ** (_SILENT_DBFS / 20) * FULL_SCALE) ** 2
    return round(float(np.mean(powers < threshold)), 4) if len(powers) else 0.0


def _noise_floor(powers: np.ndarray, spans: list[voice_activity.Span]) -> float | None:
    outside = np.ones(len(powers), dtype=bool)
    for start, end in spans:
        outside[start // _WINDOW_MS : -(-end // _WINDOW_MS)] = False
    noise = powers[outside & (powers > 0)]
    return _dbfs(math.sqrt(float(np.percentile(noise, _FLOOR_PERCENTILE)))) if len(noise) else None


def _peaks(samples: np.ndarray, rate: int) -> list[float]:
    window = rate * PEAK_WINDOW_MS // 1000
    padded = np.zeros(-(-len(samples) // window) * window)
    padded[: len(samples)] = np.abs(samples)
    return [round(float(peak) / FULL_SCALE, 3) for peak in padded.reshape(-1, window).max(axis=1)]
