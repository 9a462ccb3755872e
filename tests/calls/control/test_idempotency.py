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
    claim_key,
    complete_key,
    release_key,
)
from calls.errors import IdempotencyKeyInUse, IdempotencyKeyReused

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture
def key() -> str:
    return uuid.uuid4().hex


async def test_a_new_key_is_claimed_and_then_in_use(clients: Clients, key: str) -> None:
    assert await claim_key(clients.storage, key, "request") is None
    with pytest.raises(IdempotencyKeyInUse):
        await claim_key(clients.storage, key, "request")


async def test_a_key_is_stored_by_its_hash_only(clients: Clients, key: str) -> None:
    await claim_key(clients.storage, key, "request")
    stored = await clients.storage.blob_names(blobs.IDEMPOTENCY, "")
    assert blobs.idempotency_blob(key) in stored
    assert not [name for name in stored if key in name]


async def test_a_completed_key_returns_its_call_for_the_same_request(
    clients: Clients, key: str
) -> None:
    await claim_key(clients.storage, key, "request")
    await complete_key(clients.storage, key, "request", NOW, "call")
    assert await claim_key(clients.storage, key, "request") == "call"


@pytest.mark.parametrize("completed", [False, True])
async def test_a_key_belongs_to_one_request(clients: Clients, key: str, completed: bool) -> None:
    await claim_key(clients.storage, key, "request")
    if completed:
        await complete_key(clients.storage, key, "request", NOW, "call")
    with pytest.raises(IdempotencyKeyReused):
        await claim_key(clients.storage, key, "other request")


async def test_a_released_key_can_be_claimed_again_at_once(clients: Clients, key: str) -> None:
    await claim_key(clients.storage, key, "request")
    await release_key(clients.storage, key, "request")
    assert await claim_key(clients.storage, key, "request") is None
    with pytest.raises(IdempotencyKeyInUse):
        await claim_key(clients.storage, key, "request")


@pytest.mark.parametrize(("age_seconds", "claimed"), [(59, False), (61, True)])
async def test_the_claim_of_a_process_that_died_expires(
    clients: Clients, key: str, age_seconds: int, claimed: bool
) -> None:
    begun_at = datetime.now(UTC) - timedelta(seconds=age_seconds)
    claim = IdempotencyRecord(request="request", begun_at=begun_at)
    blob = blobs.idempotency_blob(key)
    await clients.storage.put(blobs.IDEMPOTENCY, blob, msgspec.json.encode(claim))
    if claimed:
        assert await claim_key(clients.storage, key, "request") is None
    else:
        with pytest.raises(IdempotencyKeyInUse):
            await claim_key(clients.storage, key, "request")


@pytest.mark.parametrize("released", [False, True])
async def test_of_several_at_once_one_claims_the_key(
    clients: Clients, key: str, released: bool
) -> None:
    if released:
        await release_key(clients.storage, key, "request")
    claims = [claim_key(clients.storage, key, "request") for _ in range(5)]
    outcomes = await asyncio.gather(*claims, return_exceptions=True)
    assert outcomes.count(None) == 1
    assert sum(isinstance(outcome, IdempotencyKeyInUse) for outcome in outcomes) == 4
