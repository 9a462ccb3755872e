"""Where everything of a call is: in each container of the account, or said why not."""

from __future__ import annotations

from typing import Any

import pytest
from azure.storage.blob import BlobProperties, ImmutabilityPolicy

from calls import blobs
from calls.clients import Clients
from calls.control.idempotency import KeyClaim, claim_key, complete_key
from calls.retention import inventory
from calls.retention.inventory import CONTAINERS, collect, list_blobs
from calls.retention.model import Deletion, Receipt
from contract import names
from tests.calls.retention.calls_to_delete import ADMIN, EXEMPT
from tests.calls.sample_streams import STARTED_AT, new_call_id


def deletion_of(call: str) -> Deletion:
    return Deletion(
        created_at=STARTED_AT,
        receipt=Receipt(
            id="0" * 32,
            call_connection_id=call,
            scope="call",
            requested_at=STARTED_AT,
            requested_by=ADMIN,
        ),
    )


def test_a_deletion_deletes_in_every_container_but_those_that_must_outlive_it() -> None:
    # A call is a line of a day's file in the index: see ``calls.index.day_files``.
    outlive = EXEMPT | {blobs.INDEX}
    assert set(CONTAINERS["call"]) == {*blobs.CONTAINERS, blobs.DEAD_LETTERS} - outlive
    assert set(CONTAINERS["segments"]) < set(CONTAINERS["call"])
    assert CONTAINERS["call"][0] == blobs.CALLS, "nothing of the call is shown from then on"


async def test_another_call_whose_id_begins_the_same_is_left_alone(clients: Clients) -> None:
    call, storage = new_call_id(), clients.storage
    other = f"{call}-b"
    for container, blob in (
        (blobs.CALLS, blobs.call_blob(other)),
        (blobs.UNSETTLED, blobs.unsettled_blob(other)),
        (names.SEGMENTS, f"{other}/a"),
        (blobs.FAILURES, f"{other}.0123456789abcdef.json"),
        (names.GRANTS, names.grant_note(other, "a.json")),
    ):
        await storage.put(container, blob, b"")
    deletion = deletion_of(call)
    await collect(storage, deletion)
    for container in CONTAINERS["call"]:
        assert await list_blobs(storage, deletion, container) == []


async def test_a_key_that_places_another_call_by_now_is_left_alone(clients: Clients) -> None:
    call, storage = new_call_id(), clients.storage
    key = f"key-of-{call}"
    claim = await claim_key(storage, ADMIN, key, "fingerprint")
    assert isinstance(claim, KeyClaim)
    await complete_key(storage, claim, call)
    deletion = deletion_of(call)
    await collect(storage, deletion)
    note = blobs.idempotency_notes(call) + claim.blob
    stored = await list_blobs(storage, deletion, blobs.IDEMPOTENCY)
    assert {blob.name for blob in stored} == {note, claim.blob}
    # A run has deleted it, and another one follows, after the next request with the key.
    await storage.delete(blobs.IDEMPOTENCY, claim.blob)
    assert isinstance(await claim_key(storage, ADMIN, key, "fingerprint"), KeyClaim)
    stored = await list_blobs(storage, deletion, blobs.IDEMPOTENCY)
    assert [blob.name for blob in stored] == [note]


async def test_snapshots_are_listed(clients: Clients) -> None:
    call, storage = new_call_id(), clients.storage
    await storage.put(blobs.RECORDINGS, blobs.recording_blob(call), b"1234")
    client = storage.service.get_blob_client(blobs.RECORDINGS, blobs.recording_blob(call))
    await client.create_snapshot()
    stored = await list_blobs(storage, deletion_of(call), blobs.RECORDINGS)
    assert [(blob.bytes, blob.snapshot is not None) for blob in stored] == [(4, False), (4, True)]


@pytest.mark.parametrize(
    ("version", "is_current", "expected"),
    [
        (None, None, (None, True)),
        # The current version becomes an older one when it is deleted: that one is counted.
        ("2026-11-26T03:00:00.0000000Z", True, (None, False)),
        ("2026-11-26T03:00:00.0000000Z", None, ("2026-11-26T03:00:00.0000000Z", True)),
    ],
)
def test_versions_are_listed_where_the_account_keeps_them(
    version: str | None, is_current: bool | None, expected: tuple[str | None, bool]
) -> None:
    """Azurite keeps none. Source: List Blobs with ``include=versions``."""
    properties: Any = BlobProperties()
    properties.name, properties.size = "a", 1
    properties.version_id, properties.is_current_version = version, is_current
    properties.immutability_policy = ImmutabilityPolicy(
        expiry_time=STARTED_AT, policy_mode="Unlocked"
    )
    stored = inventory._stored_blob(properties)
    assert (stored.version, stored.is_counted) == expected
    assert stored.immutable_until == STARTED_AT
