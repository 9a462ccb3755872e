"""The choice of the engine by TRANSCRIPTION."""

from __future__ import annotations

from azure.core.credentials import AzureKeyCredential

from calls.settings import Settings
from calls.transcripts.azure_speech import AzureSpeech
from calls.transcripts.engines import create_engine
from calls.transcripts.whisper import Whisper


def test_off_has_no_engine() -> None:
    assert create_engine(Settings(), None) is None


async def test_azure() -> None:
    settings = Settings(
        transcription="azure",
        transcription_locale="de-DE",
        speech_endpoint="https://speech.example",
    )
    engine = create_engine(settings, AzureKeyCredential("key"))
    assert isinstance(engine, AzureSpeech)
    assert (engine.provider, engine.name) == ("azure", "azure de-DE")
    await engine.close()


def test_local() -> None:
    settings = Settings(transcription="local", whisper_model="/models/small")
    engine = create_engine(settings, None)
    assert isinstance(engine, Whisper)
    assert (engine.provider, engine.name) == ("local", "whisper small en-US")
