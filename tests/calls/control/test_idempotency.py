"""Idempotency-Keys in Blob Storage: who may place a key's call, and when."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from calls import blobs
from calls.clients import Clients
from calls.control.idempotency import (
    IdempotencyRecord,
    KeyClaim,
    claim_key,
    complete_key,
    release_key,
)
from calls.errors import IdempotencyKeyInUse, IdempotencyKeyReused
from tests.calls.control.acs import PRINCIPAL


async def claim(clients: Clients, key: str) -> KeyClaim:
    """Claim a key that is free."""
    key_claim = await claim_key(clients.storage, PRINCIPAL, key, "request")
    assert isinstance(key_claim, KeyClaim)
    return key_claim


async def expire(clients: Clients, key_claim: KeyClaim) -> None:
    """Make a claim older than any request that is still running."""
    record = msgspec.structs.replace(
        key_claim.record, begun_at=datetime.now(UTC) - timedelta(seconds=61)
    )
    await clients.storage.put(blobs.IDEMPOTENCY, key_claim.blob, msgspec.json.encode(record))


@pytest.fixture
def key() -> str:
    return uuid.uuid4().hex


async def test_a_new_key_is_claimed_and_then_in_use(clients: Clients, key: str) -> None:
    await claim(clients, key)
    with pytest.raises(IdempotencyKeyInUse):
        await claim_key(clients.storage, PRINCIPAL, key, "request")


async def test_a_key_is_stored_by_its_hash_only(clients: Clients, key: str) -> None:
    await claim(clients, key)
    stored = await clients.storage.blob_names(blobs.IDEMPOTENCY, "")
    assert blobs.idempotency_blob(PRINCIPAL, key) in stored
    assert not [name for name in stored if key in name]


async def test_a_completed_key_returns_its_call_for_the_same_request(
    clients: Clients, key: str
) -> None:
    await complete_key(clients.storage, await claim(clients, key), "call")
    assert await claim_key(clients.storage, PRINCIPAL, key, "request") == "call"


@pytest.mark.parametrize("completed", [False, True])
async def test_a_key_belongs_to_one_request(clients: Clients, key: str, completed: bool) -> None:
    key_claim = await claim(clients, key)
    if completed:
        await complete_key(clients.storage, key_claim, "call")
    with pytest.raises(IdempotencyKeyReused):
        await claim_key(clients.storage, PRINCIPAL, key, "other request")


async def test_a_released_key_can_be_claimed_again_at_once(clients: Clients, key: str) -> None:
    await release_key(clients.storage, await claim(clients, key))
    await claim(clients, key)
    with pytest.raises(IdempotencyKeyInUse):
        await claim_key(clients.storage, PRINCIPAL, key, "request")


@pytest.mark.parametrize(("age_seconds", "claimed"), [(0, False), (61, True)])
async def test_the_claim_of_a_process_that_died_expires(
    clients: Clients, key: str, age_seconds: int, claimed: bool
) -> None:
    begun_at = datetime.now(UTC) - timedelta(seconds=age_seconds)
    record = IdempotencyRecord(request="request", begun_at=begun_at)
    blob = blobs.idempotency_blob(PRINCIPAL, key)
    await clients.storage.put(blobs.IDEMPOTENCY, blob, msgspec.json.encode(record))
    if claimed:
        await claim(clients, key)
    else:
        with pytest.raises(IdempotencyKeyInUse):
            await claim_key(clients.storage, PRINCIPAL, key, "request")


@pytest.mark.parametrize("released", [False, True])
async def test_of_several_at_once_one_claims_the_key(
    clients: Clients, key: str, released: bool
) -> None:
    if released:
        await release_key(clients.storage, await claim(clients, key))
    claims = [claim_key(clients.storage, PRINCIPAL, key, "request") for _ in range(5)]
    outcomes = await asyncio.gather(*claims, return_exceptions=True)
    assert sum(isinstance(outcome, KeyClaim) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, IdempotencyKeyInUse) for outcome in outcomes) == 4


@pytest.mark.parametrize("completed", [False, True])
async def test_a_claim_that_was_taken_over_is_not_released(
    clients: Clients, key: str, completed: bool
) -> None:
    """The first request fails late: meanwhile, a second one places the call."""
    first = await claim(clients, key)
    await expire(clients, first)
    second = await claim(clients, key)
    if completed:
        await complete_key(clients.storage, second, "call")
    await release_key(clients.storage, first)
    if completed:
        assert await claim_key(clients.storage, PRINCIPAL, key, "request") == "call"
    else:
        with pytest.raises(IdempotencyKeyInUse):
            await claim_key(clients.storage, PRINCIPAL, key, "request")
