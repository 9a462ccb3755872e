"""Recording callback events: each once, in its own call's record, or not at all."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest

from acs import events
from acs.events import CallbackEvent, EventData
from calls import blobs
from calls.clients import Clients
from calls.errors import EventMismatch, OriginUnknown
from calls.records.callback_events import record_callback_event, record_event_of_known_call
from calls.records.event_matching import set_origin
from calls.records.model import CallRecord
from calls.records.store import change_record, read_record
from tests.calls.sample_streams import new_call_id

Check = Literal["require", "warn", "off"]


def create_event(call: str, correlation_id: str = "correlation") -> CallbackEvent:
    return CallbackEvent(
        id=correlation_id,
        type=events.CALL_CONNECTED,
        time=datetime.now(UTC) - timedelta(seconds=1),
        data=EventData(call, server_call_id="server", correlation_id=correlation_id),
    )


async def test_the_first_event_creates_the_record(
    clients: Clients, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "calls")
    call = new_call_id()
    event = create_event(call)
    await record_callback_event(clients.storage, event, "require")
    record = await read_record(clients.storage, call)
    assert (record.state, record.origin_known, record.created_at) == (
        "connected",
        False,
        event.time,
    )
    assert f"callback_event_recorded call={call} type=CallConnected" in caplog.messages


async def test_the_same_event_again_changes_nothing(clients: Clients) -> None:
    call = new_call_id()
    for _ in range(2):
        await record_callback_event(clients.storage, create_event(call), "require")
    assert len((await read_record(clients.storage, call)).events) == 1


@pytest.mark.parametrize(("check", "warnings"), [("warn", 1), ("off", 0)])
async def test_an_event_with_other_ids_is_recorded_where_the_check_does_not_require_them(
    clients: Clients, caplog: pytest.LogCaptureFixture, check: Check, warnings: int
) -> None:
    call = new_call_id()
    await record_callback_event(clients.storage, create_event(call), check)
    await record_callback_event(clients.storage, create_event(call, "another"), check)
    assert len((await read_record(clients.storage, call)).events) == 2
    assert caplog.text.count("request_warned entrance=callbacks status=403") == warnings


async def test_an_event_with_other_ids_is_refused_where_they_are_required(
    clients: Clients,
) -> None:
    call = new_call_id()
    await record_callback_event(clients.storage, create_event(call), "require")
    with pytest.raises(EventMismatch) as refused:
        await record_callback_event(clients.storage, create_event(call, "another"), "require")
    assert refused.value.reason == "correlation_id"
    assert len((await read_record(clients.storage, call)).events) == 1


async def test_a_first_event_that_could_never_be_compared_creates_no_record(
    clients: Clients,
) -> None:
    call = new_call_id()
    event = CallbackEvent(
        id="1", type=events.CALL_CONNECTED, time=datetime.now(UTC), data=EventData(call)
    )
    with pytest.raises(EventMismatch):
        await record_callback_event(clients.storage, event, "require")
    assert await clients.storage.read(blobs.CALLS, blobs.call_blob(call)) is None


async def place_call(clients: Clients, call: str) -> None:
    def apply(record: CallRecord) -> bool:
        set_origin(record, "server", "correlation")
        return True

    await change_record(clients.storage, call, apply, create_at=datetime.now(UTC))


async def test_an_event_of_a_known_call_creates_no_record(clients: Clients) -> None:
    call = new_call_id()
    with pytest.raises(OriginUnknown):
        await record_event_of_known_call(clients.storage, create_event(call), wait_seconds=0)
    assert await clients.storage.read(blobs.CALLS, blobs.call_blob(call)) is None


async def test_a_record_that_events_have_made_is_not_a_known_call(clients: Clients) -> None:
    call = new_call_id()
    await record_callback_event(clients.storage, create_event(call), "require")
    with pytest.raises(OriginUnknown):
        await record_event_of_known_call(clients.storage, create_event(call), wait_seconds=0)


async def test_an_event_of_a_known_call_waits_for_acs_s_response(clients: Clients) -> None:
    call = new_call_id()
    waiting = asyncio.create_task(
        record_event_of_known_call(clients.storage, create_event(call), wait_seconds=60)
    )
    await asyncio.sleep(0)
    await place_call(clients, call)
    assert (await waiting).state == "connected"


async def test_an_event_of_a_known_call_needs_one_of_its_ids(clients: Clients) -> None:
    call = new_call_id()
    await place_call(clients, call)
    wrong = create_event(call, "another")
    with pytest.raises(EventMismatch):
        await record_event_of_known_call(clients.storage, wrong, wait_seconds=0)
    assert (await read_record(clients.storage, call)).events == []
    await record_event_of_known_call(clients.storage, create_event(call), wait_seconds=0)
    assert (await read_record(clients.storage, call)).state == "connected"
