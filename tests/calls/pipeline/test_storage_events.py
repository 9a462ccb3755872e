"""Segments and manifests that land, and those that fail: the call goes on without them."""

from __future__ import annotations

import asyncio
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from azure.core.exceptions import ServiceRequestError
from azure.storage.blob.aio import BlobServiceClient

from calls import blobs
from calls.clients import EVENT_QUEUE
from calls.events.messages import decode_event
from calls.events.segment_log import read_segments
from calls.http import call_details, links, results
from calls.pipeline import reconciler, storage_events
from calls.records.result_state import update_result_state
from calls.records.store import read_record
from calls.results import assembly
from calls.results.assembly import read_result
from calls.results.failures import list_failures
from calls.results.timeline import NOT_ANALYSED
from calls.subscribers import Subscribers
from calls.transcripts import job
from contract import names, wav
from contract.manifest import SCHEMA
from tests.calls.call_events import record_events
from tests.calls.counted_requests import count_requests
from tests.calls.foreign_blobs import add_foreign_blobs
from tests.calls.handler_requests import create_record, decode_body, send_request
from tests.calls.sample_streams import STARTED_AT, SampleStream, new_call_id, noise
from tests.calls.sent import Sent
from tests.calls.stream_uploader import StreamUploader, send_nothing


class InputStream(io.BytesIO):
    """A blob as the worker gives it to a function."""

    def __init__(self, name: str, content: bytes, metadata: dict[str, str] | None) -> None:
        super().__init__(content)
        self.name = name
        self.metadata = metadata


async def test_the_app_s_functions_analyse_segments_and_assemble_their_call(
    uploader: StreamUploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = uploader.clients
    clients.settings = msgspec.structs.replace(clients.settings, transcription="azure")
    monkeypatch.setattr(storage_events, "get_clients", lambda: clients)
    call = new_call_id()
    stream = SampleStream(call, {None: noise(32_000)}, segment_seconds=1)
    await uploader.upload_segments(stream)
    messages: list[str] = []
    for blob, (file, metadata) in stream.files.items():
        segment: Any = InputStream(f"segments/{blob}", file, metadata)
        await storage_events.on_segment(segment, messages.append)
    assert await read_result(uploader.storage, call) is None
    assert messages == [], "nothing is transcribed before the call is assembled"
    await uploader.upload_manifest(stream)
    blob, content = stream.manifest_blob
    manifest: Any = InputStream(f"manifests/{blob}", content, None)
    await storage_events.on_manifest(manifest, messages.append)
    result = await read_result(uploader.storage, call)
    assert result is not None
    assert (result.summary.segments, result.summary.missing_segments) == (2, 0)
    assert [msgspec.json.decode(message)["call_connection_id"] for message in messages] == [call]
    assert await job.read_transcript(uploader.storage, call) is None, "another function makes it"


async def test_a_call_is_assembled_without_a_broken_segment(uploader: StreamUploader) -> None:
    call = new_call_id()
    stream = SampleStream(call, {None: noise(32_000)}, segment_seconds=1)
    broken = stream.break_first_segment()
    await uploader.upload_segments(stream)
    await uploader.analyse_segment(stream, list(stream.files)[1])
    with pytest.raises(ValueError, match="is not a WAV file") as error:
        await uploader.analyse_segment(stream, broken)
    assert broken not in str(error.value), "the host logs it, and a name may have a phone number"
    await uploader.finish_stream(stream)
    assert await read_result(uploader.storage, call) is None
    await storage_events.try_once_more(uploader.clients, names.SEGMENTS, broken)

    result = await read_result(uploader.storage, call)
    assert result is not None
    (missing,) = result.timeline.missing_segments
    assert (missing.blob, missing.reason) == (f"segments/{broken}", NOT_ANALYSED)
    recording = await uploader.read_blob(blobs.RECORDINGS, blobs.recording_blob(call))
    assert wav.samples(recording) == stream.pcm[None], "its samples are in the recording"
    (failure,) = await list_failures(uploader.storage, call)
    assert (failure.container, failure.blob, failure.track) == (names.SEGMENTS, broken, "mixed")
    assert failure.start == stream.manifest.segments[0].start.replace(microsecond=123_000)
    assert "RIFF" in failure.error


async def test_a_segment_whose_last_try_succeeds_has_not_failed(
    uploader: StreamUploader,
) -> None:
    call = new_call_id()
    stream = SampleStream(call, {None: noise(16_000)})
    await uploader.upload_segments(stream)
    await uploader.finish_stream(stream)
    (blob,) = stream.files
    await storage_events.try_once_more(uploader.clients, names.SEGMENTS, blob)
    assert await list_failures(uploader.storage, call) == []
    assert await read_result(uploader.storage, call) is not None


async def test_a_manifest_of_a_newer_version_is_a_failure(uploader: StreamUploader) -> None:
    call = new_call_id()
    stream = SampleStream(call, {None: noise(16_000)})
    blob, content = stream.manifest_blob
    newer = content.replace(b'"schema": %d' % SCHEMA, b'"schema": 99')
    await uploader.storage.put(names.MANIFESTS, blob, newer)
    await storage_events.try_once_more(uploader.clients, names.MANIFESTS, blob)
    (failure,) = await list_failures(uploader.storage, call)
    assert (failure.track, failure.start) == (None, None)
    assert "schema 99 is newer" in failure.error


async def test_an_unreadable_manifest_does_not_hold_back_another_stream(
    uploader: StreamUploader,
) -> None:
    clients, call = uploader.clients, new_call_id()
    await create_record(clients, call)
    readable = SampleStream(call, {None: noise(16_000)})
    unreadable = SampleStream(
        call, {None: noise(16_000, 2)}, start=STARTED_AT + timedelta(seconds=1)
    )
    await uploader.upload_segments(unreadable)
    await uploader.analyse_segments(unreadable)
    blob, content = unreadable.manifest_blob
    await uploader.storage.put(names.MANIFESTS, blob, b"[" + content)
    await storage_events.try_once_more(clients, names.MANIFESTS, blob)
    await uploader.process(readable)

    response = await send_request(clients, call_details.show_call, id=call)
    document = decode_body(response)
    assert response.status_code == 200
    (failure,) = document["failures"]
    assert failure["blob"] == blob, "the segments have not failed"
    assert (len(document["streams"]), len(document["landed_segments"])) == (1, 1)
    assert document["summary"]["partial"]
    recording = await uploader.read_blob(blobs.RECORDINGS, blobs.recording_blob(call))
    assert wav.samples(recording) == readable.pcm[None] + unreadable.pcm[None]

    await uploader.finish_stream(unreadable)
    record = await read_record(uploader.storage, call)
    assert record.summary is not None
    assert not record.summary.partial


@pytest.mark.parametrize("participants", [[None], ["4:+15550000001", "4:+15550000002"]])
async def test_the_end_of_a_call_takes_few_requests_to_storage(
    uploader: StreamUploader, participants: list[str | None]
) -> None:
    """What is read is handed on, and written once: with 30 calls, each request is a delay."""
    storage, call, now = uploader.storage, new_call_id(), datetime.now(UTC)
    stream = SampleStream(
        call, {participant: noise(1600, n) for n, participant in enumerate(participants)}, start=now
    )
    await record_events(storage, call, now, "CallConnected", "MediaStreamingStarted")
    await storage.put(names.DRAFTS, names.stream_marker(call, stream.stream_id), b"")
    await uploader.upload_segments(stream)
    first, *others = stream.files
    with count_requests(storage) as requests:
        for blob in others:
            await uploader.analyse_segment(stream, blob)
    # The log of segments is created by the first one, which finds that out.
    log = blobs.segment_log_blob(call)
    to_log = [request for request in requests if request.endswith(log)]
    assert len(to_log) == len(others) + 2 * bool(others)
    assert len(requests) - len(to_log) == 2 * len(others), "its analysis, a look for the manifest"

    await uploader.upload_manifest(stream)
    if others:
        with count_requests(storage) as requests:
            assert not await storage_events.process_manifest(
                uploader.clients, *stream.manifest_blob
            )
        assert len(requests) == 2, "a segment is missing, and has not failed"

    record = await record_events(storage, call, now, "CallDisconnected")
    with count_requests(storage) as requests:
        update = await update_result_state(storage, call, now, 60, known=record)
    assert update.record.result_state == "processing"
    assert len(requests) == 2, "nothing of it is assembled yet"

    with count_requests(storage) as requests:
        await uploader.analyse_segment(stream, first)
    assert (await read_record(storage, call)).result_state == "final"
    to_log = [request for request in requests if request.endswith(log)]
    assert len(to_log) == (1 if others else 3)
    assert len(requests) - len(to_log) == 13 + 2 * len(stream.files)
    assert requests.count(f"PUT {blobs.CALLS}/{blobs.call_blob(call)}") == 1


async def test_a_segment_is_told_before_its_analysis_says_that_it_is_done(
    uploader: StreamUploader,
) -> None:
    """While the queue is away, the segment stays to be analysed, and nobody has to remember it."""
    clients, call = uploader.clients, new_call_id()
    queue: Any = Sent(ServiceRequestError("away"))
    clients._queues[EVENT_QUEUE] = queue
    clients.storage.subscribers = Subscribers(lambda: queue)
    stream = SampleStream(call, {None: noise(16_000)})
    await uploader.upload_segments(stream)
    (blob,) = stream.files
    with pytest.raises(ServiceRequestError):
        await uploader.analyse_segment(stream, blob)
    analysis = blobs.analysis_blob(names.parse_segment(blob))
    assert await clients.storage.read(blobs.RESULTS, analysis) is None
    queue.error = None
    await uploader.analyse_segment(stream, blob)
    (body,) = queue.bodies
    milestone = decode_event(body).milestone
    assert milestone is not None
    assert (milestone.type, milestone.what) == ("segment.ready", blob)
    logged = await read_segments(clients.storage, call, 0)
    assert logged.milestones == [milestone]


async def test_of_the_last_parts_of_a_stream_one_assembles_the_call_once(
    uploader: StreamUploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    call, runs = new_call_id(), []
    stream = SampleStream(call, {"4:+1": noise(1600), "4:+2": noise(1600, 2)})
    await uploader.upload_segments(stream)
    await uploader.upload_manifest(stream)
    assemble = assembly.assemble

    async def count(*args: Any, **options: Any) -> Any:
        runs.append(args)
        while sum(trigger.done() for trigger in triggers) < len(triggers) - 1:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        return await assemble(*args, **options)

    monkeypatch.setattr(assembly, "assemble", count)
    triggers = [
        asyncio.create_task(run)
        for run in (
            storage_events.process_manifest(uploader.clients, *stream.manifest_blob),
            *(uploader.analyse_segment(stream, blob) for blob in stream.files),
        )
    ]
    await asyncio.gather(*triggers)
    result = await read_result(uploader.storage, call)
    assert result is not None
    assert (result.summary.segments, result.summary.missing_segments) == (2, 0)
    assert len(runs) == 1


async def test_an_unreadable_recording_of_an_interrupted_run_is_replaced(
    uploader: StreamUploader,
) -> None:
    """The run was killed between the recording and the result."""
    call = new_call_id()
    stream = SampleStream(call, {None: noise(16_000)})
    await uploader.storage.put(blobs.RECORDINGS, blobs.recording_blob(call), b"another")
    await uploader.upload_segments(stream)
    await uploader.analyse_segments(stream)
    await uploader.upload_manifest(stream)
    assert await storage_events.process_manifest(uploader.clients, *stream.manifest_blob)
    recording = await uploader.read_blob(blobs.RECORDINGS, blobs.recording_blob(call))
    assert wav.samples(recording) == stream.pcm[None]


async def test_a_call_that_ends_while_it_is_assembled_is_final(
    uploader: StreamUploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state is then not determined from the record as it was before."""
    call, now = new_call_id(), datetime.now(UTC)
    await record_events(uploader.storage, call, now, "CallConnected", "MediaStreamingStarted")
    stream = SampleStream(call, {None: noise(16_000)})
    assemble = assembly.assemble

    async def end_meanwhile(*args: Any, **options: Any) -> Any:
        assembled = await assemble(*args, **options)
        await record_events(uploader.storage, call, now, "CallDisconnected")
        return assembled

    monkeypatch.setattr(assembly, "assemble", end_meanwhile)
    await uploader.process(stream)
    record = await read_record(uploader.storage, call)
    assert (record.result_state, record.summary is None) == ("final", False)


async def test_foreign_blobs_do_not_stop_a_call(
    uploader: StreamUploader, service: BlobServiceClient
) -> None:
    clients, call = uploader.clients, new_call_id()
    await record_events(uploader.storage, call, STARTED_AT, "CallConnected", "CallDisconnected")
    for container in (names.SEGMENTS, names.MANIFESTS, names.DRAFTS, blobs.RESULTS):
        await add_foreign_blobs(service, container, call)
    failure = f"{call}.notes.json"
    await uploader.storage.put(blobs.FAILURES, failure, b'{"container": "\xff"}')
    stream = SampleStream(call, {None: noise(32_000)}, segment_seconds=1)
    for blob in (blobs.call_result_blob(call), blobs.turn_blob(call)):
        await uploader.storage.put(blobs.RESULTS, blob, b"not ours")
    await uploader.process(stream)
    await reconciler.reconcile_call(clients, call, datetime.now(UTC), send_nothing)
    document = decode_body(await send_request(clients, call_details.show_call, id=call))
    assert (document["result_state"], document["missing"]) == ("final", None)
    assert (document["summary"]["segments"], document["landed_segments"]) == (2, [])
    track = names.MIXED_TRACK
    segment = await send_request(clients, results.send_segment, id=call, track=track, index="1")
    assert wav.samples(segment.get_body()) == stream.pcm[None][32_000:]
    created = decode_body(await send_request(clients, links.create_links, "POST", id=call))
    assert [link["blob"] for link in created["links"]] == [
        *(f"segments/{blob}" for blob in stream.files),
        f"recordings/{blobs.recording_blob(call)}",
    ]
    await uploader.storage.delete(blobs.FAILURES, failure)


async def test_the_event_of_a_foreign_blob_is_ignored(
    uploader: StreamUploader, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(storage_events, "get_clients", lambda: uploader.clients)
    for container, run in (
        (names.SEGMENTS, storage_events.on_segment),
        (names.MANIFESTS, storage_events.on_manifest),
    ):
        blob: Any = InputStream(f"{container}/a-call/notes.txt", b"not ours", None)
        await run(blob, send_nothing)
        event = f"foreign_blobs_skipped container={container} count=1 first=a-call/notes.txt"
        assert event in caplog.messages


async def test_an_analysis_that_cannot_be_read_is_missing(uploader: StreamUploader) -> None:
    call = new_call_id()
    stream = SampleStream(call, {None: noise(32_000)}, segment_seconds=1)
    await uploader.upload_segments(stream)
    await uploader.analyse_segments(stream)
    first, _ = stream.files
    broken = blobs.analysis_blob(names.parse_segment(first))
    await uploader.storage.put(blobs.RESULTS, broken, b"not ours")
    await uploader.finish_stream(stream)
    result = await read_result(uploader.storage, call)
    assert result is not None
    (missing,) = result.timeline.missing_segments
    assert (missing.blob, missing.reason) == (f"segments/{first}", NOT_ANALYSED)


async def test_a_blob_that_has_been_deleted_has_not_failed(
    uploader: StreamUploader, caplog: pytest.LogCaptureFixture
) -> None:
    call = new_call_id()
    (blob,) = SampleStream(call, {None: noise(160)}).files
    await storage_events.try_once_more(uploader.clients, names.SEGMENTS, blob)
    assert await list_failures(uploader.storage, call) == []
    assert f"poison_blob_deleted container=segments blob={blob}" in caplog.messages


@pytest.mark.parametrize(("container", "blob"), [("segments", "a/b.wav"), ("else", "a")])
async def test_a_blob_that_the_app_does_not_process_has_not_failed(
    uploader: StreamUploader, container: str, blob: str, caplog: pytest.LogCaptureFixture
) -> None:
    await storage_events.try_once_more(uploader.clients, container, blob)
    assert f"poison_blob_unknown container={container} blob={blob}" in caplog.messages


async def test_a_poison_message_that_completes_its_call_asks_for_the_transcript(
    uploader: StreamUploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = uploader.clients
    clients.settings = msgspec.structs.replace(clients.settings, transcription="azure")
    monkeypatch.setattr(storage_events, "get_clients", lambda: clients)
    call = new_call_id()
    stream = SampleStream(call, {None: noise(16_000)})
    await uploader.upload_segments(stream)
    await uploader.upload_manifest(stream)
    (segment,) = stream.files
    messages: list[str] = []
    for container, blob in ((names.SEGMENTS, segment), (names.MANIFESTS, stream.manifest_blob[0])):
        message = {"FunctionId": "", "ContainerName": container, "BlobName": blob}
        await storage_events.on_poison_message(msgspec.json.encode(message), messages.append)
    calls = {msgspec.json.decode(message)["call_connection_id"] for message in messages}
    assert calls == {call}


async def test_a_poison_message_is_tried_once_more(
    uploader: StreamUploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_events, "get_clients", lambda: uploader.clients)
    call = new_call_id()
    stream = SampleStream(call, {None: noise(16_000)})
    blob = stream.break_first_segment()
    await uploader.upload_segments(stream)
    message = (
        '{"FunctionId":"Host.Functions.x","BlobType":"BlockBlob","ContainerName":"segments",'
        f'"BlobName":"{blob}","ETag":""}}'
    )
    await storage_events.on_poison_message(message.encode(), send_nothing)
    assert [failure.blob for failure in await list_failures(uploader.storage, call)] == [blob]


async def test_a_message_that_is_not_the_host_s() -> None:
    with pytest.raises(ValueError, match="not a message of the Functions host"):
        await storage_events.on_poison_message(b'{"FunctionId": 7}', send_nothing)
