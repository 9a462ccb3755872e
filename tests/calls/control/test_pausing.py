"""Pausing and resuming calls that the emulator has connected."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from acs import events
from acs.events import CallbackEvent, EventData
from calls.clients import Clients
from calls.control import streaming
from calls.control.pausing import meet_pause_deadlines, pause_call, resume_call
from calls.control.streaming import ANSWER_TIME, change_streaming
from calls.errors import (
    AcsRefused,
    AcsUnavailable,
    CallEnded,
    CallNotFound,
    StreamingStateConflict,
)
from calls.principals import SYSTEM, Principal
from calls.records.callback_events import record_callback_event
from calls.records.model import CallRecord
from calls.records.pauses import list_pauses, open_pause
from calls.records.store import read_record
from tests.calls.control.acs import Acs, CreateClients
from tests.calls.control.test_deadlines import Sent
from tests.calls.control.test_streaming import connect_call

AGENT = Principal(kind="key", id="agents", name="agents")
STARTED, STOPPED = events.MEDIA_STREAMING_STARTED, events.MEDIA_STREAMING_STOPPED


@pytest_asyncio.fixture
async def acs() -> AsyncIterator[Acs]:
    """ACS in which every call is connected at once."""
    acs = Acs()
    await acs.start(answer_seconds=0)
    yield acs
    await acs.stop()


@pytest.fixture
def sent() -> Sent:
    return Sent()


@pytest.fixture
def clients(create_clients: CreateClients, acs: Acs, sent: Sent) -> Clients:
    clients = create_clients(streamer_url=acs.media_url)
    clients._queues["deadlines"] = sent  # type: ignore[assignment]
    return clients


@pytest_asyncio.fixture
async def call(clients: Clients, acs: Acs) -> str:
    """A call that is being streamed."""
    call = await connect_call(clients, acs, start_streaming=True)
    await record_event(clients, call, STARTED)
    return call


async def record_event(clients: Clients, call: str, type_: str) -> None:
    record = await read_record(clients.storage, call)
    data = EventData(
        call, server_call_id=record.server_call_id, correlation_id=record.correlation_id
    )
    event = CallbackEvent(id=uuid.uuid4().hex, type=type_, time=datetime.now(UTC), data=data)
    await record_callback_event(clients.storage, event, "require")


async def pause(clients: Clients, call: str, max_seconds: int | None = None) -> CallRecord:
    return await pause_call(clients, call, AGENT, max_seconds=max_seconds, reason="card payment")


async def meet(clients: Clients, call: str, later: timedelta) -> CallRecord:
    """Meet the deadlines of a call as if it were later; returns its record."""
    record = await read_record(clients.storage, call)
    await meet_pause_deadlines(clients, record, datetime.now(UTC) + later)
    return await read_record(clients.storage, call)


async def read_operations(acs: Acs, call: str) -> list[str]:
    return [request["operation"] for request in (await acs.read_requests(call))[1:]]


async def test_a_call_is_paused_and_resumed(clients: Clients, acs: Acs, call: str) -> None:
    record = await pause(clients, call)
    assert record.streaming.state == "stopping"
    await acs.wait_for_callback("MediaStreamingStopped")
    await record_event(clients, call, STOPPED)
    record = await resume_call(clients, call, SYSTEM)
    assert record.streaming.state == "starting"
    (only,) = list_pauses(record)
    assert (only.paused_by, only.reason, only.resumed_by) == (AGENT, "card payment", SYSTEM)
    assert only.resumed_at is not None
    assert only.resumed_at > only.paused_at
    assert await read_operations(acs, call) == ["stopMediaStreaming", "startMediaStreaming"]


async def test_a_repeat_changes_nothing(clients: Clients, acs: Acs, call: str) -> None:
    first = await pause(clients, call)
    assert await pause(clients, call, 5) == first
    await acs.wait_for_callback("MediaStreamingStopped")
    await record_event(clients, call, STOPPED)
    stopped = await read_record(clients.storage, call)
    assert await pause(clients, call) == stopped
    resumed = await resume_call(clients, call, AGENT)
    assert await resume_call(clients, call, AGENT) == resumed
    assert await read_operations(acs, call) == ["stopMediaStreaming", "startMediaStreaming"]


async def test_of_two_pauses_at_once_one_reaches_acs(clients: Clients, acs: Acs, call: str) -> None:
    await asyncio.gather(*(pause(clients, call) for _ in range(3)))
    assert await read_operations(acs, call) == ["stopMediaStreaming"]


async def test_only_a_call_that_is_streamed_can_be_paused(clients: Clients, acs: Acs) -> None:
    call = await connect_call(clients, acs, start_streaming=False)
    with pytest.raises(StreamingStateConflict, match="inactive: only a call that is being"):
        await pause(clients, call)
    with pytest.raises(StreamingStateConflict, match="inactive: the call is not paused"):
        await resume_call(clients, call, AGENT)
    assert await read_operations(acs, call) == []


async def test_a_call_that_has_ended_or_does_not_exist(clients: Clients, call: str) -> None:
    await record_event(clients, call, events.CALL_DISCONNECTED)
    for attempt in (pause(clients, call), resume_call(clients, call, AGENT)):
        with pytest.raises(CallEnded):
            await attempt
    for attempt in (pause(clients, "nothing"), resume_call(clients, "nothing", AGENT)):
        with pytest.raises(CallNotFound):
            await attempt


async def test_a_start_of_the_streaming_ends_a_pause(clients: Clients, acs: Acs, call: str) -> None:
    await pause(clients, call, 60)
    await acs.wait_for_callback("MediaStreamingStopped")
    await record_event(clients, call, STOPPED)
    record = await change_streaming(clients, call, "start", None, AGENT)
    assert [each.resumed_by for each in list_pauses(record)] == [AGENT]
    await record_event(clients, call, STARTED)
    record = await read_record(clients.storage, call)
    assert await meet(clients, call, timedelta(seconds=61)) == record


async def test_a_stop_in_a_pause_makes_it_last(clients: Clients, acs: Acs, call: str) -> None:
    await pause(clients, call, 60)
    await acs.wait_for_callback("MediaStreamingStopped")
    await record_event(clients, call, STOPPED)
    (only,) = list_pauses(await change_streaming(clients, call, "stop", None, AGENT))
    assert (only.resume_at, only.resumed_at) == (None, None)
    assert open_pause(await meet(clients, call, timedelta(seconds=61))) is not None
    with pytest.raises(StreamingStateConflict):
        await change_streaming(clients, call, "stop", None, AGENT)
    await resume_call(clients, call, AGENT)
    assert await read_operations(acs, call) == ["stopMediaStreaming", "startMediaStreaming"]


async def test_a_stop_repeats_a_pause_that_acs_has_not_answered(
    clients: Clients,
    create_clients: CreateClients,
    acs: Acs,
    call: str,
    sent: Sent,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    away = create_clients(acs_endpoint="http://127.0.0.1:9")
    away._queues["deadlines"] = sent  # type: ignore[assignment]
    with pytest.raises(AcsUnavailable):
        await pause(away, call, 60)
    monkeypatch.setattr(streaming, "ANSWER_TIME", timedelta(0))
    record = await change_streaming(clients, call, "stop", None, AGENT)
    assert open_pause(record) is None
    assert await read_operations(acs, call) == ["stopMediaStreaming"]


async def test_a_stop_is_not_a_pause(clients: Clients, acs: Acs, call: str) -> None:
    await change_streaming(clients, call, "stop", None, AGENT)
    await acs.wait_for_callback("MediaStreamingStopped")
    await record_event(clients, call, STOPPED)
    with pytest.raises(StreamingStateConflict):
        await resume_call(clients, call, AGENT)
    record = await meet(clients, call, timedelta(days=1))
    assert list_pauses(record) == []
    assert await read_operations(acs, call) == ["stopMediaStreaming"]


async def test_a_pause_with_a_time_limit_ends_by_itself(
    clients: Clients, acs: Acs, call: str, sent: Sent
) -> None:
    await pause(clients, call, 60)
    await acs.wait_for_callback("MediaStreamingStopped")
    await record_event(clients, call, STOPPED)
    assert [seconds for _, seconds in sent.messages] == [60]
    record = await meet(clients, call, timedelta(seconds=50))
    assert open_pause(record) is not None, "the message came early"
    assert len(sent.messages) == 2, "and another one follows"
    record = await meet(clients, call, timedelta(seconds=61))
    (only,) = list_pauses(record)
    assert only.resumed_by == SYSTEM
    assert record.streaming.state == "starting"
    assert await meet(clients, call, timedelta(seconds=62)) == record, "a repeated message"
    assert await read_operations(acs, call) == ["stopMediaStreaming", "startMediaStreaming"]


async def test_a_pause_without_a_time_limit_lasts(
    clients: Clients, acs: Acs, call: str, sent: Sent
) -> None:
    await pause(clients, call)
    await acs.wait_for_callback("MediaStreamingStopped")
    await record_event(clients, call, STOPPED)
    assert open_pause(await meet(clients, call, timedelta(days=1))) is not None
    assert sent.messages == []


async def test_the_message_of_an_earlier_pause_does_not_end_a_later_one(
    clients: Clients, acs: Acs, call: str
) -> None:
    await pause(clients, call, 60)
    await acs.wait_for_callback("MediaStreamingStopped")
    await record_event(clients, call, STOPPED)
    old = await read_record(clients.storage, call)
    await resume_call(clients, call, AGENT)
    await record_event(clients, call, STARTED)
    await pause(clients, call, 600)
    # The record was read before the second pause.
    await meet_pause_deadlines(clients, old, datetime.now(UTC) + timedelta(seconds=61))
    record = await read_record(clients.storage, call)
    assert open_pause(record) is not None


async def test_a_pause_that_acs_refuses_has_not_been(clients: Clients, acs: Acs, call: str) -> None:
    await acs.set_call_faults(call, operation_status=409)
    with pytest.raises(AcsRefused):
        await pause(clients, call)
    record = await read_record(clients.storage, call)
    assert record.streaming.state == "active"
    assert list_pauses(record) == []


async def test_a_pause_that_acs_may_have_carried_out_is_kept_and_requested_again(
    clients: Clients, create_clients: CreateClients, acs: Acs, call: str, sent: Sent
) -> None:
    away = create_clients(acs_endpoint="http://127.0.0.1:9")
    away._queues["deadlines"] = sent  # type: ignore[assignment]
    with pytest.raises(AcsUnavailable):
        await pause(away, call, 300)
    assert [seconds for _, seconds in sent.messages] == [300, ANSWER_TIME.total_seconds()]
    record = await read_record(clients.storage, call)
    assert record.streaming.state == "stopping"
    assert await meet(clients, call, timedelta(seconds=20)) == record
    record = await meet(clients, call, ANSWER_TIME)
    assert await read_operations(acs, call) == ["stopMediaStreaming"]
    (only,) = list_pauses(record)
    assert (only.paused_by, only.reason) == (AGENT, "card payment")
    assert only.resume_at == only.paused_at + timedelta(seconds=300)


async def test_a_resumption_that_acs_may_have_carried_out_is_requested_again(
    clients: Clients, create_clients: CreateClients, acs: Acs, call: str, sent: Sent
) -> None:
    await pause(clients, call)
    await acs.wait_for_callback("MediaStreamingStopped")
    await record_event(clients, call, STOPPED)
    away = create_clients(acs_endpoint="http://127.0.0.1:9")
    away._queues["deadlines"] = sent  # type: ignore[assignment]
    with pytest.raises(AcsUnavailable):
        await resume_call(away, call, AGENT)
    record = await meet(clients, call, ANSWER_TIME)
    assert await read_operations(acs, call) == ["stopMediaStreaming", "startMediaStreaming"]
    assert [each.resumed_by for each in list_pauses(record)] == [AGENT]


async def test_a_repeat_that_acs_refuses_leaves_the_pause_as_it_is(
    clients: Clients, acs: Acs, call: str, caplog: pytest.LogCaptureFixture
) -> None:
    """ACS had stopped, and only its response and its event were lost."""
    await acs.set_call_faults(call, operation_status=500)
    with pytest.raises(AcsRefused):
        await pause(clients, call)
    await acs.wait_for_callback("MediaStreamingStopped")
    record = await meet(clients, call, ANSWER_TIME)
    assert "streaming_repeat_refused" in caplog.text
    assert record.streaming.state == "stopping"
    assert len(list_pauses(record)) == 1
