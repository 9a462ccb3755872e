"""Answering incoming calls when instances die, ACS refuses, or its answer is lost."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from azure.core.exceptions import HttpResponseError, ServiceRequestError

from calls import blobs
from calls.clients import Clients
from calls.control import answering, new_calls
from calls.errors import Contended
from calls.records.model import CallRecord
from calls.records.store import read_record
from contract import names
from contract.grants import decode_grant, encode_grant
from tests.calls.control.acs import (
    CALLER,
    RING_SECONDS,
    Acs,
    CreateClients,
    NewBlobs,
    correlation_id_of,
)
from tests.calls.control.incoming_calls import (
    call_connection_id_of,
    handle_event,
    logged_outcomes,
)
from tests.calls.lossy_storage import LossyStorage


@pytest.mark.parametrize(
    ("seconds", "outcome"), [(0, "left claimed"), (5, "left claimed"), (9, "answered -")]
)
async def test_the_claim_of_an_instance_that_died_before_answering_expires(
    create_clients: CreateClients,
    acs: Acs,
    caplog: pytest.LogCaptureFixture,
    seconds: int,
    outcome: str,
) -> None:
    clients = create_clients()
    event = await acs.simulate_incoming_call()
    now = datetime.now(UTC)
    claim = answering.IncomingCallClaim(begun_at=now - timedelta(seconds=seconds))
    blob = blobs.incoming_blob(correlation_id_of(event))
    await clients.storage.put(blobs.IDEMPOTENCY, blob, msgspec.json.encode(claim))
    await handle_event(clients, event, now)
    assert logged_outcomes(caplog, event) == [outcome]


async def test_the_next_delivery_records_the_call_of_an_instance_that_died_after_answering(
    create_clients: CreateClients, acs: Acs, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = await acs.simulate_incoming_call()

    class Killed(BaseException):
        pass

    async def raise_killed(*_: Any, **__: Any) -> None:
        raise Killed

    dead = create_clients()
    with monkeypatch.context() as patched:
        patched.setattr(answering, "record_new_call", raise_killed)
        patched.setattr(dead.storage, "delete", raise_killed)
        with pytest.raises(Killed):
            await handle_event(dead, event)
    call = await call_connection_id_of(acs, event)
    later = datetime.now(UTC) + timedelta(seconds=10)
    other = create_clients()
    await asyncio.gather(*(handle_event(other, event, later) for _ in range(3)))
    assert await call_connection_id_of(acs, event) == call
    record = await read_record(other.storage, call)
    assert (record.direction, record.from_) == ("incoming", CALLER)
    assert acs.count("POST answer") == 2, "one of the three took the claim over"
    await handle_event(other, event, later + timedelta(seconds=15))
    assert acs.count("POST answer") == 2, "the claim is done"


async def test_a_call_that_was_answered_elsewhere_is_not_retried(
    create_clients: CreateClients, acs: Acs, caplog: pytest.LogCaptureFixture
) -> None:
    clients = create_clients()
    event = await acs.simulate_incoming_call()
    context = event["data"]["incomingCallContext"]
    await clients.call_automation.answer_call(context, "https://another.example")
    new_blobs = await NewBlobs.since_now(clients)
    await handle_event(clients, event)
    await handle_event(clients, event)
    assert logged_outcomes(caplog, event) == ["refused acs_409_8519", "left claimed"]
    assert await new_blobs.list_containers() == ["idempotency"]


async def test_a_call_that_no_longer_rings_is_not_retried(
    create_clients: CreateClients, acs: Acs, caplog: pytest.LogCaptureFixture
) -> None:
    clients = create_clients()
    new_blobs = await NewBlobs.since_now(clients)
    event = await acs.simulate_incoming_call(age_seconds=RING_SECONDS + 1)
    # The clocks of Event Grid and of this instance differ.
    event["eventTime"] = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    await handle_event(clients, event)
    assert logged_outcomes(caplog, event) == ["refused acs_404_8522"]
    assert await new_blobs.list_containers() == ["idempotency"]


@pytest.mark.parametrize("status", [401, 403, 500, 502])
async def test_a_failed_answer_leaves_no_blobs_and_is_retried(
    create_clients: CreateClients, acs: Acs, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    clients = create_clients()
    new_blobs = await NewBlobs.since_now(clients)
    await acs.set_faults(answer_status=status)
    event = await acs.simulate_incoming_call()
    with pytest.raises(HttpResponseError) as failed:
        await handle_event(clients, event)
    assert event["data"]["incomingCallContext"] not in str(failed.value)
    assert await new_blobs.list_paths() == []
    await acs.set_faults()
    await handle_event(clients, event)
    first, second = logged_outcomes(caplog, event)
    assert first.startswith("failed ")
    assert second == "answered -"
    assert len(await new_blobs.read_grants()) == 1


async def test_an_unreachable_acs_leaves_no_blobs(create_clients: CreateClients, acs: Acs) -> None:
    clients = create_clients(acs_endpoint="http://127.0.0.1:9")
    new_blobs = await NewBlobs.since_now(clients)
    event = await acs.simulate_incoming_call()
    with pytest.raises(ServiceRequestError):
        await handle_event(clients, event)
    assert await new_blobs.list_paths() == []


async def test_a_call_whose_answer_was_lost_is_recorded_by_the_next_delivery(
    create_clients: CreateClients, acs: Acs, caplog: pytest.LogCaptureFixture
) -> None:
    """ACS answered, but its response was lost; the call's socket has bound the grant."""
    clients = create_clients()
    new_blobs = await NewBlobs.since_now(clients)
    await acs.set_faults(operation_status=502)
    event = await acs.simulate_incoming_call()
    answer_call = clients.call_automation.answer_call

    async def answer_and_bind(*args: Any, **options: Any) -> Any:
        try:
            return await answer_call(*args, **options)
        finally:
            token = options["media_streaming"].transport_url.rpartition("/")[2]
            call = await call_connection_id_of(acs, event)
            await bind_grant(clients, token, call)

    clients.call_automation.answer_call = answer_and_bind  # type: ignore[method-assign]
    with pytest.raises(HttpResponseError):
        await handle_event(clients, event)
    call = await call_connection_id_of(acs, event)
    assert [grant.call_connection_id for grant in await new_blobs.read_grants()] == [call]

    await acs.set_faults()
    await handle_event(create_clients(), event)
    assert await call_connection_id_of(acs, event) == call, "ACS recognizes the repeated request"
    record = await read_record(clients.storage, call)
    assert (record.direction, record.from_) == ("incoming", CALLER)
    assert {grant.call_connection_id for grant in await new_blobs.read_grants()} == {call}
    assert logged_outcomes(caplog, event)[1:] == ["answered -"]


async def bind_grant(clients: Clients, token: str, call: str) -> None:
    """Bind a grant, as the streamer does when the call's socket opens."""
    blob = names.grant_blob(token)
    document = await clients.storage.read(names.GRANTS, blob)
    assert document is not None
    grant = decode_grant(document.content)
    grant.call_connection_id = call
    await clients.storage.put(names.GRANTS, blob, encode_grant(grant))


async def test_the_next_delivery_writes_a_record_that_could_not_be_written(
    create_clients: CreateClients, acs: Acs, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = create_clients()
    event = await acs.simulate_incoming_call()

    async def raise_contended(*_: Any, **__: Any) -> CallRecord:
        raise Contended("changed too often")

    with monkeypatch.context() as patched:
        patched.setattr(new_calls, "change_record", raise_contended)
        with pytest.raises(Contended):
            await handle_event(clients, event)
    call = await call_connection_id_of(acs, event)
    await handle_event(clients, event)
    assert await call_connection_id_of(acs, event) == call
    record = await read_record(clients.storage, call)
    assert (record.direction, record.from_) == ("incoming", CALLER)


async def test_a_call_is_answered_although_the_response_to_its_claim_is_lost(
    create_clients: CreateClients,
    acs: Acs,
    lossy_storage: LossyStorage,
    caplog: pytest.LogCaptureFixture,
) -> None:
    clients = create_clients(audio_storage=lossy_storage.connection_string)
    event = await acs.simulate_incoming_call()
    lossy_storage.lose_next_write("/idempotency/incoming-")
    await handle_event(clients, event)
    assert lossy_storage.lost == [201]
    assert logged_outcomes(caplog, event) == ["answered -"]


async def test_an_instance_that_fails_late_leaves_the_claim_of_the_next_one(
    create_clients: CreateClients, acs: Acs, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients, other = create_clients(), create_clients()
    event = await acs.simulate_incoming_call()
    now = datetime.now(UTC)
    answer_call = clients.call_automation.answer_call

    async def answer_late(*_: Any, **__: Any) -> Any:
        monkeypatch.setattr(clients.call_automation, "answer_call", answer_call)
        await handle_event(other, event, now + timedelta(seconds=9))
        raise ServiceRequestError("timed out")

    monkeypatch.setattr(clients.call_automation, "answer_call", answer_late)
    with pytest.raises(ServiceRequestError):
        await handle_event(clients, event, now)
    await handle_event(clients, event, now + timedelta(seconds=18))
    assert acs.count("POST answer") == 1, "the other instance's claim is done"
