"""Segments and manifests that failed permanently: their records, in a real Azurite."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from calls import blobs
from calls.clients import Clients
from calls.errors import FailedBlobMissing, FailureNotFound
from calls.results import failures
from calls.results.failures import Failure, PoisonMessage, new_failure
from contract import names
from contract.names import MalformedName
from tests.calls.sample_streams import SampleStream, new_call_id, noise

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def segment_of(call: str) -> str:
    """The name of a segment's blob."""
    (blob,) = SampleStream(call, {"4:+1": noise(160)}).files
    return blob


async def write_failure(
    clients: Clients, call: str, blob: str | None = None, *, at: datetime = NOW
) -> Failure:
    failure = new_failure(names.SEGMENTS, blob or segment_of(call), "ValueError: wrong", at)
    await failures.write_failure(clients.storage, failure)
    return failure


def test_the_hosts_message() -> None:
    body = (
        b'{"FunctionId":"Host.Functions.x","BlobType":"BlockBlob","ContainerName":"segments",'
        b'"BlobName":"a/b","ETag":""}'
    )
    message = msgspec.json.decode(body, type=PoisonMessage)
    assert (message.container_name, message.blob_name) == ("segments", "a/b")


def test_the_failure_of_a_segment_names_its_track_and_start() -> None:
    call = new_call_id()
    blob = segment_of(call)
    failure = new_failure(names.SEGMENTS, blob, "ValueError: wrong", NOW)
    segment = names.parse_segment(blob)
    assert (failure.call_connection_id, failure.track) == (call, segment.track)
    assert (failure.start, failure.failed_at) == (segment.start, NOW)
    assert (failure.container, failure.blob) == (names.SEGMENTS, blob)
    assert failures.is_failure_id(failure.id)
    assert new_failure(names.SEGMENTS, blob, "other", NOW).id == failure.id


def test_the_failure_of_a_manifest_has_no_track() -> None:
    call = new_call_id()
    blob, _ = SampleStream(call, {}).manifest_blob
    failure = new_failure(names.MANIFESTS, blob, "ValueError: wrong", NOW)
    assert (failure.call_connection_id, failure.track, failure.start) == (call, None, None)


def test_other_blobs_have_no_failure() -> None:
    with pytest.raises(MalformedName):
        new_failure(names.SEGMENTS, "a/b.wav", "", NOW)


def test_which_blobs_the_app_processes() -> None:
    call = new_call_id()
    manifest, _ = SampleStream(call, {}).manifest_blob
    assert failures.is_processed_blob(names.SEGMENTS, segment_of(call))
    assert failures.is_processed_blob(names.MANIFESTS, manifest)
    assert not failures.is_processed_blob(names.SEGMENTS, manifest)
    assert not failures.is_processed_blob(blobs.RESULTS, segment_of(call))
    assert not failures.is_processed_blob(names.SEGMENTS, "")


@pytest.mark.parametrize(
    "text", ["", "x", "../x", "call.0123456789abcdeg", "call.0123456789ABCDEF", ".0123456789abcdef"]
)
def test_other_texts_are_not_ids(text: str) -> None:
    assert not failures.is_failure_id(text)


async def test_failures_are_listed_newest_first_for_one_call_or_all(clients: Clients) -> None:
    call, other_call = new_call_id(), new_call_id()
    older = await write_failure(clients, call)
    newer = await write_failure(clients, call, at=NOW + timedelta(seconds=1))
    other = await write_failure(clients, other_call)
    assert await failures.list_failures(clients.storage, call) == [newer, older]
    listed = await failures.list_failures(clients.storage)
    assert {failure.id for failure in listed} >= {older.id, newer.id, other.id}
    assert listed == sorted(listed, key=lambda failure: failure.failed_at, reverse=True)


@pytest.mark.parametrize("content", [b"not ours", b"{}", b"", b"\xff"])
async def test_a_foreign_blob_is_not_a_failure(
    clients: Clients, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    call = new_call_id()
    failure = await write_failure(clients, call)
    other = await write_failure(clients, new_call_id())
    foreign = f"{call}.notes.json"
    await clients.storage.put(blobs.FAILURES, foreign, content)
    # A copy of a failure under another name is not one either.
    await clients.storage.put(blobs.FAILURES, f"{call}.x.json", msgspec.json.encode(other))
    assert await failures.list_failures(clients.storage, call) == [failure]
    assert len(await failures.failed_analysis_blobs(clients.storage, call)) == 1
    event = f"foreign_blobs_skipped container=failures count=2 first={foreign}"
    assert event in caplog.messages
    for blob in (foreign, f"{call}.x.json"):
        await clients.storage.delete(blobs.FAILURES, blob)


async def test_a_later_failure_of_a_blob_replaces_the_earlier(clients: Clients) -> None:
    call = new_call_id()
    blob = segment_of(call)
    await write_failure(clients, call, blob)
    later = await write_failure(clients, call, blob, at=NOW + timedelta(hours=1))
    assert await failures.list_failures(clients.storage, call) == [later]


async def test_the_analyses_that_a_call_will_not_get(clients: Clients) -> None:
    call = new_call_id()
    blob = segment_of(call)
    await write_failure(clients, call, blob)
    manifest, _ = SampleStream(call, {}).manifest_blob
    failure = new_failure(names.MANIFESTS, manifest, "ValueError: wrong", NOW)
    await failures.write_failure(clients.storage, failure)
    assert await failures.failed_analysis_blobs(clients.storage, call) == {
        blobs.analysis_blob(names.parse_segment(blob))
    }


async def test_a_retry_rewrites_the_blob_and_removes_the_failure(clients: Clients) -> None:
    call = new_call_id()
    blob = segment_of(call)
    failure = await write_failure(clients, call, blob)
    await clients.storage.put(names.SEGMENTS, blob, b"content")
    before = await clients.storage.properties(names.SEGMENTS, blob)
    assert await failures.retry_failure(clients.storage, failure.id) == failure
    after = await clients.storage.properties(names.SEGMENTS, blob)
    assert before is not None
    assert after is not None
    assert after.etag != before.etag
    assert await failures.list_failures(clients.storage, call) == []
    with pytest.raises(FailureNotFound):
        await failures.retry_failure(clients.storage, failure.id)


async def test_a_blob_that_has_been_deleted_cannot_be_retried(clients: Clients) -> None:
    call = new_call_id()
    failure = await write_failure(clients, call)
    with pytest.raises(FailedBlobMissing, match=failure.blob):
        await failures.retry_failure(clients.storage, failure.id)
    assert await failures.list_failures(clients.storage, call) == [failure]


@pytest.mark.parametrize("failure_id", ["", "../x", "call.0123456789abcdef"])
async def test_no_such_failure(clients: Clients, failure_id: str) -> None:
    with pytest.raises(FailureNotFound):
        await failures.retry_failure(clients.storage, failure_id)
