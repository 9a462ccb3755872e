"""Azure AI Speech: its fast transcription, by Microsoft's own client and managed identity.

Source: https://learn.microsoft.com/azure/ai-services/speech-service/fast-transcription-create and
the package ``azure-ai-transcription``: a file under 2 hours and 250 MB, answered with phrases and
the times of their words; voices are told apart in a file that mixes them.
"""

from __future__ import annotations

from typing import Any

from azure.ai.transcription.aio import TranscriptionClient
from azure.ai.transcription.models import (
    TranscribedPhrase,
    TranscriptionContent,
    TranscriptionDiarizationOptions,
    TranscriptionOptions,
)
from azure.core.exceptions import AzureError, HttpResponseError

from calls.transcribers import TranscriptionFailed
from calls.transcript import Heard, Word

_MOST_SPEAKERS = 8
_READ_TIMEOUT_SECONDS = 300


class AzureSpeech:
    """``credential`` is a token's, or an AzureKeyCredential."""

    provider = "azure"
    longest_ms = 20 * 60 * 1000
    """Of 24 kHz: 58 MB, which a small function holds twice while it sends it."""
    pause_ms = 30_000

    def __init__(self, endpoint: str, credential: Any, *, locale: str, **options: Any) -> None:
        self.name = f"azure {locale}"
        self._locale = locale
        # Tries are counted by the transcript's own maker, which tells of them.
        self._client = TranscriptionClient(
            endpoint.rstrip("/"),
            credential,
            read_timeout=_READ_TIMEOUT_SECONDS,
            retry_total=0,
            **options,
        )

    async def hear(self, file: bytes, *, speakers: bool) -> list[Heard]:
        """What is said in a WAV file. Raises TranscriptionFailed."""
        options = TranscriptionOptions(locales=[self._locale])
        if speakers:
            options.diarization_options = TranscriptionDiarizationOptions(
                max_speakers=_MOST_SPEAKERS
            )
        content = TranscriptionContent(definition=options, audio=("audio.wav", file, "audio/wav"))
        try:
            result = await self._client.transcribe(content)
        except HttpResponseError as error:
            word = error.error
            said = f"{word.code}: {word.message}" if word is not None else str(error.reason)
            raise TranscriptionFailed(
                f"Azure AI Speech answered {error.status_code}: {said}"
            ) from error
        except AzureError as error:
            raise TranscriptionFailed(
                f"Azure AI Speech did not answer: {type(error).__name__}"
            ) from error
        return [_heard(phrase) for phrase in result.phrases]

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


def _heard(phrase: TranscribedPhrase) -> Heard:
    start = phrase.offset_milliseconds
    words = [
        Word(
            word.offset_milliseconds,
            word.offset_milliseconds + word.duration_milliseconds,
            word.text,
        )
        for word in phrase.words or []
    ]
    return Heard(
        start_ms=start,
        end_ms=start + phrase.duration_milliseconds,
        text=phrase.text,
        words=words,
        speaker=phrase.speaker,
    )
