"""Silero's neural voice activity detector, version 6.2.3, run by NumPy alone. Pure.

The network is small (240,000 weights): the spectrum of each window of 32 ms, four convolutions, and
one LSTM layer with 128 cells. ``silero.npz`` has its weights, rounded to half precision, from
``silero_vad_16k_op15.onnx`` of the package ``silero-vad`` 6.2.3 (MIT licence: ``silero.LICENSE``).
A test compares the probabilities with those of ONNX Runtime: they differ by less than 0.01.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

RATE = 16_000
WINDOW = 512
"""Samples of one decision: 32 ms."""

_CONTEXT = 64
_DFT = 256
_HOP = 128
_BINS = _DFT // 2 + 1
_SPECTRA = 4
_CELLS = 128
_BLOCK = 256
"""Windows that are encoded at once, which bounds the memory."""
_TAIL = 8
"""Windows of digital silence that are still run, so that the LSTM's memory of speech decays."""
_STRIDES = (1, 2, 2, 1)

_Array = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


class _Weights(NamedTuple):
    """The network's matrices, transposed for ``rows @ matrix``."""

    convolutions: list[tuple[_Array, _Array]]
    input_gates: _Array
    state_gates: _Array
    gate_bias: _Array
    output: _Array
    output_bias: np.float32


def detect_probabilities(samples: np.ndarray) -> np.ndarray:
    """Return the probability of speech in each window of 32 ms; the last one may be incomplete.

    Digital silence has the probability 0, and costs nothing.

    Args:
        samples: Mono audio at 16 kHz, float32, from -1 to 1.
    """
    count = -(-len(samples) // WINDOW)
    padded = np.zeros(_CONTEXT + count * WINDOW, dtype=np.float32)
    padded[_CONTEXT : _CONTEXT + len(samples)] = samples
    probabilities = np.zeros(count, dtype=np.float32)
    is_sound = padded[_CONTEXT:].reshape(count, WINDOW).any(axis=1)
    if not is_sound.any():
        return probabilities
    run = np.flatnonzero(np.convolve(is_sound, np.ones(_TAIL + 1))[:count])
    # Each window is read with the last 64 samples of the one before.
    windows = np.lib.stride_tricks.sliding_window_view(padded, _CONTEXT + WINDOW)[::WINDOW]
    weights = _load_weights()
    encoded = np.concatenate(
        [
            _encode(windows[run[first : first + _BLOCK]], weights)
            for first in range(0, len(run), _BLOCK)
        ]
    )
    probabilities[run] = _decode(encoded, weights)
    return probabilities


@cache
def _load_weights() -> _Weights:
    with np.load(Path(__file__).with_suffix(".npz")) as file:
        arrays = {name: file[name].astype(np.float32) for name in file.files}
    # sigmoid(x) = 0.5 + 0.5 tanh(x / 2): with i, f and o halved, one tanh serves all four gates.
    halves = np.repeat(np.array([0.5, 0.5, 1, 0.5], dtype=np.float32), _CELLS)
    return _Weights(
        convolutions=[
            (
                np.ascontiguousarray(kernel.transpose(2, 1, 0).reshape(-1, len(kernel))),
                arrays[f"encoder.{layer}.bias"],
            )
            for layer in range(len(_STRIDES))
            for kernel in [arrays[f"encoder.{layer}.weight"]]
        ],
        input_gates=np.ascontiguousarray(arrays["rnn.weight_ih"].T) * halves,
        state_gates=np.ascontiguousarray(arrays["rnn.weight_hh"].T) * halves,
        gate_bias=(arrays["rnn.bias_ih"] + arrays["rnn.bias_hh"]) * halves,
        output=arrays["decoder.weight"].reshape(_CELLS),
        output_bias=arrays["decoder.bias"][0],
    )


def _encode(windows: np.ndarray, weights: _Weights) -> np.ndarray:
    """Encode windows (n, 576) as features (n, 128)."""
    mirrored = np.concatenate([windows, windows[:, -2 : -_CONTEXT - 2 : -1]], axis=1)
    frames = np.lib.stride_tricks.sliding_window_view(mirrored, _DFT, axis=1)[:, ::_HOP]
    hann = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_DFT) / _DFT)).astype(np.float32)
    features = np.abs(np.fft.rfft(frames * hann)).astype(np.float32)
    for (kernel, bias), stride in zip(weights.convolutions, _STRIDES, strict=True):
        features = _convolve(features, kernel, bias, stride)
    return features[:, 0]


def _convolve(features: np.ndarray, kernel: _Array, bias: _Array, stride: int) -> np.ndarray:
    """Convolve (n, times, channels) with a kernel of three times, then keep what is positive."""
    count, times, channels = features.shape
    padded = np.zeros((count, times + 2, channels), dtype=np.float32)
    padded[:, 1:-1] = features
    taps = np.lib.stride_tricks.sliding_window_view(
        padded.reshape(count, -1), 3 * channels, axis=1
    )[:, :: channels * stride]
    convolved = taps.reshape(-1, 3 * channels) @ kernel
    convolved += bias
    np.maximum(convolved, 0, out=convolved)
    return convolved.reshape(count, -1, len(bias))


def _decode(encoded: np.ndarray, weights: _Weights) -> np.ndarray:
    """Run the LSTM over features (n, 128) in their order, and return the probabilities."""
    gates = encoded @ weights.input_gates
    gates += weights.gate_bias
    outputs = np.empty_like(encoded)
    output = np.zeros(_CELLS, dtype=np.float32)
    cell = np.zeros(_CELLS, dtype=np.float32)
    for index, from_input in enumerate(gates):
        activated = np.tanh(from_input + output @ weights.state_gates)
        admit, keep, _, show = 0.5 + 0.5 * activated.reshape(4, _CELLS)
        cell = keep * cell + admit * activated[2 * _CELLS : 3 * _CELLS]
        output = show * np.tanh(cell)
        outputs[index] = output
    logits = np.maximum(outputs, 0) @ weights.output + weights.output_bias
    probabilities: np.ndarray = 0.5 + 0.5 * np.tanh(logits / 2)
    return probabilities
