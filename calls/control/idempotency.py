"""Idempotency-Keys: one key of one principal places one phone call.

A key is claimed before its call is placed. The id of the call is then kept in Blob Storage, so that
the same request returns the same call.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import msgspec

from calls import blobs
from calls.errors import IdempotencyKeyInUse, IdempotencyKeyReused
from calls.principals import Principal
from calls.storage import Storage

_CLAIM_LIFETIME = timedelta(seconds=60)
_LONG_AGO = datetime.fromtimestamp(0, UTC)


class IdempotencyRecord(msgspec.Struct, kw_only=True):
    """The call that an Idempotency-Key has placed or is placing.

    ``request`` is the fingerprint of the request's body, ``begun_at`` the time of the claim, and
    ``nonce`` tells the claims of one key apart. ``seed`` is the same for all claims that may have
    placed the same call, and another one once the key was deleted.
    """

    request: str
    begun_at: datetime
    nonce: str = ""
    seed: str = ""
    call_connection_id: str | None = None


class KeyClaim(msgspec.Struct, kw_only=True, frozen=True):
    """A request's claim on a key: the blob that has it, and what the request wrote there."""

    blob: str
    record: IdempotencyRecord


async def claim_key(
    storage: Storage, principal: Principal, key: str, fingerprint: str
) -> KeyClaim | str:
    """Claim a key for a request. Two principals may use the same key for different calls.

    Returns:
        The claim, if the call must be placed now; the call connection id, if the key has already
        placed its call.

    Raises IdempotencyKeyReused, IdempotencyKeyInUse, AzureError.
    """
    blob = blobs.idempotency_blob(principal, key)
    now = datetime.now(UTC)
    nonce = uuid.uuid4().hex
    record = IdempotencyRecord(request=fingerprint, begun_at=now, nonce=nonce, seed=nonce)
    if await storage.create(blobs.IDEMPOTENCY, blob, msgspec.json.encode(record)):
        return KeyClaim(blob=blob, record=record)
    document = await storage.read(blobs.IDEMPOTENCY, blob)
    if document is None:
        raise IdempotencyKeyInUse
    existing = msgspec.json.decode(document.content, type=IdempotencyRecord)
    if existing.request != fingerprint:
        raise IdempotencyKeyReused
    if existing.call_connection_id is not None:
        return existing.call_connection_id
    # The claim of a process that died may be taken over: ACS recognizes the repeated request.
    record.seed = existing.seed
    if now - existing.begun_at < _CLAIM_LIFETIME or not await storage.replace(
        blobs.IDEMPOTENCY, blob, msgspec.json.encode(record), document.etag
    ):
        raise IdempotencyKeyInUse
    return KeyClaim(blob=blob, record=record)


async def release_key(storage: Storage, claim: KeyClaim) -> None:
    """Release a claim: the call was not placed, and the same request may be sent again at once.

    A key that another request has claimed since, or whose call exists, stays as it is. Raises
    AzureError.
    """
    document = await storage.read(blobs.IDEMPOTENCY, claim.blob)
    if document is None or document.content != msgspec.json.encode(claim.record):
        return
    released = msgspec.structs.replace(claim.record, begun_at=_LONG_AGO, nonce="")
    content = msgspec.json.encode(released)
    await storage.replace(blobs.IDEMPOTENCY, claim.blob, content, document.etag)


async def complete_key(storage: Storage, claim: KeyClaim, call_connection_id: str) -> None:
    """Record the call that a key has placed. It is the same one for all claims of the key.

    Raises AzureError.
    """
    note = blobs.idempotency_notes(call_connection_id) + claim.blob
    await storage.put(blobs.IDEMPOTENCY, note, b"")
    completed = msgspec.structs.replace(claim.record, call_connection_id=call_connection_id)
    await storage.put(blobs.IDEMPOTENCY, claim.blob, msgspec.json.encode(completed))
