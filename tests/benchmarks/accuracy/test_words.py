"""Counting the words of an engine, with one that always says the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from benchmarks.accuracy import words
from benchmarks.accuracy.detection import Recording
from calls.transcripts.engine import Phrase
from contract import wav
from tests.benchmarks.accuracy.recordings import demo_recording
from tests.calls.engines import ScriptedEngine


class Parrot(ScriptedEngine):
    """Says ``text`` to whatever has a sample that is not zero, and keeps the lengths it got."""

    max_chunk_ms, max_pause_ms = 30_000, 10_000

    def __init__(self, text: str) -> None:
        self.text, self.seconds = text, list[float]()

    async def transcribe(
        self, wav_file: bytes, *, diarize: bool, locales: Sequence[str]
    ) -> list[Phrase]:
        samples = wav.samples(wav_file)
        self.seconds.append(len(samples) / 32_000)
        return [Phrase(start_ms=0, end_ms=1, text=self.text)] if any(samples) else []


def test_word_errors_are_counted_in_the_speech_only() -> None:
    voice = demo_recording("austen_0930", "agent", 0, 1)
    silence = np.zeros(160_000)
    recording = Recording(voice.name, np.concatenate([silence, voice.samples]), voice.labels)
    engine = Parrot("He might even have been made amiable, myself.")
    errors = words.measure_words(engine, "clean", [recording], lambda samples: samples)
    assert errors.rate == pytest.approx(1 / 8)
    assert sum(engine.seconds) < len(voice.samples) / 16_000 + 1
    perfect = Parrot(words.SPOKEN["austen_0930"].title())
    assert words.measure_words(perfect, "clean", [recording], lambda samples: samples).rate == 0


def test_invented_words_are_told() -> None:
    invented = words.find_invented_words(Parrot("You"))
    assert invented["pink noise, -20 dBFS"] == "You"
    assert "digital silence, -20 dBFS" not in invented
