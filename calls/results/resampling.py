"""Changing the sample rate of a segment, with soxr; loaded only if a call has two rates.

Source: the SoX Resampler library, at its high quality (20 bits), which keeps what can be heard.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import soxr

CONTEXT_MS = 50
"""How much of the neighbouring audio the filter needs, so that segments join without a click."""

_MOST, _LEAST = 32_767, -32_768


class Excerpt(NamedTuple):
    """16-bit samples, and up to CONTEXT_MS of what precedes and follows them."""

    before: np.ndarray
    samples: np.ndarray
    after: np.ndarray


def resample(excerpt: Excerpt, rate: int, to_rate: int, count: int) -> np.ndarray:
    """Resample an excerpt.

    Args:
        excerpt: The samples; their context is silence where there is none.
        rate: Its samples per second; a multiple of 20, as ``to_rate``.
        to_rate: The result's samples per second.
        count: The result's length in samples.

    Returns:
        An array of ``count`` 16-bit samples, without the context.
    """
    context = rate * CONTEXT_MS // 1000
    before = np.zeros(context, dtype=np.float32)
    before[context - len(excerpt.before) :] = excerpt.before
    after = np.zeros(context, dtype=np.float32)
    after[: len(excerpt.after)] = excerpt.after
    samples = np.concatenate((before, excerpt.samples.astype(np.float32), after))
    first = to_rate * CONTEXT_MS // 1000
    resampled = soxr.resample(samples, rate, to_rate, "HQ")[first : first + count]
    rounded: np.ndarray = np.clip(np.rint(resampled), _LEAST, _MOST).astype("<i2")
    return rounded
