"""Whisper on this machine: faster-whisper with a CTranslate2 model, for local development.

It is not deployed: package and model are in requirements-dev. They are loaded for the first chunk.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import numpy as np

from calls.errors import TranscriptionFailed
from calls.locales import language_of
from calls.transcripts.engine import Phrase
from calls.transcripts.model import Word
from contract import wav
from event_log import log_event

_RATE = 16_000

_MAX_NO_SPEECH_PROBABILITY = 0.7
_MIN_LOG_PROBABILITY = -1.0
"""Whisper refuses a phrase that passes both of its thresholds, 0.6 and -1; here, one is enough: in
noise and hum it says "You" with a no-speech probability of 0.8 and more, but a log probability of
-0.5 to -1. In speech, these were at least -0.5, and at most 0.62: there, where the audio begins in
the middle of a word. The no-speech probability is of the whole window: 0.6 refused 27 s of speech.
"""

_log = logging.getLogger(__name__)


class Whisper:
    """Transcribes with a local model, without telling voices apart.

    ``model`` is a folder with ``model.bin``.
    """

    provider = "local"
    diarizes = False
    max_chunk_ms = 30_000
    """Whisper's window is 30 s."""
    max_pause_ms = 10_000

    def __init__(self, model: str) -> None:
        self.name = f"whisper {model.rstrip('/').rpartition('/')[2]}"
        self._folder = model
        self._model: Any = None
        self._lock = asyncio.Lock()

    async def transcribe(
        self,
        wav_file: bytes,
        *,
        diarize: bool,  # noqa: ARG002
        locales: Sequence[str],
    ) -> list[Phrase]:
        """Transcribe a WAV file. Raises TranscriptionFailed."""
        languages = list(dict.fromkeys(map(language_of, locales)))
        async with self._lock:
            return await asyncio.to_thread(self._transcribe, wav_file, languages)

    async def close(self) -> None:
        """Nothing is open."""

    def _transcribe(self, wav_file: bytes, languages: Sequence[str]) -> list[Phrase]:
        samples = _samples_at_16_khz(wav_file)
        try:
            segments, information = self._load_model().transcribe(
                samples,
                language=self._choose_language(samples, languages),
                word_timestamps=True,
                condition_on_previous_text=False,
            )
            return [
                _to_phrase(segment, information.language)
                for segment in segments
                if self._is_speech(segment)
            ]
        except (ImportError, OSError, RuntimeError, ValueError) as error:
            raise TranscriptionFailed(f"Whisper failed: {error}") from error

    def _choose_language(self, samples: np.ndarray, languages: Sequence[str]) -> str | None:
        """Choose the likeliest of the candidates; None if any language is possible."""
        model = self._load_model()
        if not languages:
            return None
        if not model.model.is_multilingual:
            if "en" not in languages:
                raise TranscriptionFailed(
                    f"the {self.name} model knows only English, not {' or '.join(languages)}: "
                    "set WHISPER_MODEL to a multilingual model"
                )
            return "en"
        if len(languages) == 1:
            return languages[0]
        _, _, all_languages = model.detect_language(samples)
        probabilities = dict(all_languages)
        return max(languages, key=lambda language: probabilities.get(language, 0.0))

    def _is_speech(self, segment: Any) -> bool:
        refused = (
            segment.no_speech_prob > _MAX_NO_SPEECH_PROBABILITY
            or segment.avg_logprob < _MIN_LOG_PROBABILITY
        )
        if refused:
            log_event(
                _log,
                logging.INFO,
                "phrase_refused",
                engine=self.name,
                no_speech_probability=round(segment.no_speech_prob, 2),
                log_probability=round(segment.avg_logprob, 2),
            )
        return not refused

    def _load_model(self) -> Any:
        if self._model is None:
            from faster_whisper import WhisperModel

            self._model = WhisperModel(
                self._folder, device="cpu", compute_type="int8", local_files_only=True
            )
        return self._model


def _samples_at_16_khz(wav_file: bytes) -> np.ndarray:
    """The samples as Whisper expects them: at 16 kHz, from -1 to 1."""
    samples = np.frombuffer(wav.samples(wav_file), dtype="<i2").astype(np.float32) / 32_768
    rate = wav.parse(wav_file).sample_rate
    if rate == _RATE:
        return samples
    positions = np.arange(0, len(samples) * _RATE // rate) * (rate / _RATE)
    resampled: np.ndarray = np.interp(positions, np.arange(len(samples)), samples).astype(
        np.float32
    )
    return resampled


def _to_phrase(segment: Any, language: str) -> Phrase:
    return Phrase(
        start_ms=round(segment.start * 1000),
        end_ms=round(segment.end * 1000),
        text=segment.text.strip(),
        words=[
            Word(round(word.start * 1000), round(word.end * 1000), word.word.strip())
            for word in segment.words or []
        ],
        locale=language,
    )
