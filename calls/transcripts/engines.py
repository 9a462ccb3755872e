"""The choice of the speech-to-text engine (TRANSCRIPTION)."""

from __future__ import annotations

from typing import Any

from calls.settings import Settings
from calls.transcripts.engine import Engine


def create_engine(settings: Settings, credential: Any) -> Engine | None:
    """Create the engine that TRANSCRIPTION names; None for ``off``. Its module is loaded here.

    Args:
        settings: The app's settings.
        credential: For Azure AI Speech: a token credential or an AzureKeyCredential.
    """
    if settings.transcription == "azure":
        from calls.transcripts.azure_speech import AzureSpeech

        return AzureSpeech(
            settings.speech_endpoint, credential, locale=settings.transcription_locale
        )
    if settings.transcription == "local":
        from calls.transcripts.whisper import Whisper

        return Whisper(settings.whisper_model, locale=settings.transcription_locale)
    return None
