"""Enforcing retention: each call that is listed for today is looked at, in a bounded time.

What a visit finds decides: the call is deleted, its segments are, or it is listed for a later day.
A call is listed at most ``LOOK_AGAIN`` ahead, so that a changed setting holds for older calls, too.
A visit that fails leaves its entry, and the next run begins after it.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta

from azure.core.exceptions import AzureError

from calls import blobs
from calls.clients import Clients
from calls.errors import CallNotFound, CallOnHold, DeletionRunning
from calls.events.dead_letters import delete_expired_letters
from calls.pipeline import fair_run
from calls.records.dispositions import read_disposition
from calls.records.expiries import Expiry, add_expiry, list_expiries, remove_expiry
from calls.records.model import CallRecord
from calls.records.store import read_record
from calls.results.exports import delete_old_exports
from calls.retention.deletions import begin_deletion
from calls.retention.late_arrivals import delete_late_arrivals, watch_for_late_arrivals
from calls.retention.model import SYSTEM_RETENTION
from calls.retention.policy import expires_at, segments_expire_at
from calls.retention.run import Clock
from contract import names
from event_log import log_event

RUN_TIME = timedelta(seconds=100)
"""After this time, a run visits no further call; the next run goes on."""

LOOK_AGAIN = timedelta(days=30)

_AT_ONCE = 8

_log = logging.getLogger(__name__)


async def visit_expiries(clients: Clients, clock: Clock) -> None:
    """Visit the calls that are listed until today. Raises AzureError: they could not be listed."""
    storage, now, started = clients.storage, clock(), time.monotonic()
    entries = {entry.blob: entry for entry in await list_expiries(storage, now)}
    document = await storage.read(blobs.RETENTION, blobs.EXPIRY_POSITION)
    position = document.content.decode(errors="replace") if document else ""
    failed = 0

    async def visit(blob: str) -> None:
        nonlocal failed
        try:
            await visit_call(clients, entries[blob], now)
        except Exception:  # noqa: BLE001  # logged; the other calls go on
            failed += 1
            call = entries[blob].call_connection_id
            log_event(_log, logging.ERROR, "expiry_failed", call=call, exc_info=True)

    async def save_position(blob: str) -> None:
        try:
            await storage.put(blobs.RETENTION, blobs.EXPIRY_POSITION, blob.encode())
        except AzureError as error:
            name = type(error).__name__
            log_event(_log, logging.WARNING, "expiry_position_not_saved", error=name)

    turns = fair_run.in_turn(list(entries), position)
    visited = await fair_run.visit_in_turn(
        turns, visit, save_position, seconds=RUN_TIME.total_seconds(), at_once=_AT_ONCE
    )
    log_event(
        _log,
        logging.INFO,
        "expiries_visited",
        calls=visited,
        failed=failed,
        left=len(turns) - visited,
        ms=round((time.monotonic() - started) * 1000),
    )


async def visit_call(clients: Clients, entry: Expiry, now: datetime) -> None:
    """Delete what has expired of a call, and list the call for the next look at it.

    Raises Contended, AzureError.
    """
    storage, call = clients.storage, entry.call_connection_id
    if await delete_late_arrivals(storage, call):
        await watch_for_late_arrivals(storage, call, now)
        await delete_expired_letters(storage, call, now)
        await remove_expiry(storage, entry)
        return
    has_export = await delete_old_exports(storage, call, now)
    next_look = await _next_look(clients, call, now)
    if has_export and next_look is not None:
        next_look = now
    if next_look is not None:
        await add_expiry(storage, call, next_look)
    await remove_expiry(storage, entry)


async def _next_look(clients: Clients, call: str, now: datetime) -> datetime | None:
    """Begin the deletions that are due; return when to look again, None if the call is gone."""
    storage = clients.storage
    record: CallRecord | None = None
    try:
        record = await read_record(storage, call)
        began_at = record.created_at
    except CallNotFound:
        landed_at = await _landed_at(clients, call)
        if landed_at is None:
            return None
        began_at = landed_at
    is_held = (await read_disposition(storage, call)).hold is not None
    if is_held or (record is not None and not record.has_ended):
        return now
    call_expires = expires_at(record, began_at, clients.settings)
    segments_expire = segments_expire_at(record, began_at, clients.settings)
    try:
        if call_expires is not None and call_expires <= now:
            await begin_deletion(storage, call, "call", SYSTEM_RETENTION, now)
            return None
        if segments_expire is not None and segments_expire <= now:
            if await _has_segments(clients, call):
                await begin_deletion(storage, call, "segments", SYSTEM_RETENTION, now)
            segments_expire = None
    except (CallOnHold, DeletionRunning):
        return now
    times = [moment for moment in (call_expires, segments_expire) if moment is not None]
    return min([*times, now + LOOK_AGAIN])


async def _landed_at(clients: Clients, call: str) -> datetime | None:
    """Return when the result of a call without a record was written; None without one."""
    properties = await clients.storage.properties(blobs.RESULTS, blobs.call_result_blob(call))
    return properties.last_modified if properties is not None else None


async def _has_segments(clients: Clients, call: str) -> bool:
    listings = [
        await clients.storage.blob_names_until(container, f"{call}/", f"{call}/~", 1)
        for container in (names.SEGMENTS, names.MANIFESTS, names.DRAFTS)
    ]
    return any(listings)
