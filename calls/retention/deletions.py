"""Deletions in Blob Storage: begin, read, change and complete them."""

from __future__ import annotations

import contextlib
import logging
import re
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec
from azure.core.exceptions import ResourceNotFoundError

from calls import blobs
from calls.changes import change_document
from calls.errors import CallNotFound, CallOnHold, DeletionNotFound, DeletionRunning
from calls.principals import Principal
from calls.records.change_log import log_deletion
from calls.records.dispositions import (
    Disposition,
    StreamTrack,
    change_disposition,
    read_disposition,
)
from calls.records.store import read_record
from calls.retention import inventory
from calls.retention.model import Deletion, Plan, Receipt, Scope, digest_of
from calls.storage import Storage
from event_log import log_event

_ID = re.compile("[0-9a-f]{32}")
_ABANDONED_AFTER = timedelta(hours=1)

_log = logging.getLogger(__name__)


async def begin_deletion(
    storage: Storage,
    call: str,
    scope: Scope,
    principal: Principal,
    now: datetime,
    *,
    tracks: Sequence[StreamTrack] = (),
    raw_id: str | None = None,
) -> Deletion:
    """Begin a deletion, unless it has begun already.

    From then on, with the scope ``call``, nothing of the call is shown, and nothing comes back.

    Args:
        storage: The storage with the call.
        call: The call connection id. The call has ended.
        scope: What to delete.
        principal: Who deletes it.
        now: The current time.
        tracks: With the scope ``participant``: the participant's tracks.
        raw_id: The participant's raw id, if it is known.

    Returns:
        The deletion. It is ``run`` that does the work.

    Raises CallOnHold, DeletionRunning, CallDeleted, Contended, AzureError.
    """
    id_ = uuid.uuid4().hex
    receipt = Receipt(
        id=id_, call_connection_id=call, scope=scope, requested_at=now, requested_by=principal
    )
    deletion = Deletion(receipt=receipt, tracks=list(tracks), raw_id=raw_id)
    # Before the disposition, which points to it: a process may die between the two.
    await _write_new(storage, deletion)

    def apply(disposition: Disposition) -> bool:
        if not _claim(disposition, id_, scope, now):
            return False
        if scope == "participant":
            disposition.erased += [track for track in tracks if track not in disposition.erased]
        return True

    try:
        disposition = await change_disposition(storage, call, apply)
    except BaseException:
        await _forget(storage, id_)
        raise
    if scope == "call":
        await _delete_record(storage, call)
    begun = disposition.deletion if scope == "call" else disposition.running
    if begun != id_ and begun is not None:
        await _forget(storage, id_)
        return await read_deletion(storage, begun)
    log_event(_log, logging.INFO, "deletion_begun", call=call, deletion=id_, scope=scope)
    return deletion


async def _write_new(storage: Storage, deletion: Deletion) -> None:
    """Write a deletion, with what is known of its call."""
    id_, call = deletion.receipt.id, deletion.receipt.call_connection_id
    with contextlib.suppress(CallNotFound):
        record = await read_record(storage, call)
        deletion.created_at = record.created_at
        deletion.correlation_id = record.correlation_id
        deletion.webhook_url = record.webhook_url
    await inventory.collect(storage, deletion)
    if deletion.receipt.scope == "call":
        # It is deleted at once, and the first run counts it.
        stored = await inventory.list_blobs(storage, deletion, blobs.CALLS)
        deletion.plan = Plan(blobs.CALLS, stored)
    await storage.put(blobs.RETENTION, blobs.unfinished_blob(id_), b"")
    await storage.put(blobs.RETENTION, blobs.deletion_blob(id_), msgspec.json.encode(deletion))


def _claim(disposition: Disposition, id_: str, scope: Scope, now: datetime) -> bool:
    """Note a deletion in a call's disposition. Returns whether that has changed it."""
    if scope == "call" and disposition.deletion is not None:
        return False
    disposition.check_not_deleted()
    if disposition.hold is not None:
        raise CallOnHold(disposition.hold.placed_at)
    if scope == "call":
        disposition.deletion, disposition.deleted_at = id_, now
        disposition.running = None
        # Their reasons may be personal data. The audit trail has who held the call, and when.
        disposition.holds = []
        return True
    if disposition.running not in (None, id_):
        raise DeletionRunning(str(disposition.running))
    disposition.running = id_
    return True


async def _delete_record(storage: Storage, call: str) -> None:
    """Delete a deleted call's record: without it, nothing of the call is shown or listed."""
    record = storage.service.get_blob_client(blobs.CALLS, blobs.call_blob(call))
    with contextlib.suppress(ResourceNotFoundError):
        await record.delete_blob(delete_snapshots="include")
    await log_deletion(storage, call)


async def _forget(storage: Storage, id_: str) -> None:
    await storage.delete(blobs.RETENTION, blobs.deletion_blob(id_))
    await storage.delete(blobs.RETENTION, blobs.unfinished_blob(id_))


async def read_deletion(storage: Storage, id_: str) -> Deletion:
    """Read a deletion. Raises DeletionNotFound, AzureError."""
    document = None
    if _ID.fullmatch(id_):
        document = await storage.read(blobs.RETENTION, blobs.deletion_blob(id_))
    if document is None:
        raise DeletionNotFound(id_)
    return msgspec.json.decode(document.content, type=Deletion)


async def change_deletion(
    storage: Storage, id_: str, apply: Callable[[Deletion], bool]
) -> Deletion:
    """Change a deletion under its ETag; ``apply`` returns whether it did, and may run again.

    Raises DeletionNotFound, Contended, AzureError, and what ``apply`` raises.
    """
    if not _ID.fullmatch(id_):
        raise DeletionNotFound(id_)

    def missing() -> Deletion:
        raise DeletionNotFound(id_)

    return await change_document(
        storage,
        blobs.RETENTION,
        blobs.deletion_blob(id_),
        Deletion,
        apply,
        missing=missing,
        name=f"deletion {id_}",
    )


async def is_current(storage: Storage, deletion: Deletion, now: datetime) -> bool:
    """Return whether a call's disposition points to a deletion: only then may it delete anything.

    One that was abandoned before that is forgotten. One of a part of a call that was then deleted
    as a whole is completed with what it has deleted. Raises Contended, AzureError.
    """
    receipt = deletion.receipt
    disposition = await read_disposition(storage, receipt.call_connection_id)
    if receipt.id in (disposition.deletion, disposition.running):
        return True
    is_superseded = disposition.deletion is not None and receipt.scope != "call"
    if is_superseded and receipt.deleted:
        await change_deletion(storage, receipt.id, lambda stored: complete(stored, now))
        await storage.delete(blobs.RETENTION, blobs.unfinished_blob(receipt.id))
    elif is_superseded or now - receipt.requested_at > _ABANDONED_AFTER:
        await _forget(storage, receipt.id)
    return False


def complete(deletion: Deletion, now: datetime) -> bool:
    """Make a deletion's receipt final, and forget what only its runs had to know."""
    receipt = deletion.receipt
    receipt.state, receipt.completed_at, receipt.remaining = "completed", now, []
    receipt.digest = digest_of(receipt)
    deletion.grants, deletion.keys = [], []
    deletion.raw_id = deletion.plan = None
    return True


async def list_unfinished(storage: Storage) -> list[str]:
    """List the ids of the deletions that are not completed. Raises AzureError."""
    prefix = blobs.unfinished_blob("")
    listing = await storage.blob_names(blobs.RETENTION, prefix)
    return [id_ for blob in listing if _ID.fullmatch(id_ := blob.removeprefix(prefix))]
