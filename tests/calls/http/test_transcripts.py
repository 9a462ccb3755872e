"""A call's transcript over HTTP: its formats, and what there is before it is made."""

from __future__ import annotations

from typing import Any

from calls.errors import TranscriptionFailed
from calls.http import transcripts
from calls.transcripts.engine import Phrase
from tests.calls.engines import ScriptedEngine, UseEngine
from tests.calls.handler_requests import decode_body, send_request
from tests.calls.sample_streams import SampleStream, conversation, new_call_id
from tests.calls.stream_uploader import StreamUploader, send_nothing

CALLER = "4:+15550000002"


async def transcribe() -> list[Phrase]:
    return [Phrase(start_ms=200, end_ms=1050, text="One phrase.")]


async def test_the_format_is_that_of_the_suffix_or_of_the_accept_header(
    uploader: StreamUploader,
    use_engine: UseEngine,
) -> None:
    clients, call = uploader.clients, new_call_id()
    use_engine(ScriptedEngine(transcribe))
    await uploader.process(SampleStream(call, {CALLER: conversation("caller")}))
    for accept, suffix, media_type in (
        ("text/vtt", None, "text/vtt"),
        ("text/plain;q=0.9, */*", None, "text/plain"),
        ("application/json;q=0.1, text/vtt", None, "text/vtt"),
        ("text/vtt; q=0, text/plain; q=x", None, "application/json"),
        (None, "vtt", "text/vtt"),
        (None, "txt", "text/plain"),
        ("text/csv", None, "text/csv"),
        (None, "csv", "text/csv"),
        ("text/vtt", "json", "application/json"),
        ("*/*", None, "application/json"),
    ):
        headers = {"Accept": accept} if accept else {}
        route: Any = {"format": suffix} if suffix else {}
        response = await send_request(
            clients, transcripts.show_transcript, headers=headers, id=call, **route
        )
        assert (response.status_code, response.mimetype) == (200, media_type)
        assert response.headers["Vary"] == "Accept"
        if media_type == "text/plain":
            assert response.get_body().strip().endswith(b": One phrase.")
        if media_type == "text/vtt":
            assert response.get_body().startswith(b"WEBVTT\n")
    unknown = await send_request(clients, transcripts.show_transcript, id=call, format="srt")
    assert unknown.status_code == 404
    assert decode_body(unknown)["detail"] == "a transcript is available as json, vtt, txt or csv"


async def refuse_text(uploader: StreamUploader, call: str) -> set[tuple[int, str, str | None]]:
    """How the text forms of a transcript are refused: statuses, codes, and Retry-After."""
    refusals = set()
    for format_ in ("vtt", "txt", "csv"):
        response = await send_request(
            uploader.clients, transcripts.show_transcript, id=call, format=format_
        )
        code = decode_body(response)["code"]
        refusals.add((response.status_code, code, response.headers.get("Retry-After")))
    return refusals


async def test_off(uploader: StreamUploader) -> None:
    clients, call = uploader.clients, new_call_id()
    await uploader.process(SampleStream(call, {None: conversation("agent")}))
    transcript = decode_body(await send_request(clients, transcripts.show_transcript, id=call))
    assert (transcript["state"], transcript["provider"], transcript["utterances"]) == (
        "off",
        "off",
        [],
    )
    assert await refuse_text(uploader, call) == {(409, "transcription_off", None)}


async def test_a_transcript_that_has_not_been_started_is_pending(
    uploader: StreamUploader,
    use_engine: UseEngine,
) -> None:
    clients, call = uploader.clients, new_call_id()
    await uploader.process(SampleStream(call, {None: bytes(3200)}))
    use_engine(ScriptedEngine(transcribe))
    transcript = decode_body(await send_request(clients, transcripts.show_transcript, id=call))
    assert (transcript["state"], transcript["provider"]) == ("pending", "azure")
    assert await refuse_text(uploader, call) == {(409, "transcript_pending", "5")}


async def test_a_transcript_that_failed_has_no_text(
    uploader: StreamUploader, use_engine: UseEngine
) -> None:
    async def fail() -> list[Phrase]:
        raise TranscriptionFailed("the engine is down")

    clients, call = uploader.clients, new_call_id()
    use_engine(ScriptedEngine(fail))
    await uploader.process(SampleStream(call, {CALLER: conversation("caller")}))
    transcript = decode_body(await send_request(clients, transcripts.show_transcript, id=call))
    assert (transcript["state"], transcript.keys()) == (
        "failed",
        {
            "call_connection_id",
            "provider",
            "result_state",
            "state",
            "error",
            "diarized",
            "utterances",
        },
    )
    assert await refuse_text(uploader, call) == {(409, "transcript_failed", None)}


async def fail_always() -> list[Phrase]:
    raise TranscriptionFailed("Azure AI Speech answered 401")


async def test_a_failed_transcript_is_retried_once(
    uploader: StreamUploader, use_engine: UseEngine
) -> None:
    clients, call = uploader.clients, new_call_id()
    use_engine(ScriptedEngine(fail_always))
    await uploader.process(SampleStream(call, {CALLER: conversation("caller")}))
    failed = decode_body(await send_request(clients, transcripts.show_transcript, id=call))
    assert (failed["state"], "401" in failed["error"]) == ("failed", True)
    messages: list[str] = []
    retry = transcripts.retry_handler(messages.append)
    for number in (1, 2):
        response = await send_request(clients, retry, "POST", id=call)
        assert response.status_code == 202
        assert (decode_body(response)["state"], len(messages)) == ("pending", number), (
            "nobody has taken up the first message: it may be lost"
        )
    use_engine(ScriptedEngine(transcribe))
    await uploader.transcribe(call)
    complete = decode_body(await send_request(clients, transcripts.show_transcript, id=call))
    assert (complete["state"], complete["error"]) == ("complete", None)
    refused = await send_request(clients, retry, "POST", id=call)
    assert (refused.status_code, decode_body(refused)["code"]) == (409, "transcript_complete")


async def test_a_retry_while_a_run_is_transcribing_sends_nothing(
    uploader: StreamUploader, use_engine: UseEngine
) -> None:
    clients, call = uploader.clients, new_call_id()
    messages: list[str] = []

    async def retry_meanwhile() -> list[Phrase]:
        retry = transcripts.retry_handler(messages.append)
        response = await send_request(clients, retry, "POST", id=call)
        assert (response.status_code, decode_body(response)["state"]) == (202, "pending")
        return await transcribe()

    use_engine(ScriptedEngine(retry_meanwhile))
    await uploader.process(SampleStream(call, {CALLER: conversation("caller")}))
    transcript = decode_body(await send_request(clients, transcripts.show_transcript, id=call))
    assert (transcript["state"], messages) == ("complete", [])


async def test_what_cannot_be_retried(uploader: StreamUploader) -> None:
    clients, call = uploader.clients, new_call_id()
    retry = transcripts.retry_handler(send_nothing)
    assert (await send_request(clients, retry, "POST", id=call)).status_code == 404
    await uploader.process(SampleStream(call, {CALLER: conversation("caller")}))
    off = await send_request(clients, retry, "POST", id=call)
    assert (off.status_code, decode_body(off)["code"]) == (409, "transcription_off")
