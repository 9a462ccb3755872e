"""A call's disposition: whether it is on legal hold, and whether it is deleted. One blob each.

Holding and deleting change the same blob under its ETag, so exactly one of the two succeeds when
both come at once. Once its call is deleted, a disposition is the call's *tombstone*: it stays, and
has no personal data. Whatever writes something about a call looks for the tombstone *after* the
write. A deletion writes the tombstone first and lists what it deletes afterwards. So a late write
is seen by one of the two, and cannot bring anything back.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec

from calls import blobs
from calls.changes import change_document
from calls.errors import CallDeleted, CallNotFound
from calls.principals import Principal
from calls.storage import Storage

SCHEMA = 1


class Hold(msgspec.Struct, kw_only=True, frozen=True):
    """A legal hold: why a call must be kept, by whom and from when until when."""

    reason: str
    placed_at: datetime
    placed_by: Principal
    released_at: datetime | None = None
    released_by: Principal | None = None


class StreamTrack(msgspec.Struct, frozen=True):
    """One track of one stream."""

    stream_id: str
    track: str


class Disposition(msgspec.Struct, kw_only=True):
    """What is to be kept of a call, and what is deleted.

    Attributes:
        holds: Its holds, the current one last. Empty once the call is deleted.
        running: The id of a deletion of a part of the call which is not completed.
        erased: The tracks of participants who were erased. What comes of them late is deleted.
        deletion: The id of the deletion of the whole call.
        deleted_at: When the call was deleted: from then on, nothing of it is shown.
    """

    schema: int = SCHEMA
    call_connection_id: str
    holds: list[Hold] = msgspec.field(default_factory=list)
    running: str | None = None
    erased: list[StreamTrack] = msgspec.field(default_factory=list)
    deletion: str | None = None
    deleted_at: datetime | None = None

    @property
    def hold(self) -> Hold | None:
        """The current hold."""
        last = self.holds[-1] if self.holds else None
        return last if last is not None and last.released_at is None else None

    def check_not_deleted(self) -> None:
        """Raise CallDeleted if the call was deleted."""
        if self.deletion is not None and self.deleted_at is not None:
            raise CallDeleted(self.call_connection_id, self.deleted_at, self.deletion)


async def read_disposition(storage: Storage, call: str) -> Disposition:
    """Read a call's disposition; an empty one if it has none. Raises AzureError."""
    document = await storage.read(blobs.RETENTION, blobs.disposition_blob(call))
    if document is None:
        return Disposition(call_connection_id=call)
    return msgspec.json.decode(document.content, type=Disposition)


async def is_deleted(storage: Storage, call: str) -> bool:
    """Return whether a call was deleted. Raises AzureError."""
    return (await read_disposition(storage, call)).deletion is not None


async def missing_call(storage: Storage, call: str) -> CallNotFound:
    """Return the error for a call without a record: it was deleted, or never existed."""
    try:
        (await read_disposition(storage, call)).check_not_deleted()
    except CallDeleted as deleted:
        return deleted
    return CallNotFound(call)


async def change_disposition(
    storage: Storage, call: str, apply: Callable[[Disposition], bool]
) -> Disposition:
    """Change a call's disposition under its ETag.

    Args:
        storage: Where dispositions are kept.
        call: The call connection id.
        apply: Changes the disposition and returns whether it did. May run several times, and
            raise to refuse the change.

    Raises Contended, AzureError, and what ``apply`` raises.
    """
    return await change_document(
        storage,
        blobs.RETENTION,
        blobs.disposition_blob(call),
        Disposition,
        apply,
        missing=lambda: Disposition(call_connection_id=call),
        name=f"the disposition of call {call}",
    )
