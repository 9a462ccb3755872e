"""Rebuilding the index from the records, and comparing the two.

This reads every record: it is for an operator, and for the first start of a version with an index.
"""

from __future__ import annotations

import itertools
import logging
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator

import msgspec

from acs.identifiers import is_call_connection_id
from calls import blobs
from calls.errors import Contended
from calls.index.call_index import CallIndex
from calls.index.day_files import join_lines, write_day
from calls.index.rows import Row, day_of, parse_row
from calls.listings import parse_names
from calls.records.change_log import Checkpoint, Entry, log_rebuilt, read_checkpoint, read_entries
from calls.storage import Storage
from contract.names import MalformedName
from event_log import log_event

_AT_ONCE = 32
_BATCH = 1000
_MAX_ATTEMPTS = 20

_log = logging.getLogger(__name__)


async def rebuild(storage: Storage) -> int:
    """Write the index again from the records; every process then loads it.

    The app may run meanwhile: what changes is in the log, after the checkpoint.

    Returns:
        How many calls there are.

    Raises Contended, AzureError.
    """
    started = time.monotonic()
    checkpoint, _ = await read_checkpoint(storage)
    read = await read_entries(storage, checkpoint.position)
    entries, position = read if read is not None else ([], checkpoint.position)
    # The ETags come before the records: a call that is deleted meanwhile is not written.
    files = await storage.listing(blobs.INDEX, blobs.DAY_PREFIX)
    etags = {blobs.day_of_blob(name): properties.etag for name, properties in files.items()}
    rows: dict[str, list[Row]] = defaultdict(list)
    async for row in _read_rows(storage, await _list_calls(storage)):
        rows[day_of(row.created_at)].append(row)
    for day in sorted({*etags, *rows}):
        await _write(storage, day, rows[day], etags.get(day))
    revisions = {row.call: row.revision for of_day in rows.values() for row in of_day}
    position = min([position, *_unsettled_positions(entries, revisions)])
    days = sorted(day for day in rows if rows[day])
    written = msgspec.json.encode(Checkpoint(position=position, days=days))
    await storage.put(blobs.INDEX, blobs.CHECKPOINT, written)
    await log_rebuilt(storage)
    count = sum(map(len, rows.values()))
    milliseconds = round((time.monotonic() - started) * 1000)
    log_event(_log, logging.INFO, "index_rebuilt", calls=count, days=len(days), ms=milliseconds)
    return count


def _unsettled_positions(entries: list[Entry], revisions: dict[str, int]) -> Iterator[int]:
    """Yield the positions of changes that were announced, and not yet written when it was read."""
    deleted = {entry.call for entry in entries if entry.kind == "deleted"}
    for entry in entries:
        is_written = revisions.get(entry.call, -1) >= entry.revision or entry.call in deleted
        if entry.kind == "changed" and not is_written:
            yield entry.position


async def compare(storage: Storage) -> list[str]:
    """Return the calls whose rows in the index are not what their records say, sorted.

    While calls change, one of them may be among these. Raises AzureError, sqlite3.Error.
    """
    index = CallIndex(storage)
    try:
        await index.refresh_thoroughly()
        indexed = await index.read(lambda model: model.all_contents())
    finally:
        await index.close()
    stored = {
        row.call: row.content async for row in _read_rows(storage, await _list_calls(storage))
    }
    return sorted(
        call for call in indexed.keys() | stored.keys() if indexed.get(call) != stored.get(call)
    )


async def _write(storage: Storage, day: str, rows: list[Row], etag: str | None) -> None:
    for _ in range(_MAX_ATTEMPTS):
        rows.sort(key=lambda row: (row.created_at, row.call))
        if await write_day(storage, day, join_lines([row.content for row in rows]), etag):
            return
        properties = await storage.properties(blobs.INDEX, blobs.day_blob(day))
        etag = properties.etag if properties else None
        calls = [row.call for row in rows]
        rows[:] = [row async for row in _read_rows(storage, calls)]
    raise Contended(f"the index of {day} is being changed too often")


async def _list_calls(storage: Storage) -> list[str]:
    names = await storage.blob_names(blobs.CALLS, "")
    return list(parse_names(blobs.CALLS, names, _call_of).values())


def _call_of(blob: str) -> str:
    call = blob.removesuffix(".json")
    if blob != blobs.call_blob(call) or not is_call_connection_id(call):
        raise MalformedName(f"not the name of a call's record: {blob!r}")
    return call


async def _read_rows(storage: Storage, calls: Iterable[str]) -> AsyncIterator[Row]:
    """Yield the rows of those calls that have a record."""
    for batch in itertools.batched(calls, _BATCH, strict=False):
        names = [blobs.call_blob(call) for call in batch]
        documents = await storage.read_all(blobs.CALLS, names, _AT_ONCE)
        for name, document in zip(names, documents, strict=True):
            row = parse_row(document.content, blob=name) if document is not None else None
            if row is not None:
                yield row
