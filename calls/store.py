"""Call records in Blob Storage: one blob each, changed under its ETag, listed by the index."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec

from calls import blobs
from calls.problems import not_found
from calls.records import CallRecord, new_record
from calls.storage import Contended, Storage

_TRIES = 20

_decode = msgspec.json.Decoder(CallRecord).decode
_encode = msgspec.json.encode


async def find(storage: Storage, call_connection_id: str) -> CallRecord:
    """A call's record. Raises Problem (404)."""
    document = await storage.read(blobs.CALLS, blobs.call_blob(call_connection_id))
    if document is None:
        raise not_found(call_connection_id)
    return _decode(document.content)


async def change(
    storage: Storage,
    call_connection_id: str,
    apply: Callable[[CallRecord], bool],
    *,
    create_at: datetime | None = None,
) -> CallRecord:
    """Change a call's record; ``apply`` may run several times and says whether it changed it.

    With ``create_at``, a call that is not known yet gets a record and its place in the list: its
    events may come before the answer that told its id. Raises Problem (404), Contended.
    """
    blob = blobs.call_blob(call_connection_id)
    for _ in range(_TRIES):
        document = await storage.read(blobs.CALLS, blob)
        if document is None:
            if create_at is None:
                raise not_found(call_connection_id)
            record = new_record(call_connection_id, create_at)
            apply(record)
            # The index goes first: a record that no list shows would be lost to people.
            index = blobs.index_blob(create_at, call_connection_id)
            await storage.put(blobs.INDEX, index, b"")
            if await storage.create(blobs.CALLS, blob, _encode(record)):
                return record
            continue
        record = _decode(document.content)
        if not apply(record):
            return record
        if await storage.replace(blobs.CALLS, blob, _encode(record), document.etag):
            return record
    raise Contended(f"the record of call {call_connection_id} is changed too often")


async def newest(
    storage: Storage, limit: int, cursor: str | None
) -> tuple[list[CallRecord], str | None]:
    """The newest calls, and where the next page begins. A call listed twice is shown once."""
    page = await storage.page(blobs.INDEX, limit, cursor)
    calls = dict.fromkeys(blobs.call_of_index_blob(name) for name in page.names)
    call_blobs = [blobs.call_blob(call) for call in calls]
    documents = await storage.read_all(blobs.CALLS, call_blobs)
    return [_decode(found.content) for found in documents if found is not None], page.cursor
