"""The choice of the speech-to-text engine (TRANSCRIPTION)."""

from __future__ import annotations

from functools import cache
from typing import Any

from azure.core.credentials import AzureKeyCredential

from calls.clients import Clients, managed_identity
from calls.transcripts.engine import Engine


@cache
def get_engine(clients: Clients) -> Engine | None:
    """The engine that TRANSCRIPTION names; None for ``off``.

    It is created, and its library loaded, at first use; it is closed with ``clients``.
    """
    settings = clients.settings
    engine: Engine
    if settings.transcription == "azure":
        from calls.transcripts.azure_speech import AzureSpeech

        key = settings.speech_key
        credential: Any = AzureKeyCredential(key) if key else managed_identity(settings)
        engine = AzureSpeech(settings.speech_endpoint, credential)
    elif settings.transcription == "local":
        from calls.transcripts.whisper import Whisper

        engine = Whisper(settings.whisper_model)
    else:
        return None
    clients.on_close(engine.close)
    return engine
