"""Hanging up a call for all its participants."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from acs import events
from acs.events import CallbackEvent, EventData
from calls.control.hanging_up import hang_up
from calls.control.placing import place_call
from calls.errors import AcsUnavailable, CallNotFound
from calls.records.derive import add_event
from calls.records.model import CallRecord
from calls.records.store import change_record
from tests.calls.control.acs import PRINCIPAL, Acs, CreateClients
from tests.calls.control.test_placing import CALL


async def test_acs_ends_the_call(create_clients: CreateClients, acs: Acs) -> None:
    clients = create_clients()
    record, _ = await place_call(clients, PRINCIPAL, CALL, None)
    await hang_up(clients, record.call_connection_id)
    await acs.wait_for_callback("CallDisconnected")
    assert acs.count("POST terminate") == 1


async def test_a_call_that_has_ended_is_not_hung_up_again(
    create_clients: CreateClients, acs: Acs
) -> None:
    clients = create_clients()
    record, _ = await place_call(clients, PRINCIPAL, CALL, None)
    call = record.call_connection_id
    event = CallbackEvent(
        id="end", type=events.CALL_DISCONNECTED, time=datetime.now(UTC), data=EventData(call)
    )

    def apply(record: CallRecord) -> bool:
        return add_event(record, event)

    await change_record(clients.storage, call, apply)
    await hang_up(clients, call)
    assert acs.count("POST terminate") == 0


async def test_a_call_that_acs_no_longer_knows_has_ended(
    create_clients: CreateClients, acs: Acs
) -> None:
    clients = create_clients()
    record, _ = await place_call(clients, PRINCIPAL, CALL, None)
    await hang_up(clients, record.call_connection_id)
    await hang_up(clients, record.call_connection_id)
    assert acs.count("POST terminate") == 2


async def test_an_unreachable_acs(create_clients: CreateClients, acs: Acs) -> None:
    record, _ = await place_call(create_clients(), PRINCIPAL, CALL, None)
    with pytest.raises(AcsUnavailable):
        await hang_up(create_clients(acs_endpoint="http://127.0.0.1:9"), record.call_connection_id)


async def test_a_call_without_a_record_is_not_found(create_clients: CreateClients) -> None:
    with pytest.raises(CallNotFound):
        await hang_up(create_clients(), "nothing")
