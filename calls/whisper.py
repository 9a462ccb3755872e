"""Whisper on this machine: faster-whisper with a CTranslate2 model folder, for the laptop.

Not deployed: the package and the model are in requirements-dev, and loaded at the first passage.
"""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np

from calls.transcribers import TranscriptionFailed
from calls.transcript import Heard, Word
from contract import wav

_RATE = 16_000


class Whisper:
    """``model`` is a folder with ``model.bin``. It tells no voices apart."""

    provider = "local"
    longest_ms = 30_000
    """Whisper hears 30 s at a time."""
    pause_ms = 10_000

    def __init__(self, model: str, *, locale: str) -> None:
        self.name = f"whisper {model.rstrip('/').rpartition('/')[2]} {locale}"
        self._folder = model
        self._language = locale.partition("-")[0].lower()
        self._model: Any = None
        self._one_at_a_time = asyncio.Lock()

    async def hear(self, file: bytes, *, speakers: bool) -> list[Heard]:
        """What is said in a WAV file. Raises TranscriptionFailed."""
        async with self._one_at_a_time:
            return await asyncio.to_thread(self._hear, file)

    async def close(self) -> None:
        """Nothing is open."""

    def _hear(self, file: bytes) -> list[Heard]:
        try:
            segments, _ = self._loaded().transcribe(
                _at_16_khz(file),
                language=self._language,
                word_timestamps=True,
                condition_on_previous_text=False,
            )
            return [_heard(segment) for segment in segments]
        except (ImportError, OSError, RuntimeError, ValueError) as error:
            raise TranscriptionFailed(f"Whisper failed: {error}") from error

    def _loaded(self) -> Any:
        if self._model is None:
            from faster_whisper import WhisperModel

            self._model = WhisperModel(
                self._folder, device="cpu", compute_type="int8", local_files_only=True
            )
        return self._model


def _at_16_khz(file: bytes) -> np.ndarray:
    """The samples as Whisper wants them: 16 kHz, from -1 to 1."""
    heard = np.frombuffer(wav.samples(file), dtype="<i2").astype(np.float32) / 32_768
    rate = wav.parse(file).sample_rate
    if rate == _RATE:
        return heard
    at = np.arange(0, len(heard) * _RATE // rate) * (rate / _RATE)
    resampled: np.ndarray = np.interp(at, np.arange(len(heard)), heard).astype(np.float32)
    return resampled


def _heard(segment: Any) -> Heard:
    return Heard(
        start_ms=round(segment.start * 1000),
        end_ms=round(segment.end * 1000),
        text=segment.text.strip(),
        words=[
            Word(round(word.start * 1000), round(word.end * 1000), word.word.strip())
            for word in segment.words or []
        ],
    )
