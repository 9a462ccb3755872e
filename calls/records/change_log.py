"""The change log: which calls' records change, and in which order.

An entry is appended *before* its record is written, with the revision that the record will have. So
no change goes unnoticed, wherever a process dies: a reader that finds an older revision looks again
later (``calls.index``). Entries have no personal data: they are a call's id and a number.

Entries are of one size, and a blob is full at ``ENTRIES_PER_BLOB`` of them; the log then continues
in the next one. So an entry's position in the whole log is one number. Blob Storage appends a block
as a whole, whoever appends at the same time. An entry may be there twice: if a response is lost,
the client repeats its request.

A *checkpoint* says how far the log has been read into the index. What lies far before is deleted.
"""

from __future__ import annotations

import contextlib
import logging
import re
from typing import Any, Literal, NamedTuple
from weakref import WeakKeyDictionary

import msgspec
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError

from acs.identifiers import CALL_CONNECTION_ID_PATTERN
from calls import blobs
from calls.growing_blobs import read_from
from calls.storage import Storage
from event_log import log_event

ENTRY_BYTES = 160
ENTRIES_PER_BLOB = 40_000
"""An append blob has up to 50,000 blocks; some are left for repeated requests."""

_BLOB_BYTES = ENTRIES_PER_BLOB * ENTRY_BYTES
_ENTRY = re.compile(
    f"(changed|deleted|damaged|rebuilt) ([0-9]{{1,12}}) ({CALL_CONNECTION_ID_PATTERN}) *"
)

Kind = Literal["changed", "deleted", "damaged", "rebuilt"]
"""``damaged``: a day of the index cannot be read; the entry has the day in place of a call.
``rebuilt``: the whole index was written again; the entry's call means nothing."""

_log = logging.getLogger(__name__)


class Entry(NamedTuple):
    """A change of a call's record, which then has this revision or a later one."""

    kind: Kind
    call: str
    revision: int
    position: int


class Checkpoint(msgspec.Struct, kw_only=True):
    """How far the log has been read into the index, and the days of which the index has calls."""

    position: int = 0
    days: list[str] = msgspec.field(default_factory=list)


_current_blobs: WeakKeyDictionary[Storage, int] = WeakKeyDictionary()
"""The number of the log's blob that was not full when this process last appended to it."""


async def log_change(storage: Storage, call: str, revision: int) -> None:
    """Append that a call's record is about to have a revision. Raises AzureError."""
    await _append(storage, "changed", call, revision)


async def log_deletion(storage: Storage, call: str) -> None:
    """Append that a call's record was deleted. Raises AzureError."""
    await _append(storage, "deleted", call, 0)


async def log_damage(storage: Storage, day: str) -> None:
    """Append that a day of the index cannot be read. Raises AzureError."""
    await _append(storage, "damaged", day, 0)


async def log_rebuilt(storage: Storage) -> None:
    """Append that the whole index was written again. Raises AzureError."""
    await _append(storage, "rebuilt", "all", 0)


async def read_checkpoint(storage: Storage) -> tuple[Checkpoint, str | None]:
    """Read the checkpoint and its ETag; an empty one without an ETag if there is none.

    Raises AzureError.
    """
    document = await storage.read(blobs.INDEX, blobs.CHECKPOINT)
    if document is None:
        return Checkpoint(), None
    return msgspec.json.decode(document.content, type=Checkpoint), document.etag


async def read_entries(storage: Storage, position: int) -> tuple[list[Entry], int] | None:
    """Read the log from a position to its end: one request, if there is nothing new.

    Returns:
        The entries, and the position after them. None: the log no longer goes back so far.

    Raises AzureError.
    """
    entries: list[Entry] = []
    while True:
        number, index = divmod(position, ENTRIES_PER_BLOB)
        offset = index * ENTRY_BYTES
        content = await read_from(
            storage, blobs.INDEX, blobs.log_blob(number), offset, _BLOB_BYTES - offset
        )
        if content is None:
            # It does not exist yet; or it was deleted, and the checkpoint lies behind it.
            checkpoint, _ = await read_checkpoint(storage)
            is_deleted = checkpoint.position >= (number + 1) * ENTRIES_PER_BLOB
            return None if is_deleted else (entries, position)
        for start in range(0, len(content), ENTRY_BYTES):
            entry = _parse(content[start : start + ENTRY_BYTES], position)
            position += 1
            if entry is not None:
                entries.append(entry)
        if position < (number + 1) * ENTRIES_PER_BLOB:
            return entries, position


async def delete_before(storage: Storage, position: int) -> None:
    """Delete what lies far before a checkpoint's position. Raises AzureError."""
    last = position // ENTRIES_PER_BLOB - 1
    names = await storage.blob_names_until(
        blobs.INDEX, blobs.LOG_PREFIX, blobs.log_blob(max(0, last)), 1000
    )
    for name in names[:-1]:
        await storage.delete(blobs.INDEX, name)


async def _append(storage: Storage, kind: Kind, call: str, revision: int) -> None:
    line = f"{kind} {revision} {call}".ljust(ENTRY_BYTES - 1).encode() + b"\n"
    number = _current_blobs.get(storage)
    if number is None:
        number = await _first_number(storage)
    while True:
        client: Any = storage.service.get_blob_client(blobs.INDEX, blobs.log_blob(number))
        try:
            await client.append_block(line, maxsize_condition=_BLOB_BYTES)
        except ResourceNotFoundError:
            # A blob that was full may have been deleted: it must not come back.
            first = await _first_number(storage)
            if first <= number:
                with contextlib.suppress(ResourceExistsError):
                    await client.create_append_blob(match_condition=MatchConditions.IfMissing)
            number = max(first, number)
        except HttpResponseError as error:
            if getattr(error, "error_code", None) != "MaxBlobSizeConditionNotMet":
                raise
            number += 1
        else:
            break
    _current_blobs[storage] = number


async def _first_number(storage: Storage) -> int:
    checkpoint, _ = await read_checkpoint(storage)
    return checkpoint.position // ENTRIES_PER_BLOB


def _parse(line: bytes, position: int) -> Entry | None:
    match = _ENTRY.fullmatch(line.decode(errors="replace").removesuffix("\n"))
    if match is None:
        log_event(_log, logging.ERROR, "change_log_entry_unreadable", position=position)
        return None
    kind: Any = match[1]
    return Entry(kind, match[3], int(match[2]), position)
