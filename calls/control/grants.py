"""The app's half of stream grants: created before a call, and bound to it when its id is known."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import msgspec

from calls.storage import Storage
from contract import names
from contract.grants import StreamGrant, decode_grant, encode_grant, new_grant, new_token
from event_log import log_event

_log = logging.getLogger(__name__)
_MAX_BIND_ATTEMPTS = 5


async def create_grant(storage: Storage, now: datetime) -> str:
    """Create a grant and return the stream token that opens it. Raises AzureError."""
    token = new_token()
    await storage.put(names.GRANTS, names.grant_blob(token), encode_grant(new_grant(now)))
    return token


async def bind_grant(
    storage: Storage, token: str, call_connection_id: str, correlation_id: str | None
) -> None:
    """Bind a grant to its call, unless the handshake of its first socket has done so already.

    Raises AzureError.
    """
    blob = names.grant_blob(token)
    for _ in range(_MAX_BIND_ATTEMPTS):
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


async def withdraw_grant(storage: Storage, token: str) -> None:
    """Delete the grant of a call that was not answered.

    A grant that a socket has bound is kept: ACS did answer the call and only its response was lost,
    so the audio is arriving. Raises AzureError.
    """
    blob = names.grant_blob(token)
    document = await storage.read(names.GRANTS, blob)
    if document is not None and decode_grant(document.content).call_connection_id is None:
        await storage.delete(names.GRANTS, blob, document.etag)
