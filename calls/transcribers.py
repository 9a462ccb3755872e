"""The one small interface of all that turns speech into text, and which one a setting chooses."""

from __future__ import annotations

from typing import Any, Protocol

from calls.settings import Settings
from calls.transcript import Heard


class TranscriptionFailed(Exception):
    """Raised when a passage could not be transcribed; the text may be shown to people."""


class Transcriber(Protocol):
    """Turns one passage of speech into text.

    ``name`` is the provider with its model or locale: what was heard is kept under it.
    ``longest_ms`` is the longest passage that it takes, ``pause_ms`` the longest pause in one.
    """

    provider: str
    name: str
    longest_ms: int
    pause_ms: int

    async def hear(self, file: bytes, *, speakers: bool) -> list[Heard]:
        """What is said in a WAV file of one channel; ``speakers`` tells voices apart.

        Raises TranscriptionFailed.
        """
        ...

    async def close(self) -> None:
        """Close connections."""
        ...


def choose(settings: Settings, credential: Any) -> Transcriber | None:
    """The transcriber that TRANSCRIPTION names; None for ``off``. Its module is loaded here."""
    if settings.transcription == "azure":
        from calls.azure_speech import AzureSpeech

        return AzureSpeech(
            settings.speech_endpoint, credential, locale=settings.transcription_locale
        )
    if settings.transcription == "local":
        from calls.whisper import Whisper

        return Whisper(settings.whisper_model, locale=settings.transcription_locale)
    return None
