"""Coalescing runs: a call of 200 streams is not assembled 200 times.

It has 200 manifests, any of which may be its last part.

Of simultaneous triggers, one runs, and at most once more. The first takes the call's *turn*, a
document in storage. Those that find it taken request one more run and are done: the holder runs
again, after it has marked the request as served. So whatever landed before a trigger is seen by a
run that begins after it. A turn expires, so that a run that was killed stops the others only for a
while; the reconciler does what they have left. Two runs at once do no harm.

Of triggers one after another, most are *postponed* while the call goes on: what is assembled then
is only for those who ask for a partial result, and the call's end triggers an assembly of all.
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
from calls.records.model import CallRecord
from calls.storage import Document, Storage
from event_log import log_event

LIFETIME = timedelta(minutes=2)
"""After this time, a turn may be taken from its holder. Few runs take longer."""

POSTPONED_SECONDS = 60.0
POSTPONED_SHARE = 0.25
"""While a call goes on, it is assembled again when that much more has been recorded: as long, and
as large a share of its length. All its assemblies together then cost a few times its last one."""

_MAX_ATTEMPTS = 50

_log = logging.getLogger(__name__)


class _Turn(msgspec.Struct, frozen=True):
    """Who runs, and whether another run has been requested. It exists only while somebody runs.

    ``stream_id`` is of a stream that was whole before the run began.
    """

    holder: str
    expires_at: datetime
    stream_id: str | None = None
    is_requested: bool = False


async def run_in_turn[T](
    storage: Storage,
    call: str,
    run: Callable[[], Awaitable[T | None]],
    *,
    stream_id: str | None = None,
    is_free: bool = False,
) -> T | None:
    """Run for a call, and again while others request it; or request that of whoever runs now.

    Args:
        storage: Where the call's turn is.
        call: The call connection id.
        run: Runs once.
        stream_id: The stream of the trigger, if all of it has landed. A run for it is not repeated
            for another trigger of it.
        is_free: Whether nobody had the turn a moment ago: it is then taken without a look.

    Returns:
        The result of the last run that had one; None also if another one runs.

    Raises Contended, AzureError, and what ``run`` raises.
    """
    own = _Turn(uuid.uuid4().hex, datetime.now(UTC) + LIFETIME, stream_id)
    etag = await _take_or_request(storage, call, own, is_free=is_free)
    if etag is None:
        log_event(_log, logging.INFO, "assembly_coalesced", call=call)
        return None
    result: T | None = None
    try:
        while True:
            latest = await run()
            result = latest if latest is not None else result
            etag = await _release_or_renew(storage, call, own.holder, etag)
            if etag is None:
                return result
    except BaseException:
        # The trigger runs again: it must not find a turn of its own.
        with contextlib.suppress(AzureError, Contended):
            await _release(storage, call, own.holder)
        raise


async def _take_or_request(storage: Storage, call: str, own: _Turn, *, is_free: bool) -> str | None:
    """Take the call's turn, and return its ETag; or request another run of its holder."""
    for attempt in range(_MAX_ATTEMPTS):
        document = None
        if attempt > 0 or not is_free:
            document = await storage.read(blobs.RESULTS, blobs.turn_blob(call))
        turn = _decode(document)
        if turn is not None and turn.expires_at > datetime.now(UTC):
            if turn.is_requested or (own.stream_id and turn.stream_id == own.stream_id):
                return None
            requested = msgspec.structs.replace(turn, is_requested=True)
            if await _write(storage, call, requested, document):
                return None
        elif etag := await _write(storage, call, own, document):
            return etag
    raise Contended(f"call {call} is being assembled by too many runs at once")


async def _release_or_renew(storage: Storage, call: str, holder: str, etag: str) -> str | None:
    """Release the turn; if another run has been requested, keep it and return its new ETag."""
    blob = blobs.turn_blob(call)
    for _ in range(_MAX_ATTEMPTS):
        if await storage.delete(blobs.RESULTS, blob, etag):
            return None
        document = await storage.read(blobs.RESULTS, blob)
        turn = _decode(document)
        if document is None or turn is None or turn.holder != holder:
            # It took so long that another one has taken the turn.
            return None
        etag = document.etag
        if turn.is_requested:
            renewed = _Turn(holder, datetime.now(UTC) + LIFETIME)
            if renewed_etag := await _write(storage, call, renewed, document):
                return renewed_etag
    raise Contended(f"call {call} is being assembled by too many runs at once")


async def _release(storage: Storage, call: str, holder: str) -> None:
    """Release the turn of a run that has failed."""
    for _ in range(_MAX_ATTEMPTS):
        document = await storage.read(blobs.RESULTS, blobs.turn_blob(call))
        turn = _decode(document)
        if document is None or turn is None or turn.holder != holder:
            return
        if await storage.delete(blobs.RESULTS, blobs.turn_blob(call), document.etag):
            return


async def _write(storage: Storage, call: str, turn: _Turn, existing: Document | None) -> str | None:
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


def may_wait(record: CallRecord, ended_at: datetime) -> bool:
    """Return whether a stream that has ended may be assembled later, with further ones.

    Args:
        record: Its call's record, read after the stream had ended.
        ended_at: When the stream ended, by the streamer's clock.
    """
    if record.has_ended or record.assembled_at is None:
        return False
    interval = max(
        POSTPONED_SECONDS, POSTPONED_SHARE * (ended_at - record.created_at).total_seconds()
    )
    return (ended_at - record.assembled_at).total_seconds() < interval
