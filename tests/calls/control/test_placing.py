"""Placing calls: the real client against the emulator, with and without an Idempotency-Key."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from calls import blobs
from calls.control import placing
from calls.control.idempotency import IdempotencyRecord
from calls.control.placing import PlaceCall, place_call
from calls.errors import (
    AcsRefused,
    AcsUnavailable,
    CallDeleted,
    Contended,
    DestinationNotAllowed,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
)
from calls.records.model import CallRecord
from calls.records.store import read_record
from calls.retention.deletions import begin_deletion
from calls.retention.run import run_deletion
from contract import names
from contract.grants import decode_grant
from tests.calls.control.acs import CALLED, CALLER, PRINCIPAL, Acs, CreateClients, NewBlobs
from tests.calls.lossy_storage import LossyStorage

USER = "8:acs:3d20e1de-0f28-41c5_0000"
CALL = PlaceCall(
    to=CALLED,
    from_=CALLER,
    channels="unmixed",
    sample_rate=24_000,
    start_streaming=True,
    operation_context="context",
    cognitive_services_endpoint=None,
    names={f"4:{CALLED}": "Zoë"},
)


async def test_a_placed_call_has_a_record_and_a_bound_grant(
    create_clients: CreateClients, acs: Acs
) -> None:
    clients = create_clients()
    new_blobs = await NewBlobs.since_now(clients)
    record, replayed = await place_call(clients, PRINCIPAL, CALL, None)
    assert not replayed
    call = record.call_connection_id
    assert await read_record(clients.storage, call) == record
    assert (record.direction, record.origin_known) == ("outgoing", True)
    assert (record.to, record.from_, record.operation_context) == (CALLED, CALLER, "context")
    assert (record.channels, record.sample_rate) == ("unmixed", 24_000)
    assert record.names == {f"4:{CALLED}": "Zoë"}
    assert record.locales == ["en-US"], "the setting's"
    assert record.streaming.state == "starting"
    assert await new_blobs.list_containers() == ["calls", "grants"]

    options = await acs.read_streaming_options(call, "create")
    base, _, token = options["transportUrl"].rpartition("/")
    assert base == "wss://streamer.example/media"
    assert (options["audioChannelType"], options["audioFormat"]) == ("unmixed", "pcm24KMono")
    document = await clients.storage.read(names.GRANTS, names.grant_blob(token))
    assert document is not None
    grant = decode_grant(document.content)
    assert (grant.call_connection_id, grant.correlation_id) == (call, record.correlation_id)


async def test_acs_gets_the_request_s_own_values(create_clients: CreateClients, acs: Acs) -> None:
    record, _ = await place_call(create_clients(), PRINCIPAL, CALL, None)
    (request,) = await acs.read_requests(record.call_connection_id)
    body = request["body"]
    assert [target["rawId"] for target in body["targets"]] == [f"4:{CALLED}"]
    assert body["sourceCallerIdNumber"]["value"] == CALLER
    assert body["callbackUri"] == f"{acs.url}/api/v1/callbacks"
    assert body["operationContext"] == "context"


async def test_a_user_is_called_without_a_caller_id(
    create_clients: CreateClients, acs: Acs
) -> None:
    call = msgspec.structs.replace(CALL, to=USER, from_=None)
    record, _ = await place_call(create_clients(), PRINCIPAL, call, None)
    (request,) = await acs.read_requests(record.call_connection_id)
    assert [target["rawId"] for target in request["body"]["targets"]] == [USER]
    assert request["body"].get("sourceCallerIdNumber") is None
    assert (record.to, record.from_) == (USER, None)


@pytest.mark.parametrize(
    ("to", "kind"),
    [
        ("8:gcch-acs:37691ec4-57fb_45ab2481-1c1c", "communicationUser"),
        ("8:acs:37691ec4-57fb_37691ec4-57fb_45ab2481-1c1c", "teamsExtensionUser"),
        ("8:dod:45ab2481-1c1c", "microsoftTeamsUser"),
        ("28:orgid:45ab2481-1c1c", "microsoftTeamsApp"),
    ],
)
async def test_acs_gets_an_identifier_of_the_raw_id_s_kind(
    create_clients: CreateClients, acs: Acs, to: str, kind: str
) -> None:
    call = msgspec.structs.replace(CALL, to=to, from_=None)
    record, _ = await place_call(create_clients(), PRINCIPAL, call, None)
    (request,) = await acs.read_requests(record.call_connection_id)
    (target,) = request["body"]["targets"]
    assert target["rawId"] == record.to == to
    assert target.keys() - {"rawId"} == {kind}


async def test_a_call_has_the_locales_of_its_request(
    create_clients: CreateClients, acs: Acs
) -> None:
    call = msgspec.structs.replace(CALL, locales=["de-DE", "fr-FR"])
    record, _ = await place_call(create_clients(transcription_locale="auto"), PRINCIPAL, call, None)
    assert record.locales == ["de-DE", "fr-FR"]


async def test_the_same_request_with_the_same_key_places_one_call(
    create_clients: CreateClients, acs: Acs
) -> None:
    key = uuid.uuid4().hex
    record, replayed = await place_call(create_clients(), PRINCIPAL, CALL, key)
    other, other_replayed = await place_call(create_clients(), PRINCIPAL, CALL, key)
    assert (replayed, other_replayed) == (False, True)
    assert other == record
    assert acs.count("POST callConnections") == 1


async def test_the_key_of_a_deleted_call_places_another_once_it_is_deleted(
    create_clients: CreateClients, acs: Acs
) -> None:
    clients, key = create_clients(), uuid.uuid4().hex
    record, _ = await place_call(clients, PRINCIPAL, CALL, key)
    call, now = record.call_connection_id, datetime.now(UTC)
    deletion = await begin_deletion(clients.storage, call, "call", PRINCIPAL, now)
    with pytest.raises(CallDeleted):
        await place_call(clients, PRINCIPAL, CALL, key)
    assert acs.count("POST callConnections") == 1
    await run_deletion(clients.storage, deletion.receipt.id, lambda: now)
    other, replayed = await place_call(clients, PRINCIPAL, CALL, key)
    assert not replayed
    assert other.call_connection_id != call
    assert await read_record(clients.storage, other.call_connection_id) == other


async def test_a_key_is_not_used_for_another_call(create_clients: CreateClients, acs: Acs) -> None:
    clients, key = create_clients(), uuid.uuid4().hex
    await place_call(clients, PRINCIPAL, CALL, key)
    with pytest.raises(IdempotencyKeyReused):
        await place_call(clients, PRINCIPAL, msgspec.structs.replace(CALL, to="+15550000009"), key)
    assert acs.count("POST callConnections") == 1


async def test_the_keys_of_two_principals_are_kept_apart(
    create_clients: CreateClients, acs: Acs
) -> None:
    """ACS must not take one principal's call for the other's, either."""
    clients, key = create_clients(), uuid.uuid4().hex
    record, _ = await place_call(clients, PRINCIPAL, CALL, key)
    other_principal = msgspec.structs.replace(PRINCIPAL, id="another-key")
    other, replayed = await place_call(clients, other_principal, CALL, key)
    assert not replayed
    assert other.call_connection_id != record.call_connection_id
    assert acs.count("POST callConnections") == 2


async def test_of_several_at_once_with_one_key_one_places_the_call(
    create_clients: CreateClients, acs: Acs
) -> None:
    clients, key = create_clients(), uuid.uuid4().hex
    outcomes = await asyncio.gather(
        *(place_call(clients, PRINCIPAL, CALL, key) for _ in range(4)), return_exceptions=True
    )
    placed = {outcome[0].call_connection_id for outcome in outcomes if isinstance(outcome, tuple)}
    assert len(placed) == 1
    assert all(isinstance(outcome, tuple | IdempotencyKeyInUse) for outcome in outcomes)
    assert acs.count("POST callConnections") == 1


async def test_a_key_is_free_again_after_acs_did_not_answer(
    create_clients: CreateClients, acs: Acs
) -> None:
    key = uuid.uuid4().hex
    with pytest.raises(AcsUnavailable, match="the call was not placed"):
        await place_call(create_clients(acs_endpoint="http://127.0.0.1:9"), PRINCIPAL, CALL, key)
    _, replayed = await place_call(create_clients(), PRINCIPAL, CALL, key)
    assert not replayed


async def test_a_key_is_free_again_after_acs_refused(
    create_clients: CreateClients, acs: Acs
) -> None:
    key = uuid.uuid4().hex
    with pytest.raises(AcsRefused) as refused:
        await place_call(create_clients(acs_access_key="d3Jvbmc="), PRINCIPAL, CALL, key)
    assert refused.value.status == 401
    _, replayed = await place_call(create_clients(), PRINCIPAL, CALL, key)
    assert not replayed


async def test_nothing_is_written_for_a_destination_that_is_not_allowed(
    create_clients: CreateClients, acs: Acs
) -> None:
    clients = create_clients(allowed_destinations="+49")
    new_blobs = await NewBlobs.since_now(clients)
    with pytest.raises(DestinationNotAllowed):
        await place_call(clients, PRINCIPAL, CALL, None)
    assert await new_blobs.list_paths() == []
    assert acs.count("POST callConnections") == 0


async def test_a_key_is_free_again_after_its_destination_was_not_allowed(
    create_clients: CreateClients, acs: Acs
) -> None:
    key = uuid.uuid4().hex
    with pytest.raises(DestinationNotAllowed):
        await place_call(create_clients(allowed_destinations="off"), PRINCIPAL, CALL, key)
    record, replayed = await place_call(create_clients(), PRINCIPAL, CALL, key)
    assert not replayed
    again, replayed = await place_call(
        create_clients(allowed_destinations="off"), PRINCIPAL, CALL, key
    )
    assert replayed, "nothing is placed, whatever the setting has become"
    assert again == record


async def test_a_key_stays_in_use_while_it_is_not_known_what_became_of_its_call(
    create_clients: CreateClients, acs: Acs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ACS placed the call, but its record was not written: a second call must not be placed."""
    clients, key = create_clients(), uuid.uuid4().hex

    async def raise_contended(*_: Any, **__: Any) -> CallRecord:
        raise Contended("changed too often")

    with monkeypatch.context() as patched:
        patched.setattr(placing, "record_new_call", raise_contended)
        with pytest.raises(Contended):
            await place_call(clients, PRINCIPAL, CALL, key)
    with pytest.raises(IdempotencyKeyInUse):
        await place_call(clients, PRINCIPAL, CALL, key)
    assert acs.count("POST callConnections") == 1


async def test_acs_recognizes_the_request_of_a_key_whose_claim_has_expired(
    create_clients: CreateClients, acs: Acs
) -> None:
    clients, key = create_clients(), uuid.uuid4().hex
    record, _ = await place_call(clients, PRINCIPAL, CALL, key)
    blob = blobs.idempotency_blob(PRINCIPAL, key)
    document = await clients.storage.read(blobs.IDEMPOTENCY, blob)
    assert document is not None
    completed = msgspec.json.decode(document.content, type=IdempotencyRecord)
    begun_at = completed.begun_at - timedelta(minutes=2)
    claimed = msgspec.structs.replace(completed, begun_at=begun_at, call_connection_id=None)
    await clients.storage.put(blobs.IDEMPOTENCY, blob, msgspec.json.encode(claimed))
    other, replayed = await place_call(clients, PRINCIPAL, CALL, key)
    assert not replayed
    assert other.call_connection_id == record.call_connection_id


async def test_a_call_is_placed_although_the_response_to_its_key_s_claim_is_lost(
    create_clients: CreateClients, acs: Acs, lossy_storage: LossyStorage
) -> None:
    clients = create_clients(audio_storage=lossy_storage.connection_string)
    key = uuid.uuid4().hex
    lossy_storage.lose_next_write(blobs.idempotency_blob(PRINCIPAL, key))
    record, replayed = await place_call(clients, PRINCIPAL, CALL, key)
    assert lossy_storage.lost == [201]
    assert not replayed
    assert acs.count("POST callConnections") == 1
    assert (await place_call(clients, PRINCIPAL, CALL, key)) == (record, True)
