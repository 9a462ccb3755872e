"""One call over HTTP, while its stream is open and after it has ended."""

from __future__ import annotations

import pytest

from calls.http import call_details
from contract import names
from tests.calls.handler_requests import create_record, decode_body, send_request
from tests.calls.sample_streams import SampleStream, new_call_id, noise
from tests.calls.stream_uploader import StreamUploader


@pytest.mark.parametrize("call", ["nothing", "..", "a/b", ""])
async def test_no_such_call(uploader: StreamUploader, call: str) -> None:
    response = await send_request(uploader.clients, call_details.show_call, id=call)
    assert response.status_code == 404
    assert decode_body(response)["detail"] == f"call {call!r} does not exist"


async def test_segments_of_an_open_stream_have_landed(uploader: StreamUploader) -> None:
    clients, call = uploader.clients, new_call_id()
    await create_record(clients, call)
    stream = SampleStream(call, {None: noise(32_000)}, segment_seconds=1)
    await uploader.upload_segments(stream)
    document = decode_body(await send_request(clients, call_details.show_call, id=call))
    assert document["call_connection_id"] == call
    assert (document["streams"], document["failures"], document["summary"]) == ([], [], None)
    assert [segment["blob"] for segment in document["landed_segments"]] == [
        f"segments/{blob}" for blob in stream.files
    ]
    first = document["landed_segments"][0]
    assert (first["stream_id"], first["track"]) == (stream.stream_id, "mixed")
    assert (first["participant"], first["start"]) == (None, "2026-11-24T12:00:00.123000Z")


async def test_a_note_says_who_is_on_a_track_before_its_manifest_comes(
    uploader: StreamUploader,
) -> None:
    clients, call = uploader.clients, new_call_id()
    await create_record(clients, call)
    stream = SampleStream(call, {"4:+1": noise(320), "4:+2": noise(320)})
    await uploader.upload_segments(stream)
    note = names.NoteName(call, stream.stream_id, "p2")
    await uploader.storage.put(names.DRAFTS, note.blob, b"4:+2")
    document = decode_body(await send_request(clients, call_details.show_call, id=call))
    assert [
        (segment["track"], segment["participant"]) for segment in document["landed_segments"]
    ] == [
        ("p1", "p1"),
        ("p2", "4:+2"),
    ]


async def test_segments_of_an_ended_stream_belong_to_it(uploader: StreamUploader) -> None:
    clients, call = uploader.clients, new_call_id()
    await create_record(clients, call)
    stream = SampleStream(call, {None: noise(32_000)}, segment_seconds=1)
    await uploader.process(stream)
    document = decode_body(await send_request(clients, call_details.show_call, id=call))
    (shown,) = document["streams"]
    assert shown["stream_id"] == stream.stream_id
    assert [segment["blob"] for segment in shown["segments"]] == [
        f"segments/{blob}" for blob in stream.files
    ]
    assert document["landed_segments"] == []
    assert document["summary"]["segments"] == 2
