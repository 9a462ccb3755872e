"""The stream grant: what the per-call token in the transport URL opens.

The app writes it before it places a call and binds it to the call connection when ACS has named
it; the streamer reads it at the handshake.
The token itself is never stored: the blob's name is its hash.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

import msgspec

LIFETIME = timedelta(hours=24)
"""As long as ACS's own handshake token lives; a call's sockets are opened well within it."""

SCHEMA = 1

MEDIA_PATH = "/media/"
"""Path of the streamer's media WebSocket; the stream token follows it."""


class StreamGrant(msgspec.Struct, kw_only=True):
    """Leave to stream one call. Unbound (``call_connection_id`` None) until that call is known.

    ``correlation_id`` is None where whoever bound it was not told.
    """

    schema: int = SCHEMA
    created_at: datetime
    expires_at: datetime
    call_connection_id: str | None = None
    correlation_id: str | None = None


def new_token() -> str:
    """A stream token: 256 bits from the system's random source, fit for a URL's path."""
    return secrets.token_urlsafe(32)


def new_grant(now: datetime) -> StreamGrant:
    """An unbound grant that begins now."""
    return StreamGrant(created_at=now, expires_at=now + LIFETIME)


def encode_grant(grant: StreamGrant) -> bytes:
    """The grant's blob."""
    return msgspec.json.encode(grant)


def decode_grant(blob: bytes) -> StreamGrant:
    """The grant in a blob. Raises msgspec.DecodeError."""
    return msgspec.json.decode(blob, type=StreamGrant)
