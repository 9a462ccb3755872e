"""What arrives after its call was deleted: it is deleted, too.

A segment may come weeks late from a streamer's disk, an event may be delivered again, and a
function may be at work on the call while it is deleted.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from calls import blobs
from calls.index.day_files import remove_call
from calls.records.dispositions import StreamTrack, read_disposition
from calls.records.expiries import add_expiry
from calls.records.store import decode_record, read_record_document
from calls.retention import inventory
from calls.retention.deletions import change_deletion
from calls.retention.model import Deletion
from calls.storage import Storage
from contract import names
from event_log import log_event

_log = logging.getLogger(__name__)


@asynccontextmanager
async def removing_late_arrivals(storage: Storage, call: str) -> AsyncIterator[None]:
    """Surround what writes about a call: if the call is deleted, so is what was written.

    A failure is then of no interest: the function may have missed what was deleted.

    Raises Contended, AzureError, and whatever is raised within, if the call was not deleted.
    """
    try:
        yield
    except Exception:
        if not await delete_late_arrivals(storage, call):
            raise
    else:
        await delete_late_arrivals(storage, call)


async def delete_late_arrivals(storage: Storage, call: str) -> bool:
    """Delete what was written about a call after it was deleted.

    Whoever has written something about a call runs this afterwards. While the call's deletion is
    running, it is only notified: it counts what it deletes, and goes on until nothing is left.

    Returns:
        Whether the call was deleted.

    Raises Contended, AzureError: run this again.
    """
    disposition = await read_disposition(storage, call)
    if disposition.deletion is None:
        for track in disposition.erased:
            await _delete_track(storage, call, track)
        return False

    def apply(deletion: Deletion) -> bool:
        if deletion.receipt.state == "completed":
            return False
        deletion.arrivals += 1
        return True

    deletion = await change_deletion(storage, disposition.deletion, apply)
    if deletion.receipt.state == "completed":
        count = await _delete_again(storage, deletion)
        if count:
            log_event(_log, logging.WARNING, "late_blobs_deleted", call=call, count=count)
    return True


async def _delete_track(storage: Storage, call: str, track: StreamTrack) -> None:
    """Delete what has come of a track of a participant who was erased."""
    prefix = inventory.track_prefix(call, track)
    for container, beginning in (
        (names.SEGMENTS, prefix),
        (blobs.RESULTS, prefix),
        (blobs.EVENTS, blobs.segment_log_blob(call)),
        (names.REJECTED, f"{names.SEGMENTS}/{prefix}"),
        (names.REJECTED, f"{names.MANIFESTS}/{call}/{track.stream_id}."),
        (names.REJECTED, f"{names.DRAFTS}/{call}/{track.stream_id}."),
        (names.REJECTED, f"{names.rejected_stream(call, track.stream_id)}{track.track}/"),
        (names.DRAFTS, names.NoteName(call, track.stream_id, track.track).blob),
    ):
        for blob in await storage.blob_names(container, beginning):
            await storage.delete(container, blob)
            log_event(_log, logging.WARNING, "late_blob_deleted", call=call, container=container)


async def _delete_again(storage: Storage, deletion: Deletion) -> int:
    """Delete all that there is of a deleted call; return how many blobs that were."""
    await inventory.collect(storage, deletion)
    call = deletion.receipt.call_connection_id
    record = await read_record_document(storage, call)
    count = 0
    for container in inventory.CONTAINERS["call"]:
        for blob in await inventory.list_blobs(storage, deletion, container):
            if blob.version is None and blob.snapshot is None:
                await storage.delete(container, blob.name)
                count += 1
    if record is not None:
        await remove_call(storage, call, decode_record(record.content).created_at)
    return count


async def watch_for_late_arrivals(storage: Storage, call: str, now: datetime) -> None:
    """Have a deleted call looked at again a day, a week and a month later. Raises AzureError.

    What lands in the watched containers is deleted by its event. A streamer whose disk comes back
    after weeks may also write what no event reports.
    """
    disposition = await read_disposition(storage, call)
    if disposition.deleted_at is None:
        return
    for days in (1, 7, 30):
        moment = disposition.deleted_at + timedelta(days=days)
        if moment > now:
            await add_expiry(storage, call, moment)
            return
