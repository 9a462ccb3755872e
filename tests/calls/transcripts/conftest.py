"""The stand-in for Azure AI Speech, alone and as the engine of the app."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from azure.core.credentials import AzureKeyCredential

from calls.transcripts.azure_speech import AzureSpeech
from tests.calls.engines import UseEngine
from tests.calls.transcripts.speech_service import SpeechService


@pytest_asyncio.fixture
async def speech_service() -> AsyncIterator[SpeechService]:
    service = SpeechService()
    await service.start()
    yield service
    await service.stop()


@pytest_asyncio.fixture
async def azure(use_engine: UseEngine, speech_service: SpeechService) -> SpeechService:
    """The app transcribes with Azure's client."""
    credential = AzureKeyCredential("key")
    use_engine(AzureSpeech(speech_service.endpoint, credential))
    return speech_service
