"""Callback events against real storage: what a check set to ``warn`` or ``off`` lets in."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any, Literal

import azure.functions as func
import pytest
import pytest_asyncio

from calls import blobs, callbacks, store
from calls.clients import Clients
from calls.http.problems import Problem
from calls.records import CallRecord
from calls.records.event_matching import place
from calls.settings import Settings
from local.azurite import Azurite

Check = Literal["require", "warn", "off"]
Make = Callable[..., Clients]


@pytest_asyncio.fixture
async def make(azurite: Azurite) -> AsyncIterator[Make]:
    async with AsyncExitStack() as stack:

        def clients(ids: Check = "require", token: Check = "off") -> Clients:
            made = Clients(
                Settings(
                    audio_storage=azurite.connection_string,
                    acs_endpoint="https://acs.example",
                    acs_token_audience="resource",
                    callback_ids_check=ids,
                    callback_token_check=token,
                )
            )
            stack.push_async_callback(made.storage.service.close)
            stack.push_async_callback(made.call_automation.close)
            return made

        await clients().storage.create_containers()
        yield clients


def event(call: str, **ids: str | None) -> dict[str, Any]:
    data = {"callConnectionId": call, "serverCallId": "server", "correlationId": "correlation"}
    return {
        "id": uuid.uuid4().hex,
        "type": "Microsoft.Communication.CallConnected",
        "time": datetime.now(UTC).isoformat(),
        "data": data | ids,
    }


async def post(clients: Clients, *events: dict[str, Any], **headers: str) -> int:
    body = json.dumps(events).encode()
    try:
        request = func.HttpRequest("POST", "/", headers=headers, body=body)
        answer = await callbacks.receive_callbacks(clients, request)
        return int(answer.status_code)
    except Problem as refused:
        return refused.status


async def placed(clients: Clients) -> str:
    call = uuid.uuid4().hex

    def know(record: CallRecord) -> bool:
        place(record, "server", "correlation")
        return True

    await store.change_record(clients.storage, call, know, create_at=datetime.now(UTC))
    return call


@pytest.mark.parametrize(
    ("check", "status", "said"), [("require", 403, "refused"), ("warn", 200, "warned")]
)
async def test_an_event_of_other_ids(
    make: Make, caplog: pytest.LogCaptureFixture, check: Check, status: int, said: str
) -> None:
    clients = make(ids=check)
    call = await placed(clients)
    assert await post(clients, event(call, correlationId="another")) == status
    line = f"{said} entrance=callbacks status=403 reason=correlation_id detail=CallConnected {call}"
    assert [record.message for record in caplog.records if "entrance" in record.message] == [line]
    taken = (await store.read_record(clients.storage, call)).events
    assert len(taken) == (status == 200)


async def test_off_lets_in_and_says_nothing(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    clients = make(ids="off")
    call = await placed(clients)
    assert await post(clients, event(call, correlationId="another")) == 200
    assert "entrance=" not in caplog.text


async def test_an_event_s_type_forges_no_line_of_the_log(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    clients = make()
    call = await placed(clients)
    caplog.set_level("INFO")
    assert await post(clients, event(call) | {"type": "X\nrefused entrance=callbacks"}) == 200
    ours = [record.message for record in caplog.records if record.name.startswith("calls.")]
    assert ours == [f"call {call}: 'X\\nrefused entrance=callbacks'"]


async def test_nor_does_that_of_a_refused_one(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    clients = make()
    call = await placed(clients)
    forged = event(call, correlationId="another") | {"type": "X\nrefused entrance=callbacks"}
    assert await post(clients, forged) == 403
    (line,) = [record.message for record in caplog.records if record.name == "calls.refusals"]
    assert "\n" not in line


async def test_a_token_check_that_warns(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    clients = make(token="warn")
    call = await placed(clients)
    forged = "Bearer eyJhbGciOiJub25lIn0.e30."
    assert await post(clients, event(call), Authorization=forged) == 200
    assert "warned entrance=callbacks status=401 reason=token_algorithm" in caplog.text
    assert "eyJ" not in caplog.text


async def test_early_events_are_held_against_the_placing(make: Make) -> None:
    """Events that come before the answer to the placing: kept if theirs are its ids."""
    clients = make()
    for ids, kept in (({}, 1), ({"correlationId": "another"}, 0)):
        call = uuid.uuid4().hex
        assert await post(clients, event(call, **ids)) == 200
        assert await post(clients, event(call, correlationId="a third")) == 403

        def know(record: CallRecord) -> bool:
            place(record, "server", "correlation")
            return True

        await store.change_record(clients.storage, call, know)
        record = await store.read_record(clients.storage, call)
        assert len(record.events) == kept
        assert await post(clients, event(call, **ids)) == (200 if kept else 403)


async def test_an_early_event_that_could_never_be_checked_makes_no_record(make: Make) -> None:
    clients = make()
    call = uuid.uuid4().hex
    assert await post(clients, event(call, correlationId=None)) == 403
    assert await clients.storage.read(blobs.CALLS, blobs.call_blob(call)) is None


async def test_an_event_of_the_end_of_time_does_not_lead_the_list(make: Make) -> None:
    clients = make()
    call = uuid.uuid4().hex
    late = event(call) | {"time": "9999-12-31T23:59:59Z"}
    assert await post(clients, late) == 200
    assert (await store.read_record(clients.storage, call)).created_at <= datetime.now(UTC)
    await store.list_newest(clients.storage, 100, None)


async def test_many_faults_are_one_line(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    clients = make()
    with pytest.raises(Problem) as refused:
        await callbacks.receive_callbacks(
            clients, func.HttpRequest("POST", "/", body=b"[" + b"1," * 9999 + b"1]")
        )
    assert refused.value.errors is not None
    assert len(refused.value.errors) == 100
    assert caplog.text.count("reason=malformed_event detail=10000 of them") == 1
