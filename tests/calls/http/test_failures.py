"""Failures over HTTP: listed, and retried once."""

from __future__ import annotations

import pytest

from calls.http import call_details, failures
from calls.pipeline import storage_events
from calls.results.failures import list_failures
from contract import names
from tests.calls.handler_requests import create_record, decode_body, send_request
from tests.calls.sample_streams import SampleStream, new_call_id, noise
from tests.calls.stream_uploader import StreamUploader


async def test_a_failure_is_listed_shown_with_its_call_and_retried(
    uploader: StreamUploader,
) -> None:
    clients, call = uploader.clients, new_call_id()
    stream = SampleStream(call, {None: noise(16_000)})
    blob = stream.break_first_segment()
    await uploader.upload_segments(stream)
    await storage_events.try_once_more(clients, names.SEGMENTS, blob)

    listed = decode_body(await send_request(clients, failures.list_failures))["failures"]
    (failure,) = [failure for failure in listed if failure["call_connection_id"] == call]
    assert failure["track"] == "mixed"
    assert failure["start"].startswith("2026-11-24T12:00:00")
    assert "RIFF" in failure["error"]
    await create_record(clients, call)
    document = decode_body(await send_request(clients, call_details.show_call, id=call))
    assert document["failures"] == [failure]

    retried = await send_request(clients, failures.retry_failure, "POST", id=failure["id"])
    assert (retried.status_code, decode_body(retried)) == (202, failure)
    assert await list_failures(clients.storage, call) == []
    properties = await clients.storage.properties(names.SEGMENTS, blob)
    assert properties is not None
    assert properties.metadata == stream.files[blob][1]
    assert await uploader.read_blob(names.SEGMENTS, blob) == stream.files[blob][0]
    again = await send_request(clients, failures.retry_failure, "POST", id=failure["id"])
    assert again.status_code == 404


async def test_a_failure_whose_blob_has_been_deleted_cannot_be_retried(
    uploader: StreamUploader,
) -> None:
    clients, call = uploader.clients, new_call_id()
    stream = SampleStream(call, {None: noise(16_000)})
    blob = stream.break_first_segment()
    await uploader.upload_segments(stream)
    await storage_events.try_once_more(clients, names.SEGMENTS, blob)
    (failure,) = await list_failures(clients.storage, call)
    await uploader.delete_blob(names.SEGMENTS, blob)
    response = await send_request(clients, failures.retry_failure, "POST", id=failure.id)
    assert response.status_code == 409
    assert decode_body(response)["detail"] == f"segments/{blob} no longer exists"
    assert await list_failures(clients.storage, call) == [failure]


@pytest.mark.parametrize("failure_id", ["", "x", "../x", "call.0123456789abcdeg", "a" * 300])
async def test_no_such_failure(uploader: StreamUploader, failure_id: str) -> None:
    response = await send_request(uploader.clients, failures.retry_failure, "POST", id=failure_id)
    assert response.status_code == 404
