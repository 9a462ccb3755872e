"""How far a call's result is, for every order in which its parts and events arrive."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from acs.events import ResultInformation
from calls.pipeline import storage_events
from calls.records.derive import add_event, add_request
from calls.records.model import (
    CallRecord,
    MissingAudio,
    RequestRecord,
    ResultState,
    Summary,
    new_record,
)
from calls.records.result_state import (
    ENDED_BY_UNKNOWN,
    SETTLE_SECONDS,
    Status,
    determine_status,
    may_settle,
    update_result_state,
)
from calls.records.store import read_record
from calls.records.stored_streams import ResultOutline, StoredStreams, StreamOutline
from contract import names
from tests.calls.call_events import create_event, record_events
from tests.calls.sample_streams import STARTED_AT, SampleStream, new_call_id, noise
from tests.calls.stream_uploader import StreamUploader

CONNECTED, STARTED, STOPPED = "CallConnected", "MediaStreamingStarted", "MediaStreamingStopped"
FAILED, ENDED = "MediaStreamingFailed", "CallDisconnected"
JUST_NOW, LATER = 1.0, SETTLE_SECONDS + 1
PARTIAL_AFTER = 1800.0


def record_of(*names: str, starts: int = 0, start_streaming: bool | None = True) -> CallRecord:
    """A call's record with an event for each second, and that many requests to start streaming."""
    record = new_record("call", STARTED_AT)
    record.start_streaming = start_streaming
    for number in range(starts):
        add_request(record, RequestRecord(id=f"{number}", operation="start", time=STARTED_AT))
    for second, name in enumerate(names):
        add_event(record, create_event("call", name, STARTED_AT + timedelta(seconds=second)))
    return record


def result_of(*streams: str, segments: int = 4, missing: int = 0, without_end: str = "") -> Any:
    """A result of these streams; the one ``without_end`` has a synthesized manifest."""
    summary = Summary(
        streams=len(streams),
        segments=segments,
        missing_segments=missing,
        audio_ms=1.0,
        speech_ms=1.0,
        speech_share=1.0,
        lost_ms=0.0,
    )
    outlines = [
        StreamOutline(stream, ENDED_BY_UNKNOWN if stream == without_end else "1000")
        for stream in streams
    ]
    return ResultOutline(summary, outlines)


def stored(
    opened: str = "", ended: str = "", result: Any = None, *, is_quiet: bool = False
) -> StoredStreams:
    """What is stored of the streams with these one-letter ids."""
    return StoredStreams(
        opened=frozenset(opened), ended=frozenset(ended), result=result, is_quiet=is_quiet
    )


def status_of(record: CallRecord, streams: StoredStreams, after_end: float = JUST_NOW) -> Status:
    assert record.ended_at is not None
    return determine_status(record, streams, record.ended_at + timedelta(seconds=after_end))


@pytest.mark.parametrize(
    ("record", "streams", "after_end", "state"),
    [
        # One stream: its result is there, or is not.
        (record_of(CONNECTED, STARTED, ENDED), stored("a", "a", result_of("a")), 1, "final"),
        (record_of(CONNECTED, STARTED, ENDED), stored("a", "a"), 1, "processing"),
        (record_of(CONNECTED, STARTED, ENDED), stored("a"), 3600, "processing"),
        # Stop and start: the result of the first stream alone is not the call's.
        (
            record_of(CONNECTED, STARTED, STOPPED, STARTED, ENDED),
            stored("ab", "a", result_of("a")),
            1,
            "processing",
        ),
        (
            record_of(CONNECTED, STARTED, STOPPED, STARTED, ENDED),
            stored("ab", "ab", result_of("a")),
            1,
            "processing",
        ),
        (
            record_of(CONNECTED, STARTED, STOPPED, STARTED, ENDED),
            stored("ab", "ab", result_of("a", "b")),
            1,
            "final",
        ),
        # The second stream's marker is lost, but ACS's event reports it.
        (
            record_of(CONNECTED, STARTED, STOPPED, STARTED, ENDED),
            stored("a", "a", result_of("a")),
            3600,
            "processing",
        ),
        # Its event is lost, but the marker shows it.
        (
            record_of(CONNECTED, STARTED, STOPPED, ENDED, starts=1),
            stored("ab", "a", result_of("a")),
            3600,
            "processing",
        ),
        # Both are late: the start that nobody has answered is waited for, but not for ever.
        (
            record_of(CONNECTED, STARTED, STOPPED, ENDED, starts=1),
            stored("a", "a", result_of("a")),
            JUST_NOW,
            "processing",
        ),
        (
            record_of(CONNECTED, STARTED, STOPPED, ENDED, starts=1),
            stored("a", "a", result_of("a")),
            LATER,
            "final",
        ),
        # A lifecycle rule has deleted segments and manifests.
        (record_of(CONNECTED, STARTED, ENDED), stored(result=result_of("a")), LATER, "final"),
        # A start that failed is not waited for.
        (
            record_of(CONNECTED, STARTED, STOPPED, FAILED, ENDED, starts=1),
            stored("a", "a", result_of("a")),
            JUST_NOW,
            "final",
        ),
        # All its events but the last are lost.
        (record_of(ENDED), stored("a", "a", result_of("a")), JUST_NOW, "final"),
        (record_of(ENDED), stored("a"), LATER, "processing"),
    ],
)
def test_a_result_is_final_once_every_stream_is_in_it(
    record: CallRecord, streams: StoredStreams, after_end: float, state: str
) -> None:
    assert status_of(record, streams, after_end).state == state


@pytest.mark.parametrize(
    ("streams", "missing", "reason"),
    [
        (
            stored("a", "a", result_of("a", missing=2)),
            MissingAudio(segments=2),
            "2 segments are missing or were not analysed",
        ),
        (
            stored("ab", "a", result_of("a", "b", without_end="b"), is_quiet=True),
            MissingAudio(unfinished_streams=["b"]),
            "1 stream ended without its manifest",
        ),
        # Its streamer died before it had uploaded anything.
        (
            stored("ab", "a", result_of("a"), is_quiet=True),
            MissingAudio(unfinished_streams=["b"]),
            "1 stream ended without its manifest",
        ),
        # Its manifest cannot be read, and it left no segments.
        (
            stored("ab", "ab", result_of("a"), is_quiet=True),
            MissingAudio(unfinished_streams=["b"]),
            "1 stream ended without its manifest",
        ),
    ],
)
def test_a_partial_result_says_what_is_missing(
    streams: StoredStreams, missing: MissingAudio, reason: str
) -> None:
    status = status_of(record_of(CONNECTED, STARTED, ENDED), streams)
    assert status == Status("partial", reason, missing)


@pytest.mark.parametrize(
    ("failed", "state", "reason"),
    [
        (1, "partial", "2 segments are missing or were not analysed"),
        (2, "final", "2 segments failed permanently"),
    ],
)
def test_what_failed_permanently_is_no_reason_to_wait(
    failed: int, state: ResultState, reason: str
) -> None:
    streams = msgspec.structs.replace(
        stored("a", "a", result_of("a", missing=2)), failed_segments=failed
    )
    status = status_of(record_of(CONNECTED, STARTED, ENDED), streams)
    assert status == Status(state, reason, MissingAudio(segments=2))


def test_a_stream_that_acs_reported_and_that_left_nothing_is_missing() -> None:
    record = record_of(CONNECTED, STARTED, STOPPED, STARTED, ENDED)
    status = status_of(record, stored("a", "a", result_of("a"), is_quiet=True))
    assert status == Status(
        "partial",
        "1 stream that ACS reported left nothing",
        MissingAudio(unknown_streams=1),
    )


@pytest.mark.parametrize(
    ("record", "after_end", "reason"),
    [
        (record_of(ENDED), JUST_NOW, "the call was never connected"),
        (record_of("CreateCallFailed"), JUST_NOW, "the call was never connected"),
        (
            record_of(CONNECTED, ENDED, start_streaming=False),
            JUST_NOW,
            "the media streaming was never started",
        ),
        (record_of(CONNECTED, ENDED), LATER, "the media streaming was never started"),
        (record_of(CONNECTED, FAILED, ENDED), JUST_NOW, "the media streaming failed"),
    ],
)
def test_a_call_without_audio_has_none_soon_and_says_why(
    record: CallRecord, after_end: float, reason: str
) -> None:
    assert status_of(record, stored(), after_end) == Status("none", reason)


def test_acs_s_reason_is_passed_on() -> None:
    record = new_record("call", STARTED_AT)
    result = ResultInformation(message="The callee is busy.")
    event = create_event("call", "CreateCallFailed", STARTED_AT, result_information=result)
    add_event(record, event)
    reason = status_of(record, stored()).reason
    assert reason == "the call was never connected: The callee is busy."


def test_streaming_that_was_requested_may_still_start_when_the_call_ends() -> None:
    assert status_of(record_of(CONNECTED, ENDED), stored()).state == "processing"


def test_streams_without_a_frame_leave_none() -> None:
    record = record_of(CONNECTED, STARTED, ENDED)
    status = status_of(record, stored("a", "a", result_of("a", segments=0)))
    assert status == Status("none", "no audio arrived on the call's streams")


def test_a_stream_of_which_nothing_can_be_read_leaves_none() -> None:
    """Its streamer died early: the call is not left in ``processing`` for ever."""
    record = record_of(CONNECTED, STARTED, ENDED)
    assert status_of(record, stored("a"), 3600).state == "processing"
    status = status_of(record, stored("a", is_quiet=True), 3600)
    assert (status.state, status.missing) == ("none", MissingAudio(unfinished_streams=["a"]))


def test_only_an_ended_call_that_waits_may_settle_with_time() -> None:
    record = record_of(CONNECTED, ENDED)
    assert record.ended_at is not None
    assert record.result_state == "processing"
    settled = record.ended_at + timedelta(seconds=SETTLE_SECONDS)
    assert not may_settle(record, settled - timedelta(seconds=1))
    assert may_settle(record, settled)
    record.result_state = "final"
    assert not may_settle(record, settled)


def test_a_call_that_goes_on_is_recording() -> None:
    assert record_of(CONNECTED, STARTED, STOPPED).result_state == "recording"


# In storage.


async def update(uploader: StreamUploader, call: str, after: float = 0) -> CallRecord:
    now = datetime.now(UTC) + timedelta(seconds=after)
    return (await update_result_state(uploader.storage, call, now, PARTIAL_AFTER)).record


async def mark(uploader: StreamUploader, stream: SampleStream) -> None:
    """Write a stream's marker, as the streamer does when it opens."""
    marker = names.stream_marker(stream.call, stream.stream_id)
    await uploader.storage.put(names.DRAFTS, marker, b"")


def two_streams(call: str) -> tuple[SampleStream, SampleStream]:
    start = STARTED_AT + timedelta(seconds=2)
    return (
        SampleStream(call, {None: noise(16_000)}),
        SampleStream(call, {None: noise(16_000, 2)}, start=start),
    )


async def test_the_end_before_the_last_manifest(uploader: StreamUploader) -> None:
    call, now = new_call_id(), datetime.now(UTC)
    first, second = two_streams(call)
    await record_events(uploader.storage, call, now, CONNECTED)
    for stream in (first, second):
        await mark(uploader, stream)
    await uploader.process(first)
    assert (await read_record(uploader.storage, call)).result_state == "recording"
    await record_events(uploader.storage, call, now, ENDED)
    assert (await update(uploader, call, LATER)).result_state == "processing"
    await uploader.process(second)
    record = await read_record(uploader.storage, call)
    assert (record.result_state, record.result_reason, record.missing) == ("final", None, None)
    assert record.summary is not None
    assert (record.summary.streams, record.summary.duration_ms) == (2, 3000)


async def test_the_end_after_all_manifests(uploader: StreamUploader) -> None:
    call, now = new_call_id(), datetime.now(UTC)
    streams = two_streams(call)
    await record_events(uploader.storage, call, now, CONNECTED, STARTED, STOPPED, STARTED, STOPPED)
    await uploader.process(*streams)
    assert (await update(uploader, call)).result_state == "recording"
    await record_events(uploader.storage, call, now, ENDED)
    assert (await update(uploader, call)).result_state == "final"


async def test_a_streamer_that_died_leaves_a_partial_result(uploader: StreamUploader) -> None:
    call, now = new_call_id(), datetime.now(UTC)
    first, second = two_streams(call)
    for stream in (first, second):
        await mark(uploader, stream)
    await record_events(uploader.storage, call, now, CONNECTED, STARTED, ENDED)
    await uploader.process(first)
    await uploader.upload_segments(second)
    await uploader.analyse_segments(second)
    assert (await update(uploader, call, LATER)).result_state == "processing"
    await storage_events.assemble_call(uploader.clients, call, partial=True)
    record = await update(uploader, call, PARTIAL_AFTER + 60)
    assert record.result_state == "partial"
    assert record.missing == MissingAudio(unfinished_streams=[second.stream_id])
    await uploader.finish_stream(second)
    record = await read_record(uploader.storage, call)
    assert (record.result_state, record.missing) == ("final", None), "the manifest has come"


async def test_a_segment_that_failed_permanently_is_told_in_a_final_result(
    uploader: StreamUploader,
) -> None:
    call, now = new_call_id(), datetime.now(UTC)
    stream = SampleStream(call, {None: noise(32_000)}, segment_seconds=1)
    broken = stream.break_first_segment()
    await uploader.upload_segments(stream)
    await uploader.analyse_segment(stream, list(stream.files)[1])
    await record_events(uploader.storage, call, now, CONNECTED, STARTED, ENDED)
    await uploader.finish_stream(stream)
    assert (await update(uploader, call, LATER)).result_state == "processing"
    await storage_events.try_once_more(uploader.clients, names.SEGMENTS, broken)
    record = await read_record(uploader.storage, call)
    assert (record.result_state, record.missing) == ("final", MissingAudio(segments=1))
    assert record.result_reason == "1 segment failed permanently"


async def test_what_is_determined_from_an_older_record_is_not_written(
    uploader: StreamUploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run finds the result in the meantime: its state stays."""
    call, now = new_call_id(), datetime.now(UTC)
    await record_events(uploader.storage, call, now, CONNECTED, ENDED, start_streaming=False)
    listing, runs = uploader.storage.listing, []

    async def list_slowly(container: str, prefix: str) -> Any:
        listed = await listing(container, prefix)
        runs.append(prefix)
        if len(runs) == 1:
            await uploader.process(SampleStream(call, {None: noise(1600)}))
        return listed

    monkeypatch.setattr(uploader.storage, "listing", list_slowly)
    await update(uploader, call)
    assert (await read_record(uploader.storage, call)).result_state == "final"


async def test_simultaneous_updates_agree(uploader: StreamUploader) -> None:
    call, now = new_call_id(), datetime.now(UTC)
    await record_events(uploader.storage, call, now, CONNECTED, ENDED)
    await uploader.process(SampleStream(call, {None: noise(1600)}))
    records = await asyncio.gather(*(update(uploader, call, LATER) for _ in range(8)))
    assert {record.result_state for record in records} == {"final"}
