"""The stream grant: the permission to stream one call, for whoever has its stream token.

The app writes the grant before it places or answers a call, and binds it to the call connection id
once ACS has assigned one. The streamer reads it at the handshake. The token, which is part of the
WebSocket's URL, is never stored: the blob is named by its hash.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Literal

import msgspec

LIFETIME = timedelta(hours=24)
"""The lifetime of ACS's own handshake token. A call's WebSockets open well within it."""

SCHEMA = 1

MEDIA_PATH = "/media/"
"""The path of the streamer's media WebSocket, which the stream token follows."""


DtmfMode = Literal["off", "times", "digits"]
"""What is kept of a call's DTMF tones: nothing, when and who, or the digits, too."""


class StreamGrant(msgspec.Struct, kw_only=True):
    """Permission to stream one call.

    It is unbound, with a ``call_connection_id`` of None, until the call is known.
    ``correlation_id`` is None if it was unknown when the grant was bound. ``sample_rate`` is the
    one that the call was placed with, in Hz. ``dtmf`` says what may be kept of DTMF tones. Once the
    call has ended, at ``ended_at``, the grant opens no further stream.
    """

    schema: int = SCHEMA
    created_at: datetime
    expires_at: datetime
    call_connection_id: str | None = None
    correlation_id: str | None = None
    sample_rate: int | None = None
    dtmf: DtmfMode = "off"
    ended_at: datetime | None = None


def new_token() -> str:
    """Create a stream token: 256 random bits, as text for a URL's path."""
    return secrets.token_urlsafe(32)


def new_grant(now: datetime, sample_rate: int | None = None, dtmf: DtmfMode = "off") -> StreamGrant:
    """Create an unbound grant that is valid from ``now``, for a call of ``sample_rate`` Hz."""
    return StreamGrant(
        created_at=now, expires_at=now + LIFETIME, sample_rate=sample_rate, dtmf=dtmf
    )


def encode_grant(grant: StreamGrant) -> bytes:
    """Encode a grant as its blob's content."""
    return msgspec.json.encode(grant)


def decode_grant(blob: bytes) -> StreamGrant:
    """Decode a grant from its blob's content. Raises msgspec.DecodeError."""
    return msgspec.json.decode(blob, type=StreamGrant)
