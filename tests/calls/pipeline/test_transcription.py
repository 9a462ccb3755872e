"""The queue of transcriptions: its messages, and what becomes of the calls that they name."""

from __future__ import annotations

from datetime import timedelta

import pytest

from calls import blobs
from calls.pipeline import transcription
from calls.records.store import read_record
from calls.results import assembly
from calls.results.assembly import read_result
from calls.transcripts import job
from calls.transcripts.engine import Phrase
from contract import names
from tests.calls.engines import ScriptedEngine, UseEngine
from tests.calls.handler_requests import create_record
from tests.calls.sample_streams import STARTED_AT, SampleStream, conversation, new_call_id
from tests.calls.stream_uploader import StreamUploader, send_nothing


async def say_good_day() -> list[Phrase]:
    return [Phrase(start_ms=0, end_ms=500, text="Good day.")]


def sample_stream(call: str, seconds: int = 0) -> SampleStream:
    start = STARTED_AT + timedelta(seconds=seconds)
    return SampleStream(call, {None: conversation("agent")}, start=start)


@pytest.fixture
def own_clients(uploader: StreamUploader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcription, "get_clients", lambda: uploader.clients)


@pytest.mark.usefixtures("own_clients")
async def test_a_message_is_answered_with_the_transcript(
    uploader: StreamUploader, use_engine: UseEngine
) -> None:
    use_engine(ScriptedEngine(say_good_day))
    call = new_call_id()
    await uploader.assemble(sample_stream(call))
    messages: list[str] = []
    await transcription.request_if_due(uploader.clients, call, messages.append)
    (message,) = messages
    await transcription.on_message(message.encode(), messages.append)
    transcript = await job.read_transcript(uploader.storage, call)
    assert transcript is not None
    assert (transcript.state, transcript.utterances[0].text) == ("complete", "Good day.")
    await transcription.on_poison_message(message.encode())
    await transcription.request_if_due(uploader.clients, call, messages.append)
    assert messages == [message], "nothing is left to do"
    assert await job.read_transcript(uploader.storage, call) == transcript


async def told(uploader: StreamUploader, call: str) -> list[str]:
    """The states of the transcripts in a record's milestones."""
    record = await read_record(uploader.storage, call)
    milestones = [m for m in record.milestones if m.type == "transcript.final"]
    return [str(milestone.data["transcript_state"]) for milestone in milestones]


async def test_a_complete_transcript_is_a_milestone_also_after_a_crash(
    uploader: StreamUploader, use_engine: UseEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run was killed between the transcript and the record: its message comes again."""
    use_engine(ScriptedEngine(say_good_day))
    call = new_call_id()
    await create_record(uploader.clients, call)
    await uploader.assemble(sample_stream(call))

    async def die(*_: object) -> None:
        raise OSError("killed")

    message = uploader.request(call)
    with monkeypatch.context() as patch:
        patch.setattr(transcription, "change_record", die)
        with pytest.raises(OSError, match="killed"):
            await transcription.transcribe(uploader.clients, message, send_nothing)
    assert await told(uploader, call) == []
    for _ in range(2):
        await transcription.transcribe(uploader.clients, message, send_nothing)
        await transcription.request_if_due(uploader.clients, call, send_nothing)
    assert await told(uploader, call) == ["complete"]


async def test_a_transcript_whose_message_was_lost_is_told_by_the_reconciler(
    uploader: StreamUploader, use_engine: UseEngine
) -> None:
    use_engine(ScriptedEngine(say_good_day))
    call = new_call_id()
    await uploader.process(sample_stream(call))
    assert await told_of_no_record(uploader, call)
    await create_record(uploader.clients, call)
    await transcription.request_if_due(uploader.clients, call, send_nothing)
    assert await told(uploader, call) == ["complete"]


async def told_of_no_record(uploader: StreamUploader, call: str) -> bool:
    """Whether a call has a transcript, and no record that could say so."""
    transcript = await job.read_transcript(uploader.storage, call)
    record = await uploader.storage.read(blobs.CALLS, blobs.call_blob(call))
    return transcript is not None and transcript.state == "complete" and record is None


async def test_a_failed_transcript_is_a_milestone_and_so_is_its_retry(
    uploader: StreamUploader, use_engine: UseEngine
) -> None:
    use_engine(ScriptedEngine(say_good_day))
    call = new_call_id()
    await create_record(uploader.clients, call)
    await uploader.assemble(sample_stream(call))
    await transcription.fail(uploader.clients, uploader.request(call))
    await transcription.fail(uploader.clients, uploader.request(call))
    assert await told(uploader, call) == ["failed"]
    await job.retry_failed(uploader.storage, call)
    await uploader.transcribe(call)
    assert await told(uploader, call) == ["failed", "complete"]


async def test_nothing_is_transcribed_while_transcription_is_off(uploader: StreamUploader) -> None:
    call = new_call_id()
    await uploader.assemble(sample_stream(call))
    messages: list[str] = []
    await transcription.request_if_due(uploader.clients, call, messages.append)
    assert messages == []
    assert await transcription.is_settled(uploader.clients, call)
    await transcription.transcribe(uploader.clients, uploader.request(call), messages.append)
    assert await job.read_transcript(uploader.storage, call) is None


async def test_an_outdated_result_is_transcribed_after_the_next_assembly(
    uploader: StreamUploader, use_engine: UseEngine, caplog: pytest.LogCaptureFixture
) -> None:
    use_engine(ScriptedEngine(say_good_day))
    call = new_call_id()
    await uploader.assemble(sample_stream(call))
    later = sample_stream(call, seconds=120)
    await uploader.upload_segments(later)
    await uploader.analyse_segments(later)
    await uploader.upload_manifest(later)
    await uploader.transcribe(call)
    assert f"transcription_dropped call={call} reason=result_outdated" in caplog.messages
    assert await job.read_transcript(uploader.storage, call) is None
    await uploader.finish_stream(later)
    transcript = await job.read_transcript(uploader.storage, call)
    assert transcript is not None
    assert transcript.state == "complete"


async def test_a_partial_result_is_transcribed(
    uploader: StreamUploader, use_engine: UseEngine
) -> None:
    use_engine(ScriptedEngine(say_good_day))
    call = new_call_id()
    stream = sample_stream(call)
    await uploader.upload_segments(stream)
    await uploader.analyse_segments(stream)
    await uploader.assemble_partially(call)
    result = await read_result(uploader.storage, call)
    assert result is not None
    assert result.summary.partial
    await uploader.transcribe(call)
    transcript = await job.read_transcript(uploader.storage, call)
    assert transcript is not None
    assert transcript.state == "complete"


async def test_a_call_without_a_result_is_neither_transcribed_nor_failed(
    uploader: StreamUploader, use_engine: UseEngine
) -> None:
    use_engine(ScriptedEngine(say_good_day))
    call = new_call_id()
    await uploader.transcribe(call)
    await transcription.fail(uploader.clients, uploader.request(call))
    assert await job.read_transcript(uploader.storage, call) is None
    assert not await uploader.storage.blob_names(names.MANIFESTS, call)


@pytest.mark.usefixtures("own_clients")
async def test_a_malformed_message_fails_and_its_poison_message_is_dropped(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(ValueError, match="not a message of the queue of transcriptions"):
        await transcription.on_message(b"{}", send_nothing)
    await transcription.on_poison_message(b"{}")
    assert any(line.startswith("transcription_message_malformed") for line in caplog.messages)


async def test_a_second_message_reads_nothing_but_the_result_and_the_transcript(
    uploader: StreamUploader,
    use_engine: UseEngine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use_engine(ScriptedEngine(say_good_day))
    call = new_call_id()
    await uploader.process(sample_stream(call))

    async def fail(*_: object, **__: object) -> None:
        raise AssertionError("the parts are read again")

    monkeypatch.setattr(assembly, "read_layout", fail)
    await uploader.transcribe(call)
