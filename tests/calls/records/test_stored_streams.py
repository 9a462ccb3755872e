"""What is stored of an ended call, read with few requests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from calls import blobs
from calls.records.derive import add_event
from calls.records.model import CallRecord, Summary, new_record
from calls.records.stored_streams import (
    ResultOutline,
    StoredStreams,
    StreamOutline,
    last_event_time,
    read_streams,
)
from contract import names
from tests.calls.call_events import create_event, record_events
from tests.calls.counted_requests import count_requests
from tests.calls.sample_streams import STARTED_AT, SampleStream, new_call_id, noise
from tests.calls.stream_uploader import StreamUploader

LONG_AGO, NOW = STARTED_AT - timedelta(days=1), datetime.now(UTC) + timedelta(days=1)


async def end_call(uploader: StreamUploader, call: str) -> CallRecord:
    return await record_events(
        uploader.storage, call, STARTED_AT, "CallConnected", "CallDisconnected"
    )


def result_of(*streams: str) -> ResultOutline:
    summary = Summary(
        streams=len(streams),
        segments=1,
        missing_segments=0,
        audio_ms=1.0,
        speech_ms=1.0,
        speech_share=1.0,
        lost_ms=0.0,
    )
    return ResultOutline(summary, [StreamOutline(stream, "1000") for stream in streams])


@pytest.mark.parametrize(
    ("ended", "result", "is_outdated"),
    [
        ("ab", result_of("a"), True),
        ("ab", result_of("a", "b"), False),
        ("", result_of("a"), False),
        ("a", None, False),
    ],
)
def test_a_result_that_lacks_an_ended_stream_is_outdated(
    ended: str, result: ResultOutline | None, is_outdated: bool
) -> None:
    stored = StoredStreams(
        opened=frozenset("ab"), ended=frozenset(ended), result=result, is_quiet=False
    )
    assert stored.is_outdated == is_outdated


async def test_streams_of_every_kind_are_found(uploader: StreamUploader) -> None:
    call = new_call_id()
    record = await end_call(uploader, call)
    ended, open_, marked = (
        SampleStream(call, {None: noise(160)}, start=STARTED_AT + timedelta(seconds=n))
        for n in range(3)
    )
    await uploader.process(ended)
    await uploader.upload_segments(open_)
    marker = names.stream_marker(call, marked.stream_id)
    await uploader.storage.put(names.DRAFTS, marker, b"")
    stored = await read_streams(uploader.storage, record, LONG_AGO)
    assert stored.ended == {ended.stream_id}
    assert stored.opened == {ended.stream_id, open_.stream_id, marked.stream_id}
    assert stored.result is not None
    assert [stream.stream_id for stream in stored.result.streams] == [ended.stream_id]
    assert not stored.is_quiet
    assert (await read_streams(uploader.storage, record, NOW)).is_quiet


async def test_until_a_call_is_assembled_its_open_stream_tells_enough(
    uploader: StreamUploader,
) -> None:
    call = new_call_id()
    record = await end_call(uploader, call)
    stream = SampleStream(call, {None: noise(160)})
    await uploader.storage.put(names.DRAFTS, names.stream_marker(call, stream.stream_id), b"")
    with count_requests(uploader.storage) as requests:
        stored = await read_streams(uploader.storage, record, LONG_AGO)
    assert requests == [
        f"GET {blobs.RESULTS}/{blobs.call_result_blob(call)}",
        f"LIST {names.DRAFTS}/{call}/",
    ]
    assert stored.opened == {stream.stream_id}
    assert stored.result is None
    assert not stored.is_quiet


def test_the_last_event_s_time() -> None:
    record = new_record("call", STARTED_AT)
    assert last_event_time(record) == STARTED_AT
    add_event(record, create_event("call", "CallConnected", STARTED_AT + timedelta(seconds=5)))
    assert last_event_time(record) == STARTED_AT + timedelta(seconds=5)
