"""Making transcripts: retries, claims and what is kept, with a stand-in for Azure AI Speech."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from azure.core.credentials import AzureKeyCredential

from calls import blobs
from calls.errors import TranscriptionFailed
from calls.http import results, transcripts
from calls.pipeline import transcription
from calls.records.model import CallRecord
from calls.records.store import change_record
from calls.transcripts import job
from calls.transcripts.azure_speech import AzureSpeech
from calls.transcripts.engine import Phrase
from calls.transcripts.messages import decode_message
from calls.transcripts.model import SCHEMA, State, Transcript
from tests.calls.engines import ScriptedEngine, Transcribe, UseEngine
from tests.calls.handler_requests import create_record, decode_body, send_request
from tests.calls.sample_streams import (
    STARTED_AT,
    TRUTH,
    SampleStream,
    conversation,
    new_call_id,
)
from tests.calls.stream_uploader import MAX_DEQUEUE_COUNT, StreamUploader, send_nothing
from tests.calls.transcripts.speech_service import SpeechService

AGENT, CALLER = "4:+15550000001", "4:+15550000002"


async def read_transcript(uploader: StreamUploader, call: str) -> Transcript:
    transcript = await job.read_transcript(uploader.storage, call)
    assert transcript is not None
    return transcript


def unmixed_stream(call: str) -> SampleStream:
    return SampleStream(call, {AGENT: conversation("agent"), CALLER: conversation("caller")})


def mixed_stream(call: str, **options: Any) -> SampleStream:
    return SampleStream(call, {None: conversation("agent")}, **options)


async def test_each_track_is_sent_and_its_phrases_are_in_the_call_s_time(
    uploader: StreamUploader, azure: SpeechService
) -> None:
    call = new_call_id()
    await uploader.process(unmixed_stream(call))
    transcript = await read_transcript(uploader, call)
    assert (transcript.provider, transcript.state, transcript.error) == ("azure", "complete", None)
    assert [request["key"] for request in azure.requests] == ["key", "key"]
    assert all(request["definition"] == {"locales": ["en-US"]} for request in azure.requests)
    first, second = transcript.utterances
    assert {first.participant, second.participant} == {AGENT, CALLER}
    assert first.text == "file number 1."
    assert first.start_ms == pytest.approx(TRUTH["utterances"][0]["start_ms"], abs=200)
    assert [word.text for word in first.words] == ["file", "number", "1."]
    assert first.start_ms < second.start_ms


async def test_utterances_have_their_participant_s_name(
    uploader: StreamUploader, azure: SpeechService
) -> None:
    call, long_id = new_call_id(), "8:acs:" + "ü" * 60

    def name_participants(record: CallRecord) -> bool:
        record.names = {long_id: "Zoë"}
        return True

    await create_record(uploader.clients, call)
    await change_record(uploader.storage, call, name_participants)
    pcm = {AGENT: conversation("agent"), long_id: conversation("caller")}
    await uploader.process(SampleStream(call, pcm))
    utterances = (await read_transcript(uploader, call)).utterances
    assert {(one.participant, one.name) for one in utterances} == {(AGENT, None), (long_id, "Zoë")}


@pytest.mark.parametrize(
    ("of_call", "setting", "definition"),
    [
        (["de-DE"], "en-US", {"locales": ["de-DE"]}),
        (["de-DE", "fr-FR"], "en-US", {"locales": ["de-DE", "fr-FR"]}),
        (["auto"], "en-US", {"locales": []}),
        (None, "da-DK,en-GB", {"locales": ["da-DK", "en-GB"]}),
        (None, "auto", {"locales": []}),
    ],
)
async def test_the_language_is_the_call_s_or_the_setting_s(
    uploader: StreamUploader,
    azure: SpeechService,
    of_call: list[str] | None,
    setting: str,
    definition: dict[str, Any],
) -> None:
    clients, call = uploader.clients, new_call_id()
    clients.settings = msgspec.structs.replace(clients.settings, transcription_locale=setting)

    def set_locales(record: CallRecord) -> bool:
        record.locales = of_call
        return True

    await create_record(clients, call)
    await change_record(uploader.storage, call, set_locales)
    stream = mixed_stream(call)
    await uploader.process(stream)
    (request,) = azure.requests
    del request["definition"]["diarization"]
    assert request["definition"] == definition
    (utterance,) = (await read_transcript(uploader, call)).utterances
    assert utterance.locale == "en-US", "what the service answers"


async def test_phrases_in_another_language_are_not_used_again(
    uploader: StreamUploader, azure: SpeechService
) -> None:
    call = new_call_id()
    await uploader.process(mixed_stream(call))
    await uploader.delete_blob(blobs.RESULTS, blobs.transcript_blob(call))
    await uploader.transcribe(call)
    assert len(azure.requests) == 1
    clients = uploader.clients
    clients.settings = msgspec.structs.replace(clients.settings, transcription_locale="de-DE")
    await uploader.delete_blob(blobs.RESULTS, blobs.transcript_blob(call))
    await uploader.transcribe(call)
    assert len(azure.requests) == 2


async def test_voices_in_a_mixed_track_are_told_apart(
    uploader: StreamUploader, azure: SpeechService
) -> None:
    call = new_call_id()
    await uploader.process(mixed_stream(call))
    (request,) = azure.requests
    assert request["definition"]["diarization"]["maxSpeakers"] > 1
    transcript = await read_transcript(uploader, call)
    (utterance,) = transcript.utterances
    assert (utterance.participant, utterance.speaker) == (None, 1)
    assert transcript.diarized is True


@pytest.mark.parametrize("is_mixed", [True, False])
async def test_a_transcript_says_that_voices_of_a_mixed_track_are_not_told_apart(
    uploader: StreamUploader, use_engine: UseEngine, *, is_mixed: bool
) -> None:
    async def transcribe() -> list[Phrase]:
        return []

    engine = ScriptedEngine(transcribe)
    engine.diarizes = False
    use_engine(engine)
    call = new_call_id()
    await uploader.process(mixed_stream(call) if is_mixed else unmixed_stream(call))
    assert (await read_transcript(uploader, call)).diarized is (False if is_mixed else None)


async def test_a_failed_chunk_is_retried(uploader: StreamUploader, azure: SpeechService) -> None:
    azure.failures = 2
    call = new_call_id()
    await uploader.process(mixed_stream(call))
    assert (await read_transcript(uploader, call)).state == "complete"
    assert len(azure.requests) == 3


async def test_a_failed_transcript_says_why_and_does_not_delay_the_recording(
    uploader: StreamUploader, azure: SpeechService
) -> None:
    azure.failures = 1000
    clients, call = uploader.clients, new_call_id()
    await create_record(clients, call)
    await uploader.process(unmixed_stream(call))
    partial = {"allow_partial": "true"}
    recording = await send_request(clients, results.send_recording, params=partial, id=call)
    assert recording.status_code == 307, "a link to it"
    transcript = decode_body(
        await send_request(clients, transcripts.show_transcript, params=partial, id=call)
    )
    assert (transcript["state"], transcript["utterances"]) == ("failed", [])
    assert transcript["error"].startswith("2 of 2 chunks failed: Azure AI Speech answered 429")
    assert "wait a little" in transcript["error"]
    azure.failures = 0
    await job.retry_failed(uploader.storage, call)
    await uploader.transcribe(call)
    transcript = decode_body(
        await send_request(clients, transcripts.show_transcript, params=partial, id=call)
    )
    assert transcript["state"] == "complete"


async def test_a_failed_run_says_why_and_its_transcript_is_pending(
    uploader: StreamUploader, azure: SpeechService
) -> None:
    azure.failures = 1000
    call = new_call_id()
    await uploader.assemble(unmixed_stream(call))
    with pytest.raises(TranscriptionFailed, match="2 of 2 chunks failed: Azure AI Speech"):
        await transcription.transcribe(uploader.clients, uploader.request(call), send_nothing)
    transcript = await read_transcript(uploader, call)
    assert (transcript.state, transcript.claimed_at) == ("pending", None)
    assert "2 of 2 chunks failed" in str(transcript.error)


async def test_a_transcript_fails_permanently_after_several_runs(
    uploader: StreamUploader, azure: SpeechService
) -> None:
    azure.failures = 1000
    call = new_call_id()
    await uploader.process(mixed_stream(call))
    for _ in range(3):
        await uploader.transcribe(call)
    assert len(azure.requests) == 3 * MAX_DEQUEUE_COUNT, "further messages do nothing"
    assert (await read_transcript(uploader, call)).state == "failed"


async def raise_type_error() -> list[Phrase]:
    raise TypeError("'NoneType' object is not iterable")


async def return_untyped_phrase() -> list[Phrase]:
    nothing: Any = None
    return [Phrase(start_ms=nothing, end_ms=500, text="Good day.")]


async def never_answer() -> list[Phrase]:
    await asyncio.sleep(600)
    return []


@pytest.mark.parametrize(
    ("transcribe", "try_seconds", "message"),
    [
        (raise_type_error, 60, "failed: TypeError"),
        (return_untyped_phrase, 60, "failed: ValidationError"),
        (never_answer, 0.01, "did not answer within"),
    ],
)
async def test_an_unexpected_answer_or_none_is_a_failure(
    uploader: StreamUploader,
    use_engine: UseEngine,
    monkeypatch: pytest.MonkeyPatch,
    transcribe: Transcribe,
    try_seconds: float,
    message: str,
) -> None:
    monkeypatch.setattr(job, "TRY_SECONDS", try_seconds)
    use_engine(ScriptedEngine(transcribe))
    call = new_call_id()
    await uploader.process(mixed_stream(call))
    transcript = await read_transcript(uploader, call)
    assert transcript.state == "failed"
    assert message in str(transcript.error)


async def test_a_long_transcript_is_made_in_several_runs(
    uploader: StreamUploader, use_engine: UseEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Less than any chunk takes: each run still transcribes one.
    monkeypatch.setattr(job, "RUN_SECONDS", 0.0)
    count = 0

    async def transcribe_slowly() -> list[Phrase]:
        nonlocal count
        count += 1
        await asyncio.sleep(0.01)
        return [Phrase(start_ms=0, end_ms=500, text=f"Number {count}.")]

    use_engine(ScriptedEngine(transcribe_slowly))
    call = new_call_id()
    await uploader.assemble(mixed_stream(call))
    messages: list[str] = []
    await transcription.transcribe(uploader.clients, uploader.request(call), messages.append)
    first = await read_transcript(uploader, call)
    assert (first.state, first.error, first.claimed_at) == ("pending", None, None)
    assert len(first.utterances) == 1
    ids = set()
    while messages:
        chunks_before = count
        message = decode_message(messages.pop().encode())
        ids.add(message.id)
        await transcription.transcribe(uploader.clients, message, messages.append)
        assert count == chunks_before + 1, "each run transcribes one chunk"
    assert len(ids) == count - 1
    last = await read_transcript(uploader, call)
    assert last.state == "complete"
    await uploader.transcribe(call)
    assert len(last.utterances) == count > 3, "each chunk was transcribed once"


async def test_an_unreachable_service_is_named(
    uploader: StreamUploader, use_engine: UseEngine
) -> None:
    engine = AzureSpeech("http://127.0.0.1:9", AzureKeyCredential("key"))
    use_engine(engine)
    call = new_call_id()
    await uploader.process(mixed_stream(call))
    assert (await read_transcript(uploader, call)).error == (
        "1 of 1 chunks failed: Azure AI Speech did not answer: ServiceRequestError"
    )


async def test_only_new_chunks_are_transcribed(
    uploader: StreamUploader, azure: SpeechService
) -> None:
    call = new_call_id()
    await uploader.process(mixed_stream(call))
    first = await read_transcript(uploader, call)
    assert len(azure.requests) == 1
    # The later stream begins after more than a chunk's longest pause.
    later = STARTED_AT + timedelta(seconds=120)
    await uploader.process(SampleStream(call, {None: conversation("caller")}, start=later))
    second = await read_transcript(uploader, call)
    assert len(azure.requests) == 2
    assert second.utterances[0] == first.utterances[0]
    assert len(second.utterances) == 2


async def test_several_runs_at_once_make_one_transcript(
    uploader: StreamUploader, azure: SpeechService
) -> None:
    call = new_call_id()
    stream = unmixed_stream(call)
    await uploader.upload_segments(stream)
    *others, last = stream.files
    for blob in others:
        await uploader.analyse_segment(stream, blob)
    await uploader.finish_stream(stream)
    await asyncio.gather(*(uploader.analyse_segment(stream, last) for _ in range(4)))
    assert len(azure.requests) == 2
    assert (await read_transcript(uploader, call)).state == "complete"


async def write_claim(
    uploader: StreamUploader, call: str, claimed_by: str, claimed_at: datetime
) -> None:
    """Leave a transcript as a run does that is interrupted."""
    claim = msgspec.structs.replace(
        await read_transcript(uploader, call),
        state="pending",
        claimed_at=claimed_at,
        claimed_by=claimed_by,
        utterances=[],
    )
    await uploader.storage.put(
        blobs.RESULTS, blobs.transcript_blob(call), msgspec.json.encode(claim)
    )


async def test_the_claim_of_an_interrupted_run_expires(
    uploader: StreamUploader, azure: SpeechService
) -> None:
    call = new_call_id()
    await uploader.process(mixed_stream(call))
    now = datetime.now(UTC)
    expired = now - job.CLAIM_LIFETIME - timedelta(seconds=1)
    for claimed_at, completed in ((now, False), (expired, True)):
        await write_claim(uploader, call, "another", claimed_at)
        await uploader.transcribe(call)
        assert ((await read_transcript(uploader, call)).state == "complete") == completed
    assert len(azure.requests) == 1, "the chunk's phrases were kept"


async def test_a_message_goes_on_with_its_own_interrupted_run_at_once(
    uploader: StreamUploader, azure: SpeechService
) -> None:
    call = new_call_id()
    await uploader.process(mixed_stream(call))
    message = uploader.request(call)
    await write_claim(uploader, call, message.id, datetime.now(UTC))
    await transcription.transcribe(uploader.clients, message, send_nothing)
    assert (await read_transcript(uploader, call)).state == "complete"
    assert len(azure.requests) == 1


async def test_a_message_that_fails_every_time_leaves_another_run_s_transcript_alone(
    uploader: StreamUploader, azure: SpeechService
) -> None:
    call = new_call_id()
    await uploader.process(mixed_stream(call))
    poison = uploader.request(call)
    for claimed_by, state, error in (
        ("another", "pending", None),
        (poison.id, "failed", job.INTERRUPTED),
    ):
        await write_claim(uploader, call, claimed_by, datetime.now(UTC))
        await transcription.fail(uploader.clients, poison)
        transcript = await read_transcript(uploader, call)
        assert (transcript.state, transcript.error) == (state, error)
    await job.retry_failed(uploader.storage, call)
    await uploader.transcribe(call)
    await transcription.fail(uploader.clients, poison)
    assert (await read_transcript(uploader, call)).state == "complete"


async def test_a_transcript_that_was_never_started_can_fail(
    uploader: StreamUploader, azure: SpeechService
) -> None:
    call = new_call_id()
    await uploader.assemble(mixed_stream(call))
    assert await job.retry_failed(uploader.storage, call) is None
    await transcription.fail(uploader.clients, uploader.request(call))
    transcript = await read_transcript(uploader, call)
    assert (transcript.state, transcript.error) == ("failed", job.INTERRUPTED)


NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("state", "claimed_at", "digest", "due"),
    [
        ("complete", None, "digest", False),
        ("complete", None, "other", True),
        ("failed", None, "digest", False),
        ("failed", None, "other", True),
        ("pending", None, "digest", True),
        ("pending", NOW - job.CLAIM_LIFETIME, "digest", False),
        ("pending", NOW - job.CLAIM_LIFETIME - timedelta(seconds=1), "digest", True),
    ],
)
def test_when_a_transcript_is_due(
    state: State, claimed_at: datetime | None, digest: str, due: bool
) -> None:
    transcript = Transcript(
        schema=SCHEMA,
        call_connection_id="call",
        provider="azure",
        state=state,
        error=None,
        utterances=[],
        layout_digest=digest,
        claimed_at=claimed_at,
    )
    assert job.is_due(transcript, "digest", NOW) == due
    assert job.is_due(None, "digest", NOW)


def test_an_interrupted_run_is_due_for_itself_alone() -> None:
    transcript = Transcript(
        schema=SCHEMA,
        call_connection_id="call",
        provider="azure",
        state="pending",
        error=None,
        utterances=[],
        layout_digest="digest",
        claimed_at=NOW,
        claimed_by="own",
    )
    assert job.is_due(transcript, "digest", NOW, "own")
    assert not job.is_due(transcript, "digest", NOW, "other")
    assert not job.is_due(transcript, "digest", NOW)
