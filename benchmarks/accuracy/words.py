"""Word error rates of local Whisper, on the speech that was detected, and words in other sounds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.accuracy import sounds
from benchmarks.accuracy.detection import Recording, detect
from benchmarks.accuracy.sounds import RATE, to_pcm
from calls.transcripts.chunks import plan_chunks, silence_pauses
from calls.transcripts.engine import Engine
from contract import wav
from local.wer import word_error_rate

SPOKEN = {
    "austen_0870": "and mister john dashwood had then leisure to consider how much there might be "
    "prudently in his power to do for them",
    "austen_0880": "he was not an ill disposed young man",
    "austen_0890": "unless to be rather cold hearted and rather selfish is to be ill disposed",
    "austen_0920": "had he married a more amiable woman he might have been made still more "
    "respectable than he was",
    "austen_0930": "he might even have been made amiable himself",
    "jfk": "and so my fellow americans ask not what your country can do for you ask what you can "
    "do for your country",
}
SOUND_SECONDS = 10


class WordErrors(NamedTuple):
    """The word error rate of all recordings together in one condition."""

    condition: str
    rate: float


def measure_words(
    engine: Engine,
    condition: str,
    recordings: Sequence[Recording],
    change: Callable[[np.ndarray], np.ndarray],
) -> WordErrors:
    """Transcribe the detected speech of each recording, and count the wrong words."""
    wrong = total = 0.0
    for recording in recordings:
        samples = change(recording.samples)
        text = " ".join(_transcribe(engine, samples)).lower().replace("mr.", "mister")
        count = len(SPOKEN[recording.name].split())
        wrong += word_error_rate(SPOKEN[recording.name], text) * count
        total += count
    return WordErrors(condition, wrong / total)


def find_invented_words(engine: Engine) -> dict[str, str]:
    """Send each sound without speech to the engine as it is, and return what it "understood"."""
    invented = {}
    for name, sound in sounds.make_sounds(SOUND_SECONDS).items():
        for dbfs in (-20.0, -40.0):
            samples = sounds.to_telephone(sounds.set_level(sound, dbfs))
            if text := " ".join(_run(engine, to_pcm(samples))):
                invented[f"{name}, {dbfs:.0f} dBFS"] = text
    return invented


def _transcribe(engine: Engine, samples: np.ndarray) -> list[str]:
    """Transcribe as the job does: only what was detected as speech."""
    speech, end_ms = detect(samples), len(samples) * 1000 // RATE
    texts = []
    for chunk in plan_chunks(speech, engine.max_chunk_ms, engine.max_pause_ms, end_ms):
        start, end = (at_ms * RATE // 1000 for at_ms in chunk)
        pcm = to_pcm(samples[start:end])
        texts += _run(engine, silence_pauses(pcm, RATE, chunk, speech))
    return texts


def _run(engine: Engine, pcm: bytes) -> list[str]:
    wav_file = wav.header(RATE, len(pcm)) + pcm
    phrases = asyncio.run(engine.transcribe(wav_file, diarize=False, locales=["en-US"]))
    return [phrase.text for phrase in phrases]
