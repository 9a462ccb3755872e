"""The zip file of a call has just what the routes give; who waits for it sees how far it is."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime, timedelta

import aiohttp
import azure.functions as func
import msgspec
import pytest

from calls import blobs
from calls.clients import Clients
from calls.errors import TranscriptionFailed
from calls.http import call_details, exports, results, transcripts
from calls.pipeline import exporting, storage_events
from calls.records.model import CallRecord
from calls.records.store import change_record
from calls.results import exports as domain
from calls.results.export_messages import decode_message
from calls.results.exports import build_export, read_progress, write_progress
from calls.retention.deletions import begin_deletion, read_deletion
from calls.retention.erasure import begin_erasure
from calls.retention.holds import place_hold
from calls.retention.run import run_deletion
from calls.transcripts.engine import Phrase
from contract import names
from tests.calls.call_events import record_events
from tests.calls.engines import ScriptedEngine, UseEngine
from tests.calls.handler_requests import decode_body, send_request
from tests.calls.retention.calls_to_delete import ADMIN, Clock
from tests.calls.sample_streams import STARTED_AT, SampleStream, conversation, new_call_id
from tests.calls.stream_uploader import StreamUploader

AGENT, CALLER = "4:+15550000001", "4:+15550000002"
SECONDS = 4


async def say() -> list[Phrase]:
    return [Phrase(start_ms=0, end_ms=900, text="One phrase.")]


async def fail() -> list[Phrase]:
    raise TranscriptionFailed("down")


async def create_call(uploader: StreamUploader, **fields: object) -> SampleStream:
    """Create an ended call of two participants whose result is final."""
    call = new_call_id()
    await record_events(
        uploader.storage,
        call,
        STARTED_AT,
        "CallConnected",
        "MediaStreamingStarted",
        "MediaStreamingStopped",
        "CallDisconnected",
        direction="outgoing",
        to=AGENT[2:],
        from_=CALLER[2:],
        **fields,
    )
    pcm = {
        AGENT: conversation("agent")[: SECONDS * 32_000],
        CALLER: conversation("caller")[: SECONDS * 32_000],
    }
    stream = SampleStream(call, pcm)
    await uploader.process(stream)
    return stream


async def request_export(
    clients: Clients, call: str, headers: dict[str, str] | None = None
) -> tuple[func.HttpResponse, list[str]]:
    """Request an export; return the response, and the messages that were sent."""
    messages: list[str] = []
    handler = exports.export_handler(messages.append)
    return await send_request(clients, handler, headers=headers, id=call), messages


async def build(clients: Clients, call: str) -> dict[str, bytes]:
    """Request an export, build it, and follow the redirect to it."""
    response, (message,) = await request_export(clients, call)
    assert response.status_code == 202
    assert response.headers["Retry-After"] == "2"
    body = decode_body(response)
    assert (body["state"], body["bytes_written"]) == ("building", 0)
    order = decode_message(message.encode())
    assert await build_export(clients.storage, call, order.source)
    return await download(clients, call)


async def download(clients: Clients, call: str) -> dict[str, bytes]:
    response, messages = await request_export(clients, call)
    assert (response.status_code, messages) == (307, [])
    async with (
        aiohttp.ClientSession() as session,
        session.get(response.headers["Location"]) as answer,
    ):
        assert answer.status == 200
        assert answer.headers["Content-Disposition"] == f'inline; filename="{call}.zip"'
        assert answer.content_type == "application/zip"
        content = await answer.read()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


async def read_routes(uploader: StreamUploader, stream: SampleStream) -> dict[str, bytes]:
    """What the routes give of a call, by the names that it has in a zip file."""
    clients, call = uploader.clients, stream.call
    manifest = await uploader.read_blob(names.MANIFESTS, stream.manifest_blob[0])
    responses = {
        "call.json": await send_request(clients, call_details.show_call, id=call),
        "timeline.json": await send_request(clients, results.show_timeline, id=call),
    }
    for format_ in ("json", "txt", "vtt"):
        responses[f"transcript.{format_}"] = await send_request(
            clients, transcripts.show_transcript, id=call, format=format_
        )
    head = await send_request(clients, results.send_recording, "HEAD", id=call)
    wav = {"format": "wav"} if head.mimetype == "audio/flac" else {}
    headers = {"Range": "bytes=0-4000000"}
    responses["recording.wav"] = await send_request(
        clients, results.send_recording, headers=headers, params=wav, id=call
    )
    assert {response.status_code for response in responses.values()} == {200, 206}
    contents = {name: response.get_body() for name, response in responses.items()}
    return contents | {f"manifests/{stream.stream_id}.json": manifest}


@pytest.mark.parametrize("format_", ["wav", "flac"])
async def test_it_has_what_the_routes_give_byte_by_byte(
    uploader: StreamUploader, use_engine: UseEngine, format_: str
) -> None:
    use_engine(ScriptedEngine(say))
    clients = uploader.clients
    clients.settings = msgspec.structs.replace(clients.settings, recording_format=format_)
    stream = await create_call(uploader)
    unpacked = await build(clients, stream.call)
    assert unpacked == await read_routes(uploader, stream)


async def test_a_range_of_it(uploader: StreamUploader) -> None:
    clients, stream = uploader.clients, await create_call(uploader)
    await build(clients, stream.call)
    response, _ = await request_export(clients, stream.call, {"Range": "bytes=0-3"})
    assert (response.status_code, response.get_body()) == (206, b"PK\3\4")


async def test_without_a_complete_transcript_it_has_the_json_only(
    uploader: StreamUploader, use_engine: UseEngine
) -> None:
    stream = await create_call(uploader)
    unpacked = await build(uploader.clients, stream.call)
    assert decode_state(unpacked) == "off"
    use_engine(ScriptedEngine(fail))
    stream = await create_call(uploader)
    unpacked = await build(uploader.clients, stream.call)
    assert decode_state(unpacked) == "failed"
    assert not {"transcript.txt", "transcript.vtt"} & unpacked.keys()


def decode_state(unpacked: dict[str, bytes]) -> object:
    return msgspec.json.decode(unpacked["transcript.json"])["state"]


async def test_a_pending_transcript_is_waited_for(
    uploader: StreamUploader, use_engine: UseEngine
) -> None:
    stream = await create_call(uploader)
    use_engine(ScriptedEngine(say))
    response, messages = await request_export(uploader.clients, stream.call)
    assert (response.status_code, decode_body(response)["code"]) == (409, "transcript_pending")
    assert messages == []


async def test_a_call_without_a_result_or_a_record_has_none(clients: Clients) -> None:
    call = new_call_id()
    response, _ = await request_export(clients, call)
    assert (response.status_code, decode_body(response)["code"]) == (404, "call_not_found")
    await record_events(clients.storage, call, STARTED_AT, "CallConnected")
    response, messages = await request_export(clients, call)
    assert (response.status_code, decode_body(response)["code"]) == (409, "not_ready")
    assert messages == []


async def test_who_waits_is_told_how_far_it_is_and_no_second_message_is_sent(
    uploader: StreamUploader,
) -> None:
    clients, stream = uploader.clients, await create_call(uploader)
    first, (message,) = await request_export(clients, stream.call)
    progress = await read_progress(clients.storage, stream.call)
    assert progress is not None
    assert decode_body(first)["bytes_total"] == progress.bytes_total > 0
    further = msgspec.structs.replace(progress, bytes_written=1000)
    await write_progress(clients.storage, stream.call, further)
    response, messages = await request_export(clients, stream.call)
    assert (response.status_code, messages) == (202, [])
    assert decode_body(response)["bytes_written"] == 1000
    lost_at = datetime.now(UTC) - exports.LOST_AFTER
    await write_progress(
        clients.storage, stream.call, msgspec.structs.replace(further, updated_at=lost_at)
    )
    _, messages = await request_export(clients, stream.call)
    assert messages == [message], "the message was lost"


async def test_a_failure_is_told_and_a_later_request_begins_again(
    uploader: StreamUploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients, stream = uploader.clients, await create_call(uploader)
    monkeypatch.setattr(exporting, "get_clients", lambda: clients)
    _, (message,) = await request_export(clients, stream.call)
    await exporting.on_poison_message(message.encode())
    response, messages = await request_export(clients, stream.call)
    assert (response.status_code, decode_body(response)["code"]) == (503, "export_failed")
    assert (response.headers["Retry-After"], messages) == ("60", [])
    progress = await read_progress(clients.storage, stream.call)
    assert progress is not None
    failed_at = datetime.now(UTC) - exports.FAILED_FOR
    await write_progress(
        clients.storage, stream.call, msgspec.structs.replace(progress, updated_at=failed_at)
    )
    response, messages = await request_export(clients, stream.call)
    assert (response.status_code, messages) == (202, [message])


async def test_a_changed_call_has_a_new_one(uploader: StreamUploader) -> None:
    clients, stream = uploader.clients, await create_call(uploader)
    before = await build(clients, stream.call)
    assert msgspec.json.decode(before["call.json"])["hold"] is None
    await place_hold(clients.storage, stream.call, "a reason", ADMIN, datetime.now(UTC))
    after = await build(clients, stream.call)
    assert msgspec.json.decode(after["call.json"])["hold"]["reason"] == "a reason"


async def test_an_erased_participant_is_in_no_export(
    uploader: StreamUploader, use_engine: UseEngine
) -> None:
    use_engine(ScriptedEngine(say))
    clients, clock = uploader.clients, Clock()
    stream = await create_call(uploader, names={AGENT: "Alex Agent"})
    call = stream.call
    before = await build(clients, call)
    assert b"Alex Agent" in before["transcript.txt"]
    deletion = await begin_erasure(clients.storage, call, AGENT, ADMIN, clock())
    assert not await run_deletion(clients.storage, deletion.receipt.id, clock)
    left = await clients.storage.blob_names(blobs.RESULTS, blobs.export_blob(call, ""))
    assert left == []
    content = await uploader.read_blob(names.MANIFESTS, stream.manifest_blob[0])
    if await storage_events.process_manifest(clients, stream.manifest_blob[0], content):
        await uploader.transcribe(call)
    after = await build(clients, call)
    assert after == await read_routes(uploader, stream)
    for content in after.values():
        assert b"Alex" not in content
        assert AGENT[2:].encode() not in content
    assert len(after["recording.wav"]) < len(before["recording.wav"])


async def test_an_order_is_not_left_if_the_call_changes_while_it_is_written(
    uploader: StreamUploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients, stream = uploader.clients, await create_call(uploader)
    write_order = domain.write_order

    async def write_and_change(*arguments: object) -> None:
        await write_order(*arguments)  # type: ignore[arg-type]

        def rename(record: CallRecord) -> bool:
            record.names = {AGENT: "Another"}
            return True

        await change_record(clients.storage, stream.call, rename)

    monkeypatch.setattr(domain, "write_order", write_and_change)
    response, messages = await request_export(clients, stream.call)
    assert (response.status_code, decode_body(response)["code"]) == (503, "contended")
    prefix = blobs.export_blob(stream.call, "")
    assert (messages, await clients.storage.blob_names(blobs.RESULTS, prefix)) == ([], [])


async def test_it_goes_with_its_call(uploader: StreamUploader) -> None:
    clients, stream, clock = uploader.clients, await create_call(uploader), Clock()
    await build(clients, stream.call)
    deletion = await begin_deletion(clients.storage, stream.call, "call", ADMIN, clock())
    response, messages = await request_export(clients, stream.call)
    assert (response.status_code, messages) == (410, [])
    assert not await run_deletion(clients.storage, deletion.receipt.id, clock)
    assert (await read_deletion(clients.storage, deletion.receipt.id)).receipt.completed_at
    prefix = blobs.export_blob(stream.call, "")
    assert await clients.storage.blob_names(blobs.RESULTS, prefix) == []


async def test_its_call_is_looked_at_on_the_next_day(uploader: StreamUploader) -> None:
    """That look deletes it: see tests/calls/pipeline/test_expiry.py."""
    clients, stream = uploader.clients, await create_call(uploader)
    before = datetime.now(UTC)
    await request_export(clients, stream.call)
    tomorrows = {moment + timedelta(days=1) for moment in (before, datetime.now(UTC))}
    entries = [blobs.expiry_blob(moment.date(), stream.call) for moment in tomorrows]
    written = [await clients.storage.properties(blobs.RETENTION, entry) for entry in entries]
    assert any(written)
