"""A deletion and its receipt. Pure data."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Literal

import msgspec

from calls.principals import Principal
from calls.records.dispositions import StreamTrack

SCHEMA = 1

Scope = Literal["call", "participant", "segments"]
"""What is deleted: everything of a call, of one participant, or what the recording is made of."""

State = Literal["running", "waiting", "completed"]
"""``waiting``: the service refuses to delete the rest for now, and it is tried again."""

SYSTEM_RETENTION = Principal(kind="system", id="retention", name="Retention")
"""Who deletes what has expired."""


class DeletedBlobs(msgspec.Struct, kw_only=True, frozen=True):
    """How much was deleted from one container."""

    container: str
    count: int
    bytes: int


class RemainingBlobs(msgspec.Struct, kw_only=True, frozen=True):
    """What the service refuses to delete, and until when: None if it does not say so."""

    container: str
    count: int
    bytes: int
    until: datetime | None


class StoredBlob(msgspec.Struct, frozen=True, array_like=True):
    """A blob, or an older version or a snapshot of it.

    ``is_counted`` is False for what becomes an older version when it is deleted: that one counts.
    """

    name: str
    bytes: int
    version: str | None = None
    snapshot: str | None = None
    is_counted: bool = True
    immutable_until: datetime | None = None


class Plan(msgspec.Struct, frozen=True):
    """What a run is about to delete. If it is interrupted, the next run deletes and counts it."""

    container: str
    stored: list[StoredBlob]


class Receipt(msgspec.Struct, kw_only=True):
    """What was deleted, when and by whom, without personal data.

    Attributes:
        restorable_until: Until then, the account's soft delete can restore what was deleted.
        digest: The SHA-256 of the completed receipt's JSON with an empty digest. The audit trail
            has it, too: whoever alters the one must alter the other.
    """

    schema: int = SCHEMA
    id: str
    call_connection_id: str
    scope: Scope
    state: State = "running"
    requested_at: datetime
    requested_by: Principal
    deleted: list[DeletedBlobs] = msgspec.field(default_factory=list)
    remaining: list[RemainingBlobs] = msgspec.field(default_factory=list)
    completed_at: datetime | None = None
    restorable_until: datetime | None = None
    digest: str = ""


class Deletion(msgspec.Struct, kw_only=True):
    """A deletion's receipt so far, and what its runs must know.

    Attributes:
        receipt: What is shown.
        created_at: When the call began, if that is known. Its entry in the index has this time.
        correlation_id: The call's correlation id, if it is known. Its claim is named by it.
        grants: The names of its grants, and ``keys`` those of its Idempotency-Keys.
        tracks: With the scope ``participant``: the participant's tracks.
        raw_id: The participant's raw id, until the deletion is completed.
        is_rewritten: Whether manifests and record no longer mention the participant.
        webhook_url: The call's own, until it is told that the call was deleted.
        plan: What the last run was about to delete.
        arrivals: How often something has arrived late. The deletion is not completed by a run
            that began before the last arrival.
        claimed_by: The run that works on it, until ``claimed_until``.
        next_run_at: When to try again what the service has refused to delete.
    """

    schema: int = SCHEMA
    receipt: Receipt
    created_at: datetime | None = None
    correlation_id: str | None = None
    grants: list[str] = msgspec.field(default_factory=list)
    keys: list[str] = msgspec.field(default_factory=list)
    tracks: list[StreamTrack] = msgspec.field(default_factory=list)
    raw_id: str | None = None
    is_rewritten: bool = False
    webhook_url: str | None = None
    plan: Plan | None = None
    arrivals: int = 0
    claimed_by: str = ""
    claimed_until: datetime | None = None
    next_run_at: datetime | None = None


def digest_of(receipt: Receipt) -> str:
    """Return the digest of a receipt: what its ``digest`` must be."""
    content = msgspec.json.encode(msgspec.structs.replace(receipt, digest=""))
    return hashlib.sha256(content).hexdigest()


def add_deleted(receipt: Receipt, plan: Plan, refused: set[StoredBlob]) -> None:
    """Add what a plan has deleted to a receipt."""
    deleted = [blob for blob in plan.stored if blob.is_counted and blob not in refused]
    if not deleted:
        return
    counts = {counted.container: counted for counted in receipt.deleted}
    before = counts.get(plan.container, DeletedBlobs(container=plan.container, count=0, bytes=0))
    counts[plan.container] = DeletedBlobs(
        container=plan.container,
        count=before.count + len(deleted),
        bytes=before.bytes + sum(blob.bytes for blob in deleted),
    )
    receipt.deleted = [counts[container] for container in sorted(counts)]


def summarize_remaining(refused: dict[str, set[StoredBlob]]) -> list[RemainingBlobs]:
    """Return how much the service has refused to delete, by container."""
    remaining = []
    for container, stored in sorted(refused.items()):
        times = [blob.immutable_until for blob in stored if blob.immutable_until is not None]
        if stored:
            remaining.append(
                RemainingBlobs(
                    container=container,
                    count=len(stored),
                    bytes=sum(blob.bytes for blob in stored),
                    until=max(times, default=None),
                )
            )
    return remaining
