"""The day files: the calls that began on a day, as the index keeps them.

They save a process that starts from reading each record. They have personal data, so a deletion
rewrites its call's file before its receipt is written. It does so even if the call is not in it:
whoever writes a file has read its ETag *before* the log, and so writes no call whose deletion it
does not know.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import random
import zlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from azure.core.exceptions import ResourceNotFoundError

from calls import blobs
from calls.errors import Contended
from calls.index.rows import day_of, microseconds, row_of
from calls.records.change_log import log_deletion
from calls.records.model import CallRecord
from calls.storage import Storage

_MAX_ATTEMPTS = 20
_PAUSE_SECONDS = 0.05
_COMPRESSION = 1
"""Fast: a higher level saves little here, and costs several times the time."""


class _Line(msgspec.Struct):
    call_connection_id: str


async def read_day(storage: Storage, day: str) -> tuple[bytes, str | None]:
    """Read the lines of a day, and the ETag of its file; nothing and None if there is none.

    Raises OSError, EOFError or zlib.error if the file is damaged, AzureError.
    """
    document = await storage.read(blobs.INDEX, blobs.day_blob(day))
    if document is None:
        return b"", None
    if not document.content:
        raise EOFError("an empty file")
    return await asyncio.to_thread(gzip.decompress, document.content), document.etag


async def write_day(storage: Storage, day: str, lines: bytes, etag: str | None) -> bool:
    """Write the lines of a day, if its file still has this ETag (None: if there is none).

    Returns:
        Whether it was written: somebody else may have changed it.

    Raises AzureError.
    """
    content = await asyncio.to_thread(gzip.compress, lines, _COMPRESSION, mtime=0)
    blob = blobs.day_blob(day)
    if etag is None:
        return await storage.create(blobs.INDEX, blob, content) is not None
    return await storage.replace(blobs.INDEX, blob, content, etag) is not None


async def remove_call(storage: Storage, call: str, created_at: datetime | None) -> None:
    """Remove a call whose record was deleted from the index. It may run twice.

    Args:
        storage: The storage with the index.
        call: The call connection id.
        created_at: When it began; None: it had no record.

    Raises Contended, AzureError.
    """
    await log_deletion(storage, call)
    if created_at is not None:
        await _change_day(storage, created_at, call, None)


async def replace_call(storage: Storage, record: CallRecord) -> None:
    """Replace a call whose record has lost personal data. It may run twice.

    Raises Contended, AzureError.
    """
    line = row_of(record).content
    await _change_day(storage, record.created_at, record.call_connection_id, line)


async def _change_day(
    storage: Storage, created_at: datetime, call: str, line: bytes | None
) -> None:
    day = day_of(microseconds(created_at))
    for attempt in range(_MAX_ATTEMPTS):
        try:
            lines, etag = await read_day(storage, day)
        except (OSError, EOFError, zlib.error):
            # It must not keep the call. Whoever misses the file reports it: see ``CallIndex``.
            await storage.delete(blobs.INDEX, blobs.day_blob(day))
            await _delete_older_versions(storage, day)
            return
        changed = await asyncio.to_thread(_change_lines, lines, call, line)
        # Also if nothing has changed: see above.
        if await write_day(storage, day, changed, etag):
            await _delete_older_versions(storage, day)
            return
        await asyncio.sleep(random.uniform(0, _PAUSE_SECONDS) * attempt)  # noqa: S311 (not for security)
    raise Contended(f"the index of {day} is being changed too often")


def _change_lines(lines: bytes, call: str, line: bytes | None) -> bytes:
    is_other: Callable[[bytes], bool] = lambda other: (  # noqa: E731
        msgspec.json.decode(other, type=_Line).call_connection_id != call
    )
    others = [other for other in lines.splitlines() if is_other(other)]
    return join_lines(others if line is None else [*others, line])


def join_lines(contents: list[bytes]) -> bytes:
    """Return the contents of rows as lines."""
    return b"".join(content + b"\n" for content in contents)


async def _delete_older_versions(storage: Storage, day: str) -> None:
    """Delete what the account has kept of a day's file as it was before."""
    container = storage.service.get_container_client(blobs.INDEX)
    name = blobs.day_blob(day)
    async for blob in container.list_blobs(
        name_starts_with=name, include=["snapshots", "versions"]
    ):
        version = None if blob.is_current_version else blob.version_id
        if version or blob.snapshot:
            client = storage.service.get_blob_client(blobs.INDEX, name, snapshot=blob.snapshot)
            options: dict[str, Any] = {"version_id": version} if version else {}
            with contextlib.suppress(ResourceNotFoundError):
                await client.delete_blob(**options)
