"""The choice of the engine by TRANSCRIPTION."""

from __future__ import annotations

import pytest

from calls.clients import Clients
from calls.settings import Settings, Transcription
from calls.transcripts.azure_speech import AzureSpeech
from calls.transcripts.engine import Engine
from calls.transcripts.engines import get_engine
from calls.transcripts.whisper import Whisper


def create_clients(transcription: Transcription) -> Clients:
    return Clients(
        Settings(
            audio_storage="UseDevelopmentStorage=true",
            acs_endpoint="https://acs.example",
            acs_access_key="c2VjcmV0",
            callback_token_check="off",
            transcription=transcription,
            speech_endpoint="https://speech.example",
            speech_key="key",
            whisper_model="/models/small",
        )
    )


@pytest.mark.parametrize(
    ("transcription", "engine_type", "name"),
    [
        ("off", type(None), None),
        ("local", Whisper, "whisper small"),
        ("azure", AzureSpeech, "azure"),
    ],
)
async def test_the_engine_that_the_setting_names(
    transcription: Transcription, engine_type: type[Engine | None], name: str | None
) -> None:
    clients = create_clients(transcription)
    engine = get_engine(clients)
    assert isinstance(engine, engine_type)
    if engine is not None:
        assert (engine.provider, engine.name) == (transcription, name)
    assert get_engine(clients) is engine
    await clients.close()


async def test_two_clients_have_an_engine_each() -> None:
    first, second = create_clients("local"), create_clients("local")
    assert get_engine(first) is not get_engine(second)
    await first.close()
    await second.close()


async def test_the_engine_is_closed_with_its_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []

    async def close(engine: AzureSpeech) -> None:
        closed.append(engine)

    monkeypatch.setattr(AzureSpeech, "close", close)
    clients = create_clients("azure")
    engine = get_engine(clients)
    assert closed == []
    await clients.close()
    assert closed == [engine]
