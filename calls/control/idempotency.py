"""Idempotency-Keys: one key places one phone call.

A key is claimed before its call is placed. The id of the call is then kept in Blob Storage, so that
the same request returns the same call.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from calls import blobs
from calls.errors import IdempotencyKeyInUse, IdempotencyKeyReused
from calls.storage import Storage

_CLAIM_LIFETIME = timedelta(seconds=60)
_LONG_AGO = datetime.fromtimestamp(0, UTC)


class IdempotencyRecord(msgspec.Struct, kw_only=True):
    """The call that an Idempotency-Key has placed or is placing.

    ``request`` is the fingerprint of the request's body, ``begun_at`` the time of the claim.
    """

    request: str
    begun_at: datetime
    call_connection_id: str | None = None


async def claim_key(storage: Storage, key: str, fingerprint: str) -> str | None:
    """Claim a key for a request.

    Returns:
        The call connection id of the call that the key has placed; None if the key is now claimed
        and its call must be placed.

    Raises IdempotencyKeyReused, IdempotencyKeyInUse, AzureError.
    """
    blob = blobs.idempotency_blob(key)
    now = datetime.now(UTC)
    claim = msgspec.json.encode(IdempotencyRecord(request=fingerprint, begun_at=now))
    if await storage.create(blobs.IDEMPOTENCY, blob, claim):
        return None
    document = await storage.read(blobs.IDEMPOTENCY, blob)
    if document is None:
        raise IdempotencyKeyInUse
    existing = msgspec.json.decode(document.content, type=IdempotencyRecord)
    if existing.request != fingerprint:
        raise IdempotencyKeyReused
    if existing.call_connection_id is not None:
        return existing.call_connection_id
    # The claim of a process that died may be taken over: ACS recognizes the repeated request.
    if now - existing.begun_at < _CLAIM_LIFETIME or not await storage.replace(
        blobs.IDEMPOTENCY, blob, claim, document.etag
    ):
        raise IdempotencyKeyInUse
    return None


async def release_key(storage: Storage, key: str, fingerprint: str) -> None:
    """Release a claim: the call was not placed, and the same request may be sent again at once.

    Raises AzureError.
    """
    await _put(storage, key, IdempotencyRecord(request=fingerprint, begun_at=_LONG_AGO))


async def complete_key(
    storage: Storage, key: str, fingerprint: str, begun_at: datetime, call_connection_id: str
) -> None:
    """Record the call that a key has placed. Raises AzureError."""
    record = IdempotencyRecord(
        request=fingerprint, begun_at=begun_at, call_connection_id=call_connection_id
    )
    await _put(storage, key, record)


async def _put(storage: Storage, key: str, record: IdempotencyRecord) -> None:
    blob = blobs.idempotency_blob(key)
    await storage.put(blobs.IDEMPOTENCY, blob, msgspec.json.encode(record))
