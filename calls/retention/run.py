"""Running a deletion: it can be interrupted anywhere, and the next run goes on.

A run writes what it is about to delete into the deletion before it deletes it, and counts it
afterwards. The run after an interruption finds that plan: each blob is counted once, whether the
interrupted run had deleted it or not. A deletion is completed when a pass through all containers
has found nothing, and nothing has arrived since that pass began.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from calls import audit, blobs
from calls.errors import CallNotFound, DeletionNotFound
from calls.index.day_files import remove_call
from calls.records.dispositions import Disposition, change_disposition
from calls.records.expiries import add_expiry
from calls.records.store import reopen_call
from calls.retention import erasure, inventory
from calls.retention.deletions import (
    change_deletion,
    complete,
    is_current,
    read_deletion,
)
from calls.retention.late_arrivals import watch_for_late_arrivals
from calls.retention.model import (
    Deletion,
    Plan,
    StoredBlob,
    add_deleted,
    summarize_remaining,
)
from calls.storage import Storage
from calls.subscribers import DeletedCall
from event_log import log_event

RUN_SECONDS = 200.0
"""After this time, a run plans nothing more. A function may run for ten minutes."""

Clock = Callable[[], datetime]

RemoveWords = Callable[[str], Awaitable[None]]
"""Removes a call from full-text search."""

_CLAIM = timedelta(minutes=5)
_PLANNED_BLOBS = 1000
_AT_ONCE = 16
_TRY_REFUSED_AGAIN = timedelta(days=1)
_REFUSALS = frozenset(
    {
        "BlobImmutableDueToPolicy",
        "BlobImmutableDueToLegalHold",
        "ContainerImmutableDueToPolicy",
        "LeaseIdMissing",
    }
)
"""Error codes of the service for a blob that must not be deleted now."""

_log = logging.getLogger(__name__)


async def run_deletion(
    storage: Storage,
    id_: str,
    clock: Clock,
    *,
    soft_delete_days: int = 0,
    remove_words: RemoveWords | None = None,
) -> bool:
    """Delete as much as the time of one run allows.

    Args:
        storage: The storage with the call.
        id_: The deletion's id.
        clock: Returns the current time.
        soft_delete_days: For how long the account's soft delete keeps deleted blobs.
        remove_words: Removes a call from full-text search.

    Returns:
        Whether another run should follow at once.

    Raises Contended, AzureError: run it again.
    """
    run = _Run(storage, id_, clock, soft_delete_days, remove_words)
    try:
        return await run.run()
    except DeletionNotFound:
        log_event(_log, logging.WARNING, "deletion_unknown", deletion=id_)
        return False


class _LostClaim(Exception):
    """Raised when another run has claimed the deletion."""


class _Run:
    def __init__(
        self,
        storage: Storage,
        id_: str,
        clock: Clock,
        soft_delete_days: int,
        remove_words: RemoveWords | None,
    ) -> None:
        self._storage = storage
        self._remove_words = remove_words
        self._id = id_
        self._clock = clock
        self._soft_delete = timedelta(days=soft_delete_days)
        self._claim_id = uuid.uuid4().hex
        self._deadline = clock() + timedelta(seconds=RUN_SECONDS)
        self._refused: dict[str, set[StoredBlob]] = {}
        self._arrivals = 0

    async def run(self) -> bool:
        deletion = await read_deletion(self._storage, self._id)
        now = self._clock()
        if not await is_current(self._storage, deletion, now):
            return False
        if deletion.receipt.state == "completed":
            # The run that completed it was interrupted before its end.
            await close_deletion(self._storage, deletion, now)
            return False
        if deletion.next_run_at is not None and deletion.next_run_at > now:
            return False
        try:
            await self._change(lambda _: None)
            if deletion.plan is not None:
                await self._carry_out(deletion.plan)
            while self._clock() < self._deadline:
                if await self._pass() and await self._rewrite() and await self._finish():
                    return False
            await self._release()
            return True
        except _LostClaim:
            return False

    async def _change(self, apply: Callable[[Deletion], None]) -> Deletion:
        """Change the deletion, and claim it or renew the claim. Raises _LostClaim."""

        def claim(deletion: Deletion) -> bool:
            now = self._clock()
            is_claimed = deletion.claimed_until is not None and deletion.claimed_until > now
            if is_claimed and deletion.claimed_by != self._claim_id:
                raise _LostClaim
            if deletion.receipt.state == "completed":
                raise _LostClaim
            deletion.claimed_by, deletion.claimed_until = self._claim_id, now + _CLAIM
            apply(deletion)
            return True

        return await change_deletion(self._storage, self._id, claim)

    async def _release(self) -> None:
        def apply(deletion: Deletion) -> None:
            deletion.claimed_by, deletion.claimed_until = "", None

        await self._change(apply)

    async def _pass(self) -> bool:
        """Empty each container once; return whether there was nothing to delete."""
        deletion = await read_deletion(self._storage, self._id)
        self._arrivals = deletion.arrivals
        await inventory.collect(self._storage, deletion)

        def apply(stored: Deletion) -> None:
            stored.grants, stored.keys = deletion.grants, deletion.keys

        deletion = await self._change(apply)
        if self._remove_words is not None and deletion.receipt.scope != "segments":
            await self._remove_words(deletion.receipt.call_connection_id)
        was_empty = True
        for container in inventory.CONTAINERS[deletion.receipt.scope]:
            while batch := await self._list(deletion, container):
                was_empty = False
                if self._clock() >= self._deadline:
                    return False
                await self._carry_out(await self._plan(container, batch))
        return was_empty

    async def _rewrite(self) -> bool:
        """Remove what is deleted from what is kept; return whether this pass was the last one."""
        deletion = await read_deletion(self._storage, self._id)
        if deletion.receipt.scope == "call":
            call = deletion.receipt.call_connection_id
            await remove_call(self._storage, call, deletion.created_at)
            return True
        if deletion.receipt.scope != "participant" or deletion.is_rewritten:
            return True
        await erasure.rewrite(self._storage, deletion, self._clock())

        def apply(stored: Deletion) -> None:
            stored.is_rewritten = True

        await self._change(apply)
        return False

    async def _list(self, deletion: Deletion, container: str) -> list[StoredBlob]:
        refused = self._refused.get(container, set())
        stored = await inventory.list_blobs(self._storage, deletion, container)
        return [blob for blob in stored if blob not in refused][:_PLANNED_BLOBS]

    async def _plan(self, container: str, batch: list[StoredBlob]) -> Plan:
        plan = Plan(container, batch)

        def apply(deletion: Deletion) -> None:
            deletion.plan = plan

        await self._change(apply)
        return plan

    async def _carry_out(self, plan: Plan) -> None:
        """Delete what was planned, and count it."""
        limit = asyncio.Semaphore(_AT_ONCE)
        refused: set[StoredBlob] = set()

        async def delete(blob: StoredBlob) -> None:
            async with limit:
                if not await _delete(self._storage, plan.container, blob):
                    refused.add(blob)

        # Of several failures one is raised, when nothing is being deleted any longer.
        outcomes = await asyncio.gather(*map(delete, plan.stored), return_exceptions=True)
        for outcome in outcomes:
            if outcome is not None:
                raise outcome

        def apply(deletion: Deletion) -> None:
            if deletion.plan == plan:
                add_deleted(deletion.receipt, plan, refused)
                deletion.plan = None

        await self._change(apply)
        self._refused.setdefault(plan.container, set()).update(refused)

    async def _finish(self) -> bool:
        """Write the receipt, unless something has arrived; return whether this run is over."""
        now, remaining = self._clock(), summarize_remaining(self._refused)
        has_arrived = False

        def apply(deletion: Deletion) -> None:
            nonlocal has_arrived
            has_arrived = deletion.arrivals != self._arrivals
            if has_arrived:
                return
            receipt = deletion.receipt
            receipt.remaining = remaining
            deletion.claimed_by, deletion.claimed_until = "", None
            if remaining:
                receipt.state = "waiting"
                deletion.next_run_at = now + _TRY_REFUSED_AGAIN
                return
            if self._soft_delete:
                receipt.restorable_until = now + self._soft_delete
            complete(deletion, now)

        deletion = await self._change(apply)
        if has_arrived:
            return False
        await self._close(deletion)
        return True

    async def _close(self, deletion: Deletion) -> None:
        """Note the end of a deletion where others look for it."""
        receipt = deletion.receipt
        is_completed = receipt.state == "completed"
        if is_completed:
            await close_deletion(self._storage, deletion, self._clock())
        log_event(
            _log,
            logging.INFO if is_completed else logging.WARNING,
            f"deletion_{receipt.state}",
            call=receipt.call_connection_id,
            deletion=receipt.id,
            scope=receipt.scope,
            count=sum(deleted.count for deleted in receipt.deleted),
            remaining=sum(left.count for left in receipt.remaining),
            digest=receipt.digest or None,
        )


async def close_deletion(storage: Storage, deletion: Deletion, now: datetime) -> None:
    """Record a completed deletion. It may run twice: an interrupted run did not get to its end.

    Raises Contended, AzureError.
    """
    receipt = deletion.receipt
    call = receipt.call_connection_id

    def apply(disposition: Disposition) -> bool:
        if disposition.running != receipt.id:
            return False
        disposition.running = None
        return True

    if receipt.scope == "call":
        await watch_for_late_arrivals(storage, call, now)
    else:
        await change_disposition(storage, call, apply)
    if receipt.scope == "participant":
        # The events of the manifests have the call assembled again; else the reconciler does it.
        with contextlib.suppress(CallNotFound):
            await reopen_call(storage, call)
        await add_expiry(storage, call, now)
    await audit.record_action(
        storage,
        "complete_deletion",
        receipt.requested_by,
        call=call,
        details={"deletion": receipt.id, "scope": receipt.scope, "digest": receipt.digest},
    )
    await _report(storage, deletion, now)
    await storage.delete(blobs.RETENTION, blobs.unfinished_blob(receipt.id))


async def _report(storage: Storage, deletion: Deletion, now: datetime) -> None:
    """Have others told that a call was deleted, and forget its webhook."""
    receipt, url = deletion.receipt, deletion.webhook_url
    if receipt.scope == "call" and storage.subscribers is not None:
        deleted_at = receipt.completed_at or now
        deleted = DeletedCall(deletion_id=receipt.id, deleted_at=deleted_at, webhook_url=url)
        await storage.subscribers.report_deletion(receipt.call_connection_id, deleted)

    def apply(stored: Deletion) -> bool:
        stored.webhook_url = None
        return True

    if url is not None:
        await change_deletion(storage, receipt.id, apply)


async def _delete(storage: Storage, container: str, blob: StoredBlob) -> bool:
    """Delete a blob, version or snapshot; return False if the service refuses that for now."""
    client = storage.service.get_blob_client(container, blob.name, snapshot=blob.snapshot)
    options: dict[str, Any] = {"version_id": blob.version} if blob.version else {}
    if not blob.version and not blob.snapshot:
        options["delete_snapshots"] = "include"
    try:
        await client.delete_blob(**options)
    except ResourceNotFoundError:
        return True
    except HttpResponseError as error:
        if str(getattr(error, "error_code", "")) not in _REFUSALS:
            raise
        return False
    return True
