"""Calls longer than MAX_CALL_MINUTES are hung up, against the emulator."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from acs import events
from acs.events import CallbackEvent, EventData
from calls import audit
from calls.clients import Clients
from calls.control.placing import PlaceCall, place_call
from calls.errors import AcsUnavailable, CallNotFound, LongCallsNotHungUp
from calls.pipeline import long_calls
from calls.pipeline.long_calls import (
    REASON,
    hang_up_if_too_long,
    hang_up_longer_than_allowed,
)
from calls.principals import Principal
from calls.records.derive import add_event
from calls.records.model import CallRecord
from calls.records.store import change_record, read_record
from calls.records.unsettled import UnsettledCall
from local.emulator.server import EmulatorServer

MINUTES = 30
CALL = PlaceCall(
    to="+15551230000",
    from_="+15559990000",
    channels="mixed",
    sample_rate=16_000,
    start_streaming=True,
    cognitive_services_endpoint=None,
)


@pytest_asyncio.fixture
async def limited_clients(acs_clients: Clients) -> AsyncIterator[Clients]:
    """Clients with a limit, and a receiver of ACS's events."""

    async def accept(_: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app.router.add_post("/{path:.*}", accept)
    async with TestServer(app) as receiver:
        acs_clients.settings = msgspec.structs.replace(
            acs_clients.settings,
            max_call_minutes=MINUTES,
            callback_url=str(receiver.make_url("/")),
        )
        yield acs_clients


async def place(clients: Clients) -> CallRecord:
    principal = Principal(kind="key", id="a-key", name="a key")
    record, _ = await place_call(clients, principal, CALL, None)
    return record


async def add(clients: Clients, call: str, type_: str, time: datetime) -> None:
    event = CallbackEvent(id=f"{call} {type_}", type=type_, time=time, data=EventData(call))
    await change_record(clients.storage, call, lambda record: add_event(record, event))


def limit_of(record: CallRecord) -> datetime:
    return (record.connected_at or record.created_at) + timedelta(minutes=MINUTES)


async def test_a_call_is_hung_up_when_it_is_too_long_and_its_record_says_why(
    limited_clients: Clients, emulator: EmulatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    actions = []

    async def keep_action(*_: object, **action: object) -> None:
        actions.append(action)

    monkeypatch.setattr(audit, "record_action", keep_action)
    record = await place(limited_clients)
    call, limit = record.call_connection_id, limit_of(record)
    assert not await hang_up_if_too_long(limited_clients, call, limit - timedelta(seconds=1))
    assert emulator.requests.get("POST terminate", 0) == 0
    assert await hang_up_if_too_long(limited_clients, call, limit)
    assert emulator.requests["POST terminate"] == 1
    assert (await read_record(limited_clients.storage, call)).hung_up_reason == REASON
    assert actions == [{"call": call, "details": {"reason": REASON}}]


async def test_the_time_begins_when_the_call_is_connected(limited_clients: Clients) -> None:
    placed = await place(limited_clients)
    call = placed.call_connection_id
    connected_at = placed.created_at + timedelta(minutes=1)
    await add(limited_clients, call, events.CALL_CONNECTED, connected_at)
    assert not await hang_up_if_too_long(limited_clients, call, limit_of(placed))
    limit = connected_at + timedelta(minutes=MINUTES)
    assert await hang_up_if_too_long(limited_clients, call, limit)


async def test_an_answered_call_is_hung_up_too(
    limited_clients: Clients, emulator: EmulatorServer
) -> None:
    record = await place(limited_clients)

    def answered(record: CallRecord) -> bool:
        record.direction = "incoming"
        return True

    await change_record(limited_clients.storage, record.call_connection_id, answered)
    assert await hang_up_if_too_long(limited_clients, record.call_connection_id, limit_of(record))
    assert emulator.requests["POST terminate"] == 1


async def test_a_call_that_has_ended_is_left_alone(
    limited_clients: Clients, emulator: EmulatorServer
) -> None:
    record = await place(limited_clients)
    call = record.call_connection_id
    await add(limited_clients, call, events.CALL_DISCONNECTED, record.created_at)
    assert not await hang_up_if_too_long(limited_clients, call, limit_of(record))
    assert emulator.requests.get("POST terminate", 0) == 0
    assert (await read_record(limited_clients.storage, call)).hung_up_reason is None


async def test_the_next_run_tries_again_if_acs_does_not_answer(
    limited_clients: Clients, emulator: EmulatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = await place(limited_clients)
    call = record.call_connection_id

    async def fail(*_: object) -> None:
        raise AcsUnavailable("the call was not hung up")

    with monkeypatch.context() as patched:
        patched.setattr(long_calls, "hang_up", fail)
        with pytest.raises(AcsUnavailable):
            await hang_up_if_too_long(limited_clients, call, limit_of(record))
    assert await hang_up_if_too_long(limited_clients, call, limit_of(record))
    assert emulator.requests["POST terminate"] == 1


async def test_a_run_hangs_up_the_long_calls_although_others_fail(
    limited_clients: Clients, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = datetime.now(UTC)
    longest = timedelta(minutes=MINUTES)
    ages = {"new": longest - timedelta(seconds=1), "failing": longest, "lost": longest}
    entries = [UnsettledCall(call, now - age, "") for call, age in ages.items()]
    entries.append(UnsettledCall("long", now - longest, ""))
    visited = []

    async def list_entries(_: object) -> list[UnsettledCall]:
        return entries

    async def visit(_: object, call: str, at: datetime) -> bool:
        assert at == now
        visited.append(call)
        if call == "failing":
            raise AcsUnavailable("the call was not hung up")
        if call == "lost":
            raise CallNotFound(call)
        return True

    monkeypatch.setattr(long_calls, "list_unsettled", list_entries)
    monkeypatch.setattr(long_calls, "hang_up_if_too_long", visit)
    with pytest.raises(LongCallsNotHungUp, match="1 calls"):
        await hang_up_longer_than_allowed(limited_clients, now)
    assert visited == ["failing", "lost", "long"]
    failures = [r.message for r in caplog.records if "long_call_not_hung_up" in r.message]
    assert failures == ["long_call_not_hung_up call=failing error=AcsUnavailable"]

    limited_clients.settings = msgspec.structs.replace(limited_clients.settings, max_call_minutes=0)
    await hang_up_longer_than_allowed(limited_clients, now)
    assert len(visited) == 3, "0 allows any length"
