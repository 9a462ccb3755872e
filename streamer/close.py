"""Why a WebSocket is closed."""

from __future__ import annotations

from typing import NamedTuple


class Close(NamedTuple):
    """Why to close a stream's WebSocket: a close code (RFC 6455, 7.4) and a reason."""

    code: int
    reason: str
