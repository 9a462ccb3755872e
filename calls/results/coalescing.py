"""Coalescing runs: of simultaneous triggers of one call, one runs, and at most once more.

A call of 200 streams has 200 manifests, any of which may be its last part. The first trigger takes
the call's *turn*, a document in storage. Those that find it taken request one more run and are
done: the holder runs again, after it has marked the request as served. So whatever landed before a
trigger is seen by a run that begins after it.

A turn expires, so that a run that was killed stops the others only for a while; the reconciler does
what they have left. Two runs at once do no harm.
"""

from __future__ import annotations

import contextlib
import logging
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import msgspec
from azure.core.exceptions import AzureError

from calls import blobs
from calls.errors import Contended
from calls.storage import Document, Storage
from event_log import log_event

LIFETIME = timedelta(minutes=2)
"""After this time, a turn may be taken from its holder. Few runs take longer."""

_MAX_ATTEMPTS = 50

_log = logging.getLogger(__name__)


class _Turn(msgspec.Struct, frozen=True):
    """Who runs, if anyone (``holder`` is not ""), and whether another run has been requested."""

    holder: str
    expires_at: datetime
    is_requested: bool = False


async def run_in_turn[T](
    storage: Storage, call: str, run: Callable[[], Awaitable[T | None]]
) -> T | None:
    """Run for a call, and again while others request it; or request that of whoever runs now.

    Returns:
        The result of the last run that had one; None also if another one runs.

    Raises Contended, AzureError, and what ``run`` raises.
    """
    holder = uuid.uuid4().hex
    if not await _take_or_request(storage, call, holder):
        log_event(_log, logging.INFO, "assembly_coalesced", call=call)
        return None
    result: T | None = None
    try:
        while True:
            latest = await run()
            result = latest if latest is not None else result
            if not await _serve_request(storage, call, holder):
                return result
    except BaseException:
        # The trigger runs again: it must not find a turn of its own.
        with contextlib.suppress(AzureError, Contended):
            await _release(storage, call, holder)
        raise


async def _take_or_request(storage: Storage, call: str, holder: str) -> bool:
    """Take the call's turn, or request another run of its holder; return whether it was taken."""
    for _ in range(_MAX_ATTEMPTS):
        document = await storage.read(blobs.RESULTS, blobs.turn_blob(call))
        turn, now = _decode(document), datetime.now(UTC)
        if turn is not None and turn.holder and turn.expires_at > now:
            if turn.is_requested:
                return False
            requested = msgspec.structs.replace(turn, is_requested=True)
            if await _write(storage, call, requested, document):
                return False
        elif await _write(storage, call, _Turn(holder, now + LIFETIME), document):
            return True
    raise Contended(f"call {call} is being assembled by too many runs at once")


async def _serve_request(storage: Storage, call: str, holder: str) -> bool:
    """Return whether the holder has to run again; if not, its turn is released."""
    for _ in range(_MAX_ATTEMPTS):
        document = await storage.read(blobs.RESULTS, blobs.turn_blob(call))
        turn, now = _decode(document), datetime.now(UTC)
        if turn is None or turn.holder != holder:
            # It took so long that another one has taken the turn.
            return False
        if turn.is_requested:
            if await _write(storage, call, _Turn(holder, now + LIFETIME), document):
                return True
        elif await _write(storage, call, _Turn("", now), document):
            return False
    raise Contended(f"call {call} is being assembled by too many runs at once")


async def _release(storage: Storage, call: str, holder: str) -> None:
    """Release the turn of a run that has failed."""
    for _ in range(_MAX_ATTEMPTS):
        document = await storage.read(blobs.RESULTS, blobs.turn_blob(call))
        turn = _decode(document)
        if turn is None or turn.holder != holder:
            return
        if await _write(storage, call, _Turn("", datetime.now(UTC)), document):
            return


async def _write(storage: Storage, call: str, turn: _Turn, existing: Document | None) -> bool:
    blob, content = blobs.turn_blob(call), msgspec.json.encode(turn)
    if existing is None:
        return await storage.create(blobs.RESULTS, blob, content)
    return await storage.replace(blobs.RESULTS, blob, content, existing.etag)


def _decode(document: Document | None) -> _Turn | None:
    """Decode a turn. What cannot be decoded is not the app's, and is replaced."""
    if document is None:
        return None
    try:
        return msgspec.json.decode(document.content, type=_Turn)
    except ValueError:
        return None
