"""Stream grants, the app's half.

They are created before a call is placed, bound when its id is known, and ended with the call.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import msgspec

from calls.storage import Storage
from contract import names
from contract.grants import DtmfMode, StreamGrant, decode_grant, encode_grant, new_grant, new_token
from event_log import log_event

_log = logging.getLogger(__name__)
_MAX_ATTEMPTS = 5


async def create_grant(
    storage: Storage,
    now: datetime,
    sample_rate: int | None = None,
    dtmf: DtmfMode = "off",
    token: str | None = None,
) -> str:
    """Create the grant of a call, whose sample rate is in Hz.

    Returns the stream token that opens it: ``token``, or a new one. Raises AzureError.
    """
    token = token or new_token()
    grant = encode_grant(new_grant(now, sample_rate, dtmf))
    await storage.put(names.GRANTS, names.grant_blob(token), grant)
    return token


async def note_grant(storage: Storage, token: str, call_connection_id: str) -> None:
    """Note that a grant is a call's, so that ``end_grants`` finds it. Raises AzureError."""
    note = names.grant_note(call_connection_id, names.grant_blob(token))
    await storage.put(names.GRANTS, note, b"")


async def bind_grant(
    storage: Storage, token: str, call_connection_id: str, correlation_id: str | None
) -> None:
    """Bind a grant to its call, unless the handshake of its first socket has done so already.

    Raises AzureError.
    """
    blob = names.grant_blob(token)
    for _ in range(_MAX_ATTEMPTS):
        document = await storage.read(names.GRANTS, blob)
        grant = decode_grant(document.content) if document else new_grant(datetime.now(UTC))
        if grant.call_connection_id not in (None, call_connection_id):
            log_event(_log, logging.ERROR, "grant_bound_to_other_call", call=call_connection_id)
            return
        if correlation_id and grant.correlation_id not in (None, correlation_id):
            log_event(
                _log, logging.ERROR, "grant_bound_to_other_correlation_id", call=call_connection_id
            )
            return
        new: StreamGrant = msgspec.structs.replace(
            grant,
            call_connection_id=call_connection_id,
            correlation_id=correlation_id or grant.correlation_id,
        )
        if new == grant:
            return
        if document is None or await storage.replace(
            names.GRANTS, blob, encode_grant(new), document.etag
        ):
            return


async def end_grants(storage: Storage, call_connection_id: str, now: datetime) -> None:
    """End the grants of a call that has ended: they open no further stream.

    There are several where ACS was asked again, because its answer was lost. They are not deleted:
    a stream that began while Blob Storage was away is verified later. Raises AzureError.
    """
    prefix = names.grant_notes(call_connection_id)
    for note in await storage.blob_names(names.GRANTS, prefix):
        if not await _end_grant(storage, note.removeprefix(prefix), now):
            log_event(_log, logging.ERROR, "grant_end_failed", call=call_connection_id)


async def _end_grant(storage: Storage, blob: str, now: datetime) -> bool:
    """End one grant. Returns False where it was changed too often."""
    for _ in range(_MAX_ATTEMPTS):
        document = await storage.read(names.GRANTS, blob)
        if document is None:
            return True
        grant = decode_grant(document.content)
        if grant.ended_at is not None:
            return True
        ended = encode_grant(msgspec.structs.replace(grant, ended_at=now))
        if await storage.replace(names.GRANTS, blob, ended, document.etag):
            return True
    return False


async def withdraw_grant(storage: Storage, token: str) -> None:
    """Delete the grant of a call that was not answered.

    A grant that a socket has bound is kept: ACS did answer the call and only its response was lost,
    so the audio is arriving. Raises AzureError.
    """
    blob = names.grant_blob(token)
    document = await storage.read(names.GRANTS, blob)
    if document is not None and decode_grant(document.content).call_connection_id is None:
        await storage.delete(names.GRANTS, blob, document.etag)
