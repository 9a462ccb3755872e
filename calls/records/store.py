"""Call records in Blob Storage: one blob each, changed under its ETag, each change logged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from calls import blobs
from calls.errors import CallDeleted, Contended
from calls.records.change_log import log_change, log_deletion
from calls.records.dispositions import missing_call
from calls.records.expiries import add_expiry
from calls.records.milestones import add_milestones
from calls.records.model import CallRecord, new_record
from calls.records.unsettled import add_unsettled
from calls.storage import Document, Storage

_MAX_ATTEMPTS = 20

_encode = msgspec.json.encode

decode_record = msgspec.json.Decoder(CallRecord).decode
"""Decode a record from its document's content. Raises msgspec.DecodeError."""


async def read_record(storage: Storage, call_connection_id: str) -> CallRecord:
    """Read a call's record. Raises CallNotFound (CallDeleted, if it was deleted), AzureError."""
    document = await read_record_document(storage, call_connection_id)
    if document is None:
        raise await missing_call(storage, call_connection_id)
    return decode_record(document.content)


async def read_record_document(storage: Storage, call_connection_id: str) -> Document | None:
    """Read the document of a call's record; None if it has none. Raises AzureError."""
    return await storage.read(blobs.CALLS, blobs.call_blob(call_connection_id))


async def change_record(
    storage: Storage,
    call_connection_id: str,
    apply: Callable[[CallRecord], bool],
    *,
    create_at: datetime | None = None,
    known: Document | None = None,
) -> CallRecord:
    """Change a call's record under its ETag.

    Args:
        storage: Where records are kept.
        call_connection_id: Whose record to change.
        apply: Changes the record and returns whether it did. May run several times.
        create_at: When the call began. If it has no record, one is created: events may
            arrive before ACS's response with the call's id. None: the record must exist.
        known: The record's document, if it was read just now. It is read again only if it has
            changed since.

    Raises CallNotFound (CallDeleted, if it was deleted), Contended, AzureError.
    """
    blob = blobs.call_blob(call_connection_id)
    for attempt in range(_MAX_ATTEMPTS):
        document = known if attempt == 0 else None
        document = document or await storage.read(blobs.CALLS, blob)
        if document is None:
            if create_at is None:
                raise await missing_call(storage, call_connection_id)
            record = new_record(call_connection_id, create_at)
            apply(record)
            add_milestones(record, datetime.now(UTC))
            if await _create_record(storage, record):
                await _report_milestones(storage, record, 0)
                return record
            continue
        record = decode_record(document.content)
        was_finalized, milestones = record.finalized, len(record.milestones)
        if not apply(record):
            return record
        add_milestones(record, datetime.now(UTC))
        record.revision += 1
        # The log comes first: a change that is not in it would be missing in the index.
        await log_change(storage, call_connection_id, record.revision)
        if was_finalized and not record.finalized:
            await add_unsettled(storage, call_connection_id)
        if await storage.replace(blobs.CALLS, blob, _encode(record), document.etag):
            await _report_milestones(storage, record, milestones)
            return record
    raise Contended(f"the record of call {call_connection_id} is being changed too often")


async def _report_milestones(storage: Storage, record: CallRecord, before: int) -> None:
    """Report that a record which was just written has more milestones than before."""
    if storage.subscribers is not None and len(record.milestones) > before:
        await storage.subscribers.report(record.call_connection_id)


async def _create_record(storage: Storage, record: CallRecord) -> bool:
    """Write a new record and log it; False if somebody else has. Raises CallDeleted, AzureError.

    An event may come after its call was deleted. What it has brought back is then removed.
    """
    call = record.call_connection_id
    blob = blobs.call_blob(call)
    # These entries are written first: without them, nobody would find the record.
    await asyncio.gather(
        add_unsettled(storage, call),
        add_expiry(storage, call, record.created_at),
        log_change(storage, call, record.revision),
    )
    is_ours = await storage.create(blobs.CALLS, blob, _encode(record))
    missing = await missing_call(storage, call)
    if isinstance(missing, CallDeleted):
        await storage.delete(blobs.CALLS, blob)
        await storage.delete(blobs.UNSETTLED, blobs.unsettled_blob(call))
        await log_deletion(storage, call)
        raise missing
    return is_ours is not None


async def reopen_call(storage: Storage, call_connection_id: str) -> None:
    """Let the reconciler look at a call again, if its record is finalized: something came late.

    Raises CallNotFound, Contended, AzureError.
    """

    def apply(record: CallRecord) -> bool:
        if not record.finalized:
            return False
        record.finalized = False
        return True

    await change_record(storage, call_connection_id, apply)
