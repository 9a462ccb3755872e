"""What is given up on: tried once more, written down, shown, gone on without, and tried again."""

from __future__ import annotations

import json
from datetime import timedelta

import azure.functions as func
import msgspec
import pytest

from calls import assembly, blobs, failures, storage_events, store, web
from calls.results.timeline import NOT_ANALYSED
from contract import names, wav
from tests.calls.conftest import Landing
from tests.calls.made import BEGUN, MadeStream, new_call, noise


def broken(stream: MadeStream) -> str:
    """Breaks the header of the stream's first segment; its blob's name."""
    blob = next(iter(stream.files))
    file, metadata = stream.files[blob]
    stream.files[blob] = (b"RIFX" + file[4:], metadata)
    return blob


async def ask(landing: Landing, handler: web.Handler, **route: str) -> func.HttpResponse:
    request = func.HttpRequest("POST", "/", route_params=route, body=b"")
    return await respond.respond_with(handler, lambda: landing.clients, request)


async def test_a_broken_segment_is_gone_on_without_and_named(landing: Landing) -> None:
    call = new_call()
    stream = MadeStream(call, {None: noise(32_000)}, segment_seconds=1)
    blob = broken(stream)
    await landing.upload(stream)
    await landing.event(stream, list(stream.files)[1])
    with pytest.raises(ValueError, match="no WAV file"):
        await landing.event(stream, blob)
    await landing.manifest(stream)
    assert await assembly.read_result(landing.clients.storage, call) is None
    await storage_events.try_once_more(landing.clients, names.SEGMENTS, blob)

    result = await assembly.read_result(landing.clients.storage, call)
    assert result is not None
    (missing,) = result.timeline.missing_segments
    assert (missing.blob, missing.reason) == (f"segments/{blob}", NOT_ANALYSED)
    recording = await landing.content(blobs.RECORDINGS, blobs.recording_blob(call))
    assert wav.samples(recording) == stream.pcm[None], "its samples are there all the same"

    listed = json.loads((await ask(landing, failures_http.list_failures)).get_body())["failures"]
    (failure,) = [found for found in listed if found["call_connection_id"] == call]
    assert failure["track"] == "mixed"
    assert failure["start"].startswith("2026-11-24T12:00:00")
    assert "RIFF" in failure["error"]
    await store.change_record(landing.clients.storage, call, lambda _: True, create_at=BEGUN)
    shown = json.loads((await ask(landing, call_details.show_call, id=call)).get_body())
    assert shown["failures"] == [failure]

    retried = await ask(landing, failures_http.retry_failure, id=failure["id"])
    assert retried.status_code == 202
    assert await failures.of_call(landing.clients.storage, call) == []
    found = await landing.clients.storage.properties(names.SEGMENTS, blob)
    assert found is not None
    assert found.metadata == stream.files[blob][1]
    assert await landing.content(names.SEGMENTS, blob) == stream.files[blob][0]
    assert (await ask(landing, failures_http.retry_failure, id=failure["id"])).status_code == 404


async def test_what_succeeds_the_last_time_is_no_failure(landing: Landing) -> None:
    call = new_call()
    stream = MadeStream(call, {None: noise(16_000)})
    await landing.upload(stream)
    await landing.manifest(stream)
    (blob,) = stream.files
    await storage_events.try_once_more(landing.clients, names.SEGMENTS, blob)
    assert await failures.of_call(landing.clients.storage, call) == []
    assert await assembly.read_result(landing.clients.storage, call) is not None


async def test_a_manifest_that_cannot_be_read(landing: Landing) -> None:
    call = new_call()
    stream = MadeStream(call, {None: noise(16_000)})
    blob, content = stream.manifest_blob
    newer = content.replace(b'"schema": 1', b'"schema": 99')
    await landing.clients.storage.put(names.MANIFESTS, blob, newer)
    await storage_events.try_once_more(landing.clients, names.MANIFESTS, blob)
    (failure,) = await failures.of_call(landing.clients.storage, call)
    assert (failure.track, failure.start) == (None, None)
    assert "schema 99 is newer" in failure.error


async def test_a_manifest_that_cannot_be_read_holds_no_other_stream_back(landing: Landing) -> None:
    call = new_call()
    await store.change_record(landing.clients.storage, call, lambda _: True, create_at=BEGUN)
    whole = MadeStream(call, {None: noise(16_000)})
    spoilt = MadeStream(call, {None: noise(16_000, 2)}, start=BEGUN + timedelta(seconds=1))
    await landing.upload(spoilt)
    for blob in spoilt.files:
        await landing.event(spoilt, blob)
    blob, content = spoilt.manifest_blob
    await landing.clients.storage.put(names.MANIFESTS, blob, b"[" + content)
    await storage_events.try_once_more(landing.clients, names.MANIFESTS, blob)
    await landing.all(whole)

    response = await ask(landing, call_details.show_call, id=call)
    shown = json.loads(response.get_body())
    assert response.status_code == 200
    (failure,) = shown["failures"]
    assert failure["blob"] == blob, "the segments have not failed"
    assert (len(shown["streams"]), len(shown["landed_segments"])) == (1, 1)
    assert shown["summary"]["partial"]
    recording = await landing.content(blobs.RECORDINGS, blobs.recording_blob(call))
    assert wav.samples(recording) == whole.pcm[None] + spoilt.pcm[None]

    await landing.manifest(spoilt)
    record = await store.read_record(landing.clients.storage, call)
    assert record.summary is not None
    assert not record.summary.partial


async def test_a_blob_that_is_gone_is_no_failure(landing: Landing) -> None:
    call = new_call()
    (blob,) = MadeStream(call, {None: noise(160)}).files
    await storage_events.try_once_more(landing.clients, names.SEGMENTS, blob)
    assert await failures.of_call(landing.clients.storage, call) == []


@pytest.mark.parametrize(("container", "blob"), [("segments", "a/b.wav"), ("else", "a")])
async def test_a_blob_that_is_not_the_apps_is_no_failure(
    landing: Landing, container: str, blob: str, caplog: pytest.LogCaptureFixture
) -> None:
    await storage_events.try_once_more(landing.clients, container, blob)
    assert f"{container}/{blob} was given up on" in caplog.text


@pytest.mark.parametrize("failure_id", ["", "x", "../x", "call.0123456789abcdeg", "a" * 300])
async def test_no_such_failure(landing: Landing, failure_id: str) -> None:
    assert (await ask(landing, failures_http.retry_failure, id=failure_id)).status_code == 404


async def test_a_message_that_is_not_the_hosts() -> None:
    with pytest.raises(ValueError, match="no message of the host's"):
        await storage_events.on_poison_message(b'{"FunctionId": 7}')


def test_the_hosts_message() -> None:
    body = (
        b'{"FunctionId":"Host.Functions.x","BlobType":"BlockBlob","ContainerName":"segments",'
        b'"BlobName":"a/b","ETag":""}'
    )
    message = msgspec.json.decode(body, type=failures.PoisonMessage)
    assert (message.container_name, message.blob_name) == ("segments", "a/b")
