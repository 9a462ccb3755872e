"""Compaction: the days that have changed are written again, and the log is read from there on."""

from __future__ import annotations

import logging
import time

import msgspec

from calls import blobs
from calls.errors import Contended
from calls.index.call_index import CallIndex
from calls.index.day_files import join_lines, write_day
from calls.index.rebuilding import rebuild
from calls.records.change_log import Checkpoint, delete_before, read_checkpoint
from event_log import log_event

_MAX_ATTEMPTS = 5

_log = logging.getLogger(__name__)


async def compact(index: CallIndex) -> bool:
    """Write the days with calls that have changed, and then the checkpoint.

    Without a checkpoint, or if a day cannot be read, the index is rebuilt from the records. Any
    number of processes may do so at the same time: a day is written only over what was there before
    the log was read, and the checkpoint only over the one of the beginning.

    Returns:
        Whether the checkpoint was written; False if nothing has changed, or another process has
        written it.

    Raises Contended, AzureError, sqlite3.Error.
    """
    storage, started = index.storage, time.monotonic()
    checkpoint, etag = await read_checkpoint(storage)
    await index.refresh_thoroughly()
    if etag is None or index.damaged_days:
        await rebuild(storage)
        return True
    position = index.settled_position
    days = await index.read(lambda model: model.changed_days())
    if not days and position <= checkpoint.position:
        return False
    for day in days:
        await _write(index, day)
    written = msgspec.json.encode(
        Checkpoint(position=position, days=sorted({*checkpoint.days, *days}))
    )
    if await storage.replace(blobs.INDEX, blobs.CHECKPOINT, written, etag) is None:
        log_event(_log, logging.INFO, "index_compaction_superseded")
        return False
    await index.read(lambda model: model.forget_changed_days(days))
    await delete_before(storage, position)
    log_event(
        _log,
        logging.INFO,
        "index_compacted",
        days=len(days),
        position=position,
        ms=round((time.monotonic() - started) * 1000),
    )
    return True


async def _write(index: CallIndex, day: str) -> None:
    for _ in range(_MAX_ATTEMPTS):
        properties = await index.storage.properties(blobs.INDEX, blobs.day_blob(day))
        # After the ETag: a call that was deleted since then is not written.
        await index.refresh_thoroughly()
        contents = await index.read(lambda model: model.contents(day))
        etag = properties.etag if properties else None
        if await write_day(index.storage, day, join_lines(contents), etag):
            return
    raise Contended(f"the index of {day} is being changed too often")
