"""A result that is not final is refused, with its state, unless it is asked for by name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from calls.http import call_details, call_list, results, transcripts
from calls.http.respond import Handler
from calls.pipeline import storage_events
from calls.records.model import CallRecord
from calls.records.result_state import SETTLE_SECONDS
from calls.records.store import change_record
from tests.calls.call_events import record_events
from tests.calls.handler_requests import decode_body, send_request
from tests.calls.sample_streams import SampleStream, new_call_id, noise
from tests.calls.stream_uploader import StreamUploader

HANDLERS = (results.show_timeline, results.send_recording, transcripts.show_transcript)
SHOWN = (200, 307)
"""A recording is a redirect to the file."""

CONNECTED, STARTED, ENDED = "CallConnected", "MediaStreamingStarted", "CallDisconnected"


@pytest.fixture(params=HANDLERS, ids=lambda handler: handler.__name__)
def handler(request: pytest.FixtureRequest) -> Handler:
    value: Handler = request.param
    return value


async def get(uploader: StreamUploader, handler: Handler, call: str, **params: str) -> Any:
    return await send_request(uploader.clients, handler, params=params, id=call)


async def refusal(
    uploader: StreamUploader, handler: Handler, call: str, **params: str
) -> tuple[int, str, str, str | None]:
    response = await get(uploader, handler, call, **params)
    document = decode_body(response)
    retry_after = response.headers.get("Retry-After")
    return response.status_code, document["code"], document["result_state"], retry_after


async def test_a_call_that_goes_on(uploader: StreamUploader, handler: Handler) -> None:
    call, now = new_call_id(), datetime.now(UTC)
    await record_events(uploader.storage, call, now, CONNECTED, STARTED)
    not_ready = (409, "not_ready", "recording", "1")
    assert await refusal(uploader, handler, call) == not_ready
    assert await refusal(uploader, handler, call, allow_partial="true") == not_ready
    await uploader.process(SampleStream(call, {None: noise(16_000)}))
    assert await refusal(uploader, handler, call) == not_ready, "the call has not ended"
    early = await get(uploader, handler, call, allow_partial="true")
    assert early.status_code in SHOWN
    if early.mimetype == "application/json":
        assert decode_body(early)["result_state"] == "recording"


async def test_a_call_that_has_ended(uploader: StreamUploader, handler: Handler) -> None:
    call, now = new_call_id(), datetime.now(UTC)
    await record_events(uploader.storage, call, now, CONNECTED, STARTED, ENDED)
    assert await refusal(uploader, handler, call) == (409, "not_ready", "processing", "1")
    await uploader.process(SampleStream(call, {None: noise(16_000)}))
    final = await get(uploader, handler, call)
    assert final.status_code in SHOWN
    if final.mimetype == "application/json":
        assert decode_body(final)["result_state"] == "final"


async def test_a_call_that_lacks_audio(uploader: StreamUploader, handler: Handler) -> None:
    call, now = new_call_id(), datetime.now(UTC)
    await record_events(uploader.storage, call, now, CONNECTED, STARTED, ENDED)
    stream = SampleStream(call, {None: noise(32_000)}, segment_seconds=1)
    await uploader.upload_segments(stream, leave_out=[list(stream.files)[1]])
    await uploader.analyse_segment(stream, next(iter(stream.files)))
    await uploader.finish_stream(stream)
    await storage_events.assemble_call(uploader.clients, call, partial=True)
    assert await refusal(uploader, handler, call) == (409, "result_partial", "partial", "300")
    detail = decode_body(await get(uploader, handler, call))["detail"]
    assert "1 segment is missing or was not analysed" in detail
    assert "allow_partial=true" in detail
    partial = await get(uploader, handler, call, allow_partial="true")
    assert partial.status_code in SHOWN
    if partial.mimetype == "application/json":
        assert decode_body(partial)["result_state"] == "partial"
    if handler is results.show_timeline:
        assert decode_body(partial)["partial"]
    summary = decode_body(await get(uploader, call_details.show_call, call))["summary"]
    assert summary["partial"], "although all manifests are there"


async def test_a_call_without_audio(uploader: StreamUploader, handler: Handler) -> None:
    call = new_call_id()
    long_ago = datetime.now(UTC) - timedelta(seconds=SETTLE_SECONDS + 10)
    await record_events(uploader.storage, call, long_ago, CONNECTED, ENDED)
    expected = (404, "no_result", "none", None)
    assert await refusal(uploader, handler, call) == expected, "time alone has settled it"
    assert await refusal(uploader, handler, call, allow_partial="true") == expected
    detail = decode_body(await get(uploader, handler, call))["detail"]
    assert "the media streaming was never started" in detail


async def test_a_call_that_does_not_exist(uploader: StreamUploader, handler: Handler) -> None:
    response = await get(uploader, handler, new_call_id())
    assert (response.status_code, decode_body(response)["code"]) == (404, "call_not_found")


async def test_a_call_that_this_app_did_not_place(
    uploader: StreamUploader, handler: Handler
) -> None:
    """It has no record; its result is final once its streams have ended."""
    call = new_call_id()
    stream = SampleStream(call, {None: noise(16_000)})
    await uploader.upload_segments(stream)
    await uploader.analyse_segments(stream)
    await storage_events.assemble_call(uploader.clients, call, partial=True)
    assert await refusal(uploader, handler, call) == (409, "result_partial", "partial", "300")
    await uploader.finish_stream(stream)
    assert (await get(uploader, handler, call)).status_code in SHOWN


@pytest.mark.parametrize("text", ["", "yes", "TRUE", "1"])
async def test_allow_partial_is_true_or_false(uploader: StreamUploader, text: str) -> None:
    response = await get(uploader, results.show_timeline, new_call_id(), allow_partial=text)
    assert response.status_code == 400
    assert decode_body(response)["errors"] == [
        {"field": "allow_partial", "message": "must be true or false"}
    ]


@pytest.mark.usefixtures("own_storage")
async def test_the_record_and_the_list_have_the_state(uploader: StreamUploader) -> None:
    call, now = new_call_id(), datetime.now(UTC)
    await record_events(uploader.storage, call, now, CONNECTED, STARTED)

    def set_partial(record: CallRecord) -> bool:
        record.result_state, record.result_reason = "partial", "2 segments are missing"
        return True

    handlers: list[Callable[[], Any]] = [
        lambda: get(uploader, call_details.show_call, call),
        lambda: get(uploader, call_list.list_calls, call, limit="1"),
    ]
    for show in handlers:
        document = decode_body(await show())
        (shown,) = document.get("calls", [document])
        assert shown["result_state"] == "recording"
    await change_record(uploader.storage, call, set_partial)
    for show in handlers:
        document = decode_body(await show())
        (shown,) = document.get("calls", [document])
        assert shown["result_state"] == "partial"
        assert shown["result_reason"] == "2 segments are missing"
