"""Silero's network on NumPy, compared with ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from calls.results import silero
from tests.calls.sample_streams import TRUTH, conversation

# In thousandths: silero_vad_16k_op15.onnx of silero-vad 6.2.3, run by ONNX Runtime 1.32.0 with
# float32 weights.
ONNX_RUNTIME = """
 370  951  992  999  999 1000 1000  998 1000 1000 1000 1000 1000 1000 1000 1000 1000 1000 1000 1000
1000 1000  998  904  418  170   84  272  517  999 1000 1000  831  980  999 1000 1000 1000 1000 1000
1000 1000 1000 1000 1000 1000 1000 1000 1000 1000 1000 1000 1000 1000 1000 1000 1000 1000 1000  998
 998  984  942  449  105   54   60  142  593  999 1000 1000 1000 1000 1000 1000 1000 1000 1000 1000
1000  996  999 1000 1000 1000 1000 1000 1000 1000 1000  999  971  993 1000 1000 1000  999 1000 1000
1000 1000 1000 1000 1000 1000 1000 1000 1000 1000 1000 1000 1000  773  275   45   17   10    8    7
   7    8    9   11   13
"""


def agent(start_ms: int = 0, length_ms: int = 36_000) -> np.ndarray:
    """A part of the agent's side of the demo conversation."""
    samples = np.frombuffer(conversation("agent"), dtype="<i2").astype(np.float32) / 32_768
    return samples[start_ms * 16 : (start_ms + length_ms) * 16]


def with_noise(samples: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(1).normal(0, 1e-3, len(samples))
    return samples + noise.astype(np.float32)


def test_its_probabilities_are_onnx_runtime_s() -> None:
    start_ms = TRUTH["utterances"][0]["start_ms"]
    probabilities = silero.detect_probabilities(with_noise(agent(start_ms, 4000)))
    expected = np.array(ONNX_RUNTIME.split(), dtype=float) / 1000
    assert len(probabilities) == len(expected)
    assert np.abs(probabilities - expected).max() < 0.01


@pytest.mark.parametrize("count", [0, 1, 511, 512, 513, 16_000])
def test_each_window_has_a_probability(count: int) -> None:
    probabilities = silero.detect_probabilities(np.full(count, 0.1, dtype=np.float32))
    assert len(probabilities) == -(-count // silero.WINDOW)
    assert np.all((probabilities >= 0) & (probabilities <= 1))


def test_digital_silence_is_no_speech_and_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    speech = agent(0, 8000)
    quiet = np.zeros(900 * silero.RATE, dtype=np.float32)
    quiet[-len(speech) :] = speech
    encode, windows = silero._encode, 0

    def count(part: np.ndarray, weights: Any) -> np.ndarray:
        nonlocal windows
        windows += len(part)
        return encode(part, weights)

    monkeypatch.setattr(silero, "_encode", count)
    probabilities = silero.detect_probabilities(quiet)
    assert 0 < windows < len(speech) / silero.WINDOW + 10, "only what is not silent is looked at"
    assert not probabilities[: len(probabilities) * 98 // 100].any()
    assert probabilities.max() > 0.99


def test_silence_between_speech_is_left_out_without_changing_the_speech_after_it() -> None:
    """The memory of what was before the silence has decayed when the rest is left out."""
    speech, pause = with_noise(agent(600, 3500)), np.zeros(10 * silero.RATE, dtype=np.float32)
    again = silero.detect_probabilities(np.concatenate([speech, pause, speech]))
    count = len(speech) // silero.WINDOW
    first, second = again[:count], again[-count:]
    assert np.mean((first >= 0.5) == (second >= 0.5)) > 0.95
