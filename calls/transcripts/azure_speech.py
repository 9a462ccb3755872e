"""Azure AI Speech: fast transcription, through Microsoft's own client and managed identity.

Source: https://learn.microsoft.com/azure/ai-services/speech-service/fast-transcription-create and
the package ``azure-ai-transcription``: a file under 2 hours and 250 MB, answered with phrases and
the times of their words. Diarization tells voices apart in a file that mixes them.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from azure.ai.transcription.aio import TranscriptionClient
from azure.ai.transcription.models import (
    TranscribedPhrase,
    TranscriptionContent,
    TranscriptionDiarizationOptions,
    TranscriptionOptions,
)
from azure.core.exceptions import AzureError, HttpResponseError

from calls.errors import TranscriptionFailed
from calls.transcripts.engine import Phrase
from calls.transcripts.model import Word
from event_log import log_event

_MAX_SPEAKERS = 8
_READ_TIMEOUT_SECONDS = 300

_MIN_CONFIDENCE = 0.3
"""A phrase with less is refused. Cautious: it was not measured, and words should not be lost."""

_log = logging.getLogger(__name__)


class AzureSpeech:
    """Transcribes with Azure AI Speech.

    ``credential`` is a token credential or an AzureKeyCredential; ``options`` go to the client.
    """

    provider = name = "azure"
    diarizes = True
    max_chunk_ms = 20 * 60 * 1000
    """58 MB at 24 kHz, of which a function holds two copies while it sends them."""
    max_pause_ms = 30_000

    def __init__(self, endpoint: str, credential: Any, **options: Any) -> None:
        # No retries here: the job retries, and logs each attempt.
        self._client = TranscriptionClient(
            endpoint.rstrip("/"),
            credential,
            read_timeout=_READ_TIMEOUT_SECONDS,
            retry_total=0,
            **options,
        )

    async def transcribe(
        self, wav_file: bytes, *, diarize: bool, locales: Sequence[str]
    ) -> list[Phrase]:
        """Transcribe a WAV file. Raises TranscriptionFailed.

        With an empty list of locales, Azure's multilingual model is used: it knows 15 locales.
        """
        options = TranscriptionOptions(locales=list(locales))
        if diarize:
            options.diarization_options = TranscriptionDiarizationOptions(
                max_speakers=_MAX_SPEAKERS
            )
        content = TranscriptionContent(
            definition=options, audio=("audio.wav", wav_file, "audio/wav")
        )
        try:
            result = await self._client.transcribe(content)
        except HttpResponseError as error:
            details = error.error
            message = (
                f"{details.code}: {details.message}" if details is not None else str(error.reason)
            )
            raise TranscriptionFailed(
                f"Azure AI Speech answered {error.status_code}: {message}"
            ) from error
        except AzureError as error:
            raise TranscriptionFailed(
                f"Azure AI Speech did not answer: {type(error).__name__}"
            ) from error
        return [_to_phrase(phrase) for phrase in result.phrases if self._is_speech(phrase)]

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _is_speech(self, phrase: TranscribedPhrase) -> bool:
        confidence = phrase.confidence
        if confidence is None or confidence >= _MIN_CONFIDENCE:
            return True
        log_event(
            _log,
            logging.INFO,
            "phrase_refused",
            engine=self.name,
            confidence=round(confidence, 2),
        )
        return False


def _to_phrase(phrase: TranscribedPhrase) -> Phrase:
    start = phrase.offset_milliseconds
    words = [
        Word(
            word.offset_milliseconds,
            word.offset_milliseconds + word.duration_milliseconds,
            word.text,
        )
        for word in phrase.words or []
    ]
    return Phrase(
        start_ms=start,
        end_ms=start + phrase.duration_milliseconds,
        text=phrase.text,
        words=words,
        speaker=phrase.speaker,
        locale=phrase.locale,
    )
