"""Starting and stopping the media streaming of a call that the emulator has connected."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from acs import events
from acs.events import CallbackEvent, EventData
from calls import blobs
from calls.clients import Clients
from calls.control.placing import place_call
from calls.control.streaming import ANSWER_TIME, Operation, change_streaming, is_overdue
from calls.errors import (
    AcsRefused,
    AcsUnavailable,
    CallEnded,
    CallNotFound,
    StreamingStateConflict,
)
from calls.records.callback_events import record_callback_event
from calls.records.derive import add_request
from calls.records.model import CallRecord, RequestRecord
from calls.records.store import change_record, read_record
from tests.calls.control.acs import PRINCIPAL, Acs, CreateClients
from tests.calls.control.test_placing import CALL
from tests.calls.lossy_storage import LossyStorage


@pytest_asyncio.fixture
async def acs() -> AsyncIterator[Acs]:
    """ACS in which every call is connected at once."""
    acs = Acs()
    await acs.start(answer_seconds=0)
    yield acs
    await acs.stop()


@pytest.fixture
def clients(create_clients: CreateClients, acs: Acs) -> Clients:
    return create_clients(streamer_url=acs.media_url)


async def connect_call(clients: Clients, acs: Acs, *, start_streaming: bool) -> str:
    """Place a call, and wait until it is connected; returns its id."""
    call = msgspec.structs.replace(CALL, start_streaming=start_streaming)
    record, _ = await place_call(clients, PRINCIPAL, call, None)
    await acs.wait_for_callback("CallConnected")
    return record.call_connection_id


async def record_event(clients: Clients, call: str, type_: str) -> None:
    record = await read_record(clients.storage, call)
    data = EventData(
        call, server_call_id=record.server_call_id, correlation_id=record.correlation_id
    )
    event = CallbackEvent(id=type_, type=type_, time=datetime.now(UTC), data=data)
    await record_callback_event(clients.storage, event, "require")


async def test_streaming_is_started_and_stopped(clients: Clients, acs: Acs) -> None:
    call = await connect_call(clients, acs, start_streaming=False)
    record = await change_streaming(clients, call, "start", "from the test")
    assert record.streaming.state == "starting"
    assert await read_record(clients.storage, call) == record
    await acs.wait_for_callback("MediaStreamingStarted")
    await record_event(clients, call, events.MEDIA_STREAMING_STARTED)
    record = await change_streaming(clients, call, "stop", None)
    assert record.streaming.state == "stopping"
    assert [request.operation for request in record.requests] == ["start", "stop"]
    await acs.wait_for_callback("MediaStreamingStopped")

    _, start, stop = await acs.read_requests(call)
    assert (start["operation"], stop["operation"]) == (
        "startMediaStreaming",
        "stopMediaStreaming",
    )
    assert start["body"]["operationContext"] == "from the test"
    assert start["body"]["operationCallbackUri"] == f"{acs.url}/api/v1/callbacks"


@pytest.mark.parametrize(
    ("operation", "start_streaming", "state"),
    [("start", True, "starting"), ("stop", False, "inactive")],
)
async def test_what_the_state_does_not_allow_never_reaches_acs(
    clients: Clients, acs: Acs, operation: Operation, start_streaming: bool, state: str
) -> None:
    call = await connect_call(clients, acs, start_streaming=start_streaming)
    with pytest.raises(StreamingStateConflict, match=state):
        await change_streaming(clients, call, operation, None)
    assert [request["operation"] for request in await acs.read_requests(call)] == ["create"]


async def test_of_two_at_once_one_reaches_acs(clients: Clients, acs: Acs) -> None:
    call = await connect_call(clients, acs, start_streaming=False)
    outcomes = await asyncio.gather(
        *(change_streaming(clients, call, "start", None) for _ in range(2)),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, StreamingStateConflict) for outcome in outcomes) == 1
    assert acs.count("POST startMediaStreaming") == 1


async def test_a_request_that_acs_refuses_is_removed_from_the_record(
    clients: Clients, acs: Acs
) -> None:
    call = await connect_call(clients, acs, start_streaming=True)
    # The event is a false one: ACS still has the stream.
    await record_event(clients, call, events.MEDIA_STREAMING_STOPPED)
    before = await read_record(clients.storage, call)
    with pytest.raises(AcsRefused, match="the media streaming did not start") as refused:
        await change_streaming(clients, call, "start", None)
    assert (refused.value.status, refused.value.code) == (409, "8585")
    after = await read_record(clients.storage, call)
    assert msgspec.structs.replace(after, revision=before.revision) == before


async def test_a_failed_request_is_sent_once(clients: Clients, acs: Acs) -> None:
    """ACS does not recognize these requests when they are repeated."""
    call = await connect_call(clients, acs, start_streaming=False)
    await acs.set_call_faults(call, operation_status=500)
    with pytest.raises(AcsRefused) as refused:
        await change_streaming(clients, call, "start", None)
    assert refused.value.status == 500
    assert acs.count("POST startMediaStreaming") == 1


async def test_an_unreachable_acs_leaves_the_record_as_it_was(
    clients: Clients, create_clients: CreateClients, acs: Acs
) -> None:
    call = await connect_call(clients, acs, start_streaming=False)
    before = await read_record(clients.storage, call)
    with pytest.raises(AcsUnavailable):
        await change_streaming(
            create_clients(acs_endpoint="http://127.0.0.1:9"), call, "start", None
        )
    after = await read_record(clients.storage, call)
    assert msgspec.structs.replace(after, revision=before.revision) == before


@pytest.mark.parametrize("operation", ["start", "stop"])
async def test_a_call_that_has_ended_is_left_alone(
    clients: Clients, acs: Acs, operation: Operation
) -> None:
    call = await connect_call(clients, acs, start_streaming=True)
    await record_event(clients, call, events.CALL_DISCONNECTED)
    with pytest.raises(CallEnded):
        await change_streaming(clients, call, operation, None)


async def test_a_call_without_a_record_is_not_found(clients: Clients) -> None:
    with pytest.raises(CallNotFound):
        await change_streaming(clients, "nothing", "start", None)


async def test_a_start_reaches_acs_although_the_response_to_its_record_is_lost(
    create_clients: CreateClients, acs: Acs, lossy_storage: LossyStorage
) -> None:
    clients = create_clients(
        streamer_url=acs.media_url, audio_storage=lossy_storage.connection_string
    )
    call = await connect_call(clients, acs, start_streaming=False)
    lossy_storage.lose_next_write(blobs.call_blob(call))
    record = await change_streaming(clients, call, "start", None)
    assert lossy_storage.lost == [201]
    assert record.streaming.state == "starting"
    assert acs.count("POST startMediaStreaming") == 1


async def test_a_start_reaches_acs_although_an_event_follows_its_lost_response(
    clients: Clients, acs: Acs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the lost response and the repeated write, somebody else changed the record."""
    call = await connect_call(clients, acs, start_streaming=False)
    replace = clients.storage.replace

    async def lose_response(*args: Any) -> bool:
        monkeypatch.setattr(clients.storage, "replace", replace)
        assert await replace(*args)
        await record_event(clients, call, events.CALL_CONNECTED)
        return False

    monkeypatch.setattr(clients.storage, "replace", lose_response)
    record = await change_streaming(clients, call, "start", None)
    assert (record.state, len(record.requests)) == ("connected", 1)
    assert acs.count("POST startMediaStreaming") == 1


@pytest.mark.parametrize(("seconds", "is_sent"), [(0, False), (31, True)])
async def test_a_request_that_was_never_sent_can_be_repeated(
    clients: Clients, acs: Acs, seconds: int, is_sent: bool
) -> None:
    """The process that wrote the request into the record died before it sent it."""
    call = await connect_call(clients, acs, start_streaming=False)
    time = datetime.now(UTC) - timedelta(seconds=seconds)

    def apply(record: CallRecord) -> bool:
        add_request(record, RequestRecord(id="unsent", operation="start", time=time))
        return True

    stored = await change_record(clients.storage, call, apply)
    assert not is_overdue(stored, time + ANSWER_TIME - timedelta(seconds=1))
    assert is_overdue(stored, time + ANSWER_TIME)
    if is_sent:
        record = await change_streaming(clients, call, "start", None)
        assert record.streaming.state == "starting"
    else:
        with pytest.raises(StreamingStateConflict, match="starting"):
            await change_streaming(clients, call, "start", None)
    assert acs.count("POST startMediaStreaming") == is_sent
