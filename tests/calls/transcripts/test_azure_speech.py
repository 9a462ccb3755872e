"""Microsoft's own client against the documented shape of Azure AI Speech."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessToken, AzureKeyCredential

from calls.errors import TranscriptionFailed
from calls.transcripts.azure_speech import AzureSpeech
from calls.transcripts.model import Word
from contract import wav
from tests.calls.transcripts.speech_service import SpeechService

WAV_FILE = wav.header(16_000, 320) + bytes(320)
KEY = AzureKeyCredential("key")


class Identity:
    """A managed identity that keeps the scopes that it was asked for."""

    def __init__(self) -> None:
        self.scopes: set[str] = set()

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.scopes |= set(scopes)
        return AccessToken("the-token", int(time.time()) + 3600)


async def test_a_file_is_sent_and_its_phrases_and_words_are_returned(
    speech_service: SpeechService,
) -> None:
    engine = AzureSpeech(speech_service.endpoint + "/", KEY)
    (phrase,) = await engine.transcribe(WAV_FILE, diarize=False, locales=["en-GB"])
    assert (phrase.text, phrase.start_ms, phrase.end_ms) == ("file number 1.", 200, 1050)
    assert phrase.words == [
        Word(200, 450, "file"),
        Word(500, 750, "number"),
        Word(800, 1050, "1."),
    ]
    assert phrase.speaker is None
    (request,) = speech_service.requests
    assert (request["key"], request["samples"]) == ("key", 160)
    assert request["definition"] == {"locales": ["en-GB"]}
    await engine.close()


@pytest.mark.parametrize(
    ("locales", "definition"),
    [(["de-DE", "en-US"], {"locales": ["de-DE", "en-US"]}), ([], {"locales": []})],
)
async def test_the_language_is_one_of_the_candidates_or_detected(
    speech_service: SpeechService, locales: list[str], definition: dict[str, Any]
) -> None:
    engine = AzureSpeech(speech_service.endpoint, KEY)
    (phrase,) = await engine.transcribe(WAV_FILE, diarize=False, locales=locales)
    assert phrase.locale == "en-US", "what the service answers"
    assert speech_service.requests[0]["definition"] == definition
    await engine.close()


async def test_diarization_is_requested_for_voices_to_tell_apart(
    speech_service: SpeechService,
) -> None:
    engine = AzureSpeech(speech_service.endpoint, KEY)
    (phrase,) = await engine.transcribe(WAV_FILE, diarize=True, locales=["en-GB"])
    assert phrase.speaker == 1
    (request,) = speech_service.requests
    assert request["definition"]["diarization"]["maxSpeakers"] > 1
    await engine.close()


@pytest.mark.parametrize(("confidence", "count"), [(0.29, 0), (0.3, 1)])
async def test_a_phrase_without_confidence_is_refused(
    speech_service: SpeechService, confidence: float, count: int
) -> None:
    speech_service.confidence = confidence
    engine = AzureSpeech(speech_service.endpoint, KEY)
    assert len(await engine.transcribe(WAV_FILE, diarize=False, locales=["en-US"])) == count
    await engine.close()


async def test_a_managed_identity_s_token_is_sent_only_over_tls(
    speech_service: SpeechService, tmp_path: Path
) -> None:
    """The client itself refuses to send one unencrypted."""
    identity = Identity()
    unencrypted = AzureSpeech(speech_service.endpoint, identity)
    with pytest.raises(TranscriptionFailed):
        await unencrypted.transcribe(WAV_FILE, diarize=False, locales=["en-GB"])
    assert speech_service.requests == []
    certificate, endpoint = await speech_service.listen_with_tls(tmp_path)
    encrypted = AzureSpeech(endpoint, identity, connection_verify=str(certificate))
    (phrase,) = await encrypted.transcribe(WAV_FILE, diarize=False, locales=["en-GB"])
    assert phrase.text == "file number 1."
    assert speech_service.requests[0]["authorization"] == "Bearer the-token"
    assert identity.scopes == {"https://cognitiveservices.azure.com/.default"}
    await unencrypted.close()
    await encrypted.close()


async def test_an_error_answer_is_one_failure_with_its_message(
    speech_service: SpeechService,
) -> None:
    """The job counts and logs the tries, so the client must not retry."""
    speech_service.failures = 1000
    engine = AzureSpeech(speech_service.endpoint, KEY)
    with pytest.raises(TranscriptionFailed, match=r"answered 429: TooManyRequests: wait a little"):
        await engine.transcribe(WAV_FILE, diarize=False, locales=["en-GB"])
    assert len(speech_service.requests) == 1
    await engine.close()


async def test_an_unreachable_service_is_a_failure() -> None:
    engine = AzureSpeech("http://127.0.0.1:9", KEY)
    with pytest.raises(TranscriptionFailed, match="did not answer: ServiceRequestError"):
        await engine.transcribe(WAV_FILE, diarize=False, locales=["en-GB"])
    await engine.close()
