"""The first record of a call, when its events have arrived before ACS's answer, and its options."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
import pytest
from azure.communication.callautomation import CallConnectionProperties

from acs import events
from acs.events import CallbackEvent, EventData
from calls.clients import Clients
from calls.control.grants import create_grant
from calls.control.new_calls import (
    NewCall,
    callback_url,
    media_streaming_options,
    record_new_call,
)
from calls.errors import MissingCallConnectionId
from calls.records.callback_events import record_callback_event
from calls.records.model import CallRecord
from calls.settings import Settings
from contract import names
from contract.grants import DtmfMode, decode_grant
from tests.calls.control.acs import CreateClients

Check = Literal["require", "warn", "off"]

NEW_CALL = NewCall(
    to="+15551230000", from_=None, channels="mixed", sample_rate=16_000, start_streaming=False
)


async def record_event(clients: Clients, call: str, correlation_id: str) -> None:
    event = CallbackEvent(
        id=correlation_id,
        type=events.CALL_CONNECTED,
        time=datetime.now(UTC),
        data=EventData(call, server_call_id="server", correlation_id=correlation_id),
    )
    await record_callback_event(clients.storage, event, "off")


async def record_call(clients: Clients, call: str | None) -> tuple[CallRecord, str]:
    """Record a call of the correlation id ``correlation``; returns its stream token, too."""
    now = datetime.now(UTC)
    token = await create_grant(clients.storage, now)
    properties = CallConnectionProperties(
        call_connection_id=call, server_call_id="server", correlation_id="correlation"
    )
    record = await record_new_call(clients, NEW_CALL, "incoming", properties, token, now)
    return record, token


async def test_the_record_has_the_ids_of_acs_s_answer(create_clients: CreateClients) -> None:
    clients, call = create_clients(), uuid.uuid4().hex
    record, token = await record_call(clients, call)
    assert (record.direction, record.to, record.origin_known) == ("incoming", NEW_CALL.to, True)
    assert (record.server_call_id, record.correlation_id) == ("server", "correlation")
    document = await clients.storage.read(names.GRANTS, names.grant_blob(token))
    assert document is not None
    assert decode_grant(document.content).call_connection_id == call


async def test_an_early_event_of_the_call_is_kept(
    create_clients: CreateClients, caplog: pytest.LogCaptureFixture
) -> None:
    clients, call = create_clients(), uuid.uuid4().hex
    await record_event(clients, call, "correlation")
    record, _ = await record_call(clients, call)
    assert (record.state, len(record.events)) == ("connected", 1)
    assert "placed_with_other_ids" not in caplog.text


@pytest.mark.parametrize(
    ("check", "log_event", "kept"),
    [("require", "request_refused", 0), ("warn", "request_warned", 1), ("off", None, 1)],
)
async def test_an_early_event_of_other_ids(
    create_clients: CreateClients,
    caplog: pytest.LogCaptureFixture,
    check: Check,
    log_event: str | None,
    kept: int,
) -> None:
    clients, call = create_clients(callback_ids_check=check), uuid.uuid4().hex
    await record_event(clients, call, "another")
    record, _ = await record_call(clients, call)
    assert len(record.events) == kept
    assert record.correlation_id == "correlation"
    lines = [line for line in caplog.messages if "placed_with_other_ids" in line]
    detail = f'detail="1 events that arrived before call {call} was recorded"'
    expected = f"{log_event} entrance=callbacks status=403 reason=placed_with_other_ids {detail}"
    assert lines == ([expected] if log_event else [])


@pytest.mark.parametrize("call", [None, ""])
async def test_an_answer_without_a_call_connection_id(
    create_clients: CreateClients, call: str | None
) -> None:
    with pytest.raises(MissingCallConnectionId):
        await record_call(create_clients(), call)


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_trailing_slash_in_an_address_is_not_doubled(slash: str) -> None:
    settings = Settings(callback_url="https://app.example" + slash)
    assert callback_url(settings) == "https://app.example/api/v1/callbacks"
    options: Any = media_streaming_options(NEW_CALL, "wss://streamer.example" + slash, "token")
    assert options.transport_url == "wss://streamer.example/media/token"


@pytest.mark.parametrize("dtmf", ["off", "times", "digits"])
async def test_acs_is_asked_for_tones_only_if_something_of_them_is_kept(dtmf: DtmfMode) -> None:
    call = msgspec.structs.replace(NEW_CALL, dtmf=dtmf)
    options: Any = media_streaming_options(call, "wss://streamer.example", "token")
    assert options.enable_dtmf_tones is (dtmf != "off")


async def test_the_grant_of_a_call_that_has_ended_already_ends(
    create_clients: CreateClients,
) -> None:
    """Its last event has arrived before ACS's answer."""
    clients, call = create_clients(), uuid.uuid4().hex
    ended_at = datetime.now(UTC)
    event = CallbackEvent("end", events.CALL_DISCONNECTED, ended_at, EventData(call))
    await record_callback_event(clients.storage, event, "off")
    record, token = await record_call(clients, call)
    assert record.state == "disconnected"
    document = await clients.storage.read(names.GRANTS, names.grant_blob(token))
    assert document is not None
    assert decode_grant(document.content).ended_at == ended_at
