"""Stream grants, the streamer's half: looked up, bound by a call's first WebSocket, and cached."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus

import msgspec
from azure.core.exceptions import AzureError

from contract.grants import StreamGrant
from streamer.errors import HandshakeRefused
from streamer.refusals import count_warned, log_limited
from streamer.settings import Check
from streamer.storage import Storage

UNAVAILABLE = "grant_unavailable"
"""The reason for which a handshake is refused while Blob Storage is away."""

OTHER_CORRELATION = "grant_other_correlation"
"""The reason for which a handshake is refused whose correlation id is not the grant's."""

_CACHE_SECONDS = 60.0
"""How long a grant may have ended, or been deleted, before a handshake is refused."""

_CACHED_GRANTS = 4096
_BIND_ATTEMPTS = 3
_LOOKUP_SECONDS = 3.0
"""How long a handshake waits for Blob Storage."""


class GrantVerifier:
    """Verifies that a grant permits a call's stream. Grants are named by their blob."""

    def __init__(
        self,
        storage: Storage,
        correlation_check: Check,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start with an empty cache.

        Args:
            storage: Where the grants are.
            correlation_check: What to do where the correlation id is not the grant's.
            clock: Returns monotonic seconds.
        """
        self._storage = storage
        self._correlation_check = correlation_check
        self._clock = clock
        # By the tokens' hashes, so that the time of a lookup reveals nothing about a token. With
        # the time of its lookup, the oldest first.
        self._cached: dict[str, tuple[float, StreamGrant]] = {}

    async def verify(
        self, blob: str, call: str, correlation: str, began_at: datetime
    ) -> StreamGrant:
        """Return the grant of a stream, and bind it to the stream's call where it has none.

        Args:
            blob: The grant's blob name.
            call: The call connection id in the handshake.
            correlation: The correlation id in the handshake, or "".
            began_at: When the stream began: the call must not have ended by then.

        Raises:
            HandshakeRefused: 401 or 403 where it does not permit the stream; 503 where that cannot
                be said now.
        """
        for _ in range(_BIND_ATTEMPTS):
            grant, etag = self._find_cached(blob), ""
            if grant is None:
                grant, etag = await self._read(blob, call)
            _check_times(grant, began_at)
            if grant.call_connection_id not in (None, call):
                raise HandshakeRefused(HTTPStatus.FORBIDDEN, "grant_other_call")
            if grant.call_connection_id is None:
                # The WebSocket may open before the app knows the call's id: the first one binds it.
                grant = msgspec.structs.replace(
                    grant, call_connection_id=call, correlation_id=correlation or None
                )
                if not await self._bind(blob, grant, etag):
                    continue
            elif grant.correlation_id not in (None, correlation):
                self._refuse_correlation()
            if etag:
                self._cache(blob, grant)
            return grant
        raise HandshakeRefused(HTTPStatus.SERVICE_UNAVAILABLE, "grant_contended")

    def _refuse_correlation(self) -> None:
        if self._correlation_check == "require":
            raise HandshakeRefused(HTTPStatus.FORBIDDEN, OTHER_CORRELATION)
        if self._correlation_check == "warn":
            count_warned(OTHER_CORRELATION)

    async def _read(self, blob: str, call: str) -> tuple[StreamGrant, str]:
        try:
            async with asyncio.timeout(_LOOKUP_SECONDS):
                stored = await self._storage.read_grant(blob)
        except (AzureError, TimeoutError) as error:
            cause = type(error).__name__
            log_limited(logging.ERROR, "grant_read_failed", call=call, error=cause)
            raise HandshakeRefused(HTTPStatus.SERVICE_UNAVAILABLE, UNAVAILABLE) from error
        except msgspec.DecodeError as error:
            log_limited(logging.ERROR, "grant_read_failed", call=call, error="malformed")
            raise HandshakeRefused(HTTPStatus.UNAUTHORIZED, "grant_malformed") from error
        if stored is None:
            raise HandshakeRefused(HTTPStatus.UNAUTHORIZED, "grant_unknown")
        return stored

    async def _bind(self, blob: str, grant: StreamGrant, etag: str) -> bool:
        try:
            async with asyncio.timeout(_LOOKUP_SECONDS):
                return await self._storage.bind_grant(blob, grant, etag)
        except (AzureError, TimeoutError) as error:
            raise HandshakeRefused(HTTPStatus.SERVICE_UNAVAILABLE, UNAVAILABLE) from error

    def _find_cached(self, blob: str) -> StreamGrant | None:
        cached = self._cached.get(blob)
        if cached is None:
            return None
        read_at, grant = cached
        if self._clock() - read_at < _CACHE_SECONDS:
            return grant
        del self._cached[blob]
        return None

    def _cache(self, blob: str, grant: StreamGrant) -> None:
        """Cache a grant that is bound to both ids: until it ends it does not change."""
        if grant.correlation_id is None:
            return
        if len(self._cached) >= _CACHED_GRANTS:
            del self._cached[next(iter(self._cached))]
        self._cached[blob] = (self._clock(), grant)


def _check_times(grant: StreamGrant, began_at: datetime) -> None:
    """Check that a grant was valid when a stream began. Raises HandshakeRefused."""
    if grant.expires_at < began_at:
        raise HandshakeRefused(HTTPStatus.UNAUTHORIZED, "grant_expired")
    if grant.ended_at is not None and grant.ended_at < began_at:
        raise HandshakeRefused(HTTPStatus.UNAUTHORIZED, "grant_ended")
