"""Who may stream: authentication of the WebSocket handshake.

Two tokens are checked. One is ACS's own bearer token. The other, independent of it, is the stream
token in the URL, which the app put there when it placed the call. What the handshake says about its
call is compared with the stream token's grant: the call connection id and, as a check of its own,
the correlation id. Each check can be set to ``require``, ``warn`` (let in, log and count) or
``off``.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import NamedTuple

import msgspec
from azure.core.exceptions import AzureError

from acs.errors import InvalidToken, KeysUnavailable
from acs.identifiers import is_call_connection_id
from acs.tokens import TokenVerifier
from contract import names
from contract.grants import StreamGrant
from event_log import log_event
from streamer import metrics
from streamer.errors import HandshakeRefused
from streamer.settings import Check, Settings
from streamer.storage import Storage

CALL_CONNECTION_ID = "x-ms-call-connection-id"
CORRELATION_ID = "x-ms-call-correlation-id"

_log = logging.getLogger(__name__)
_CACHED_GRANTS = 4096
_LONGEST_CORRELATION_ID = 128
_BIND_ATTEMPTS = 3


class Admission(NamedTuple):
    """The call that an admitted WebSocket streams."""

    call_connection_id: str
    correlation_id: str


class HandshakeAuthenticator:
    """Authenticates handshakes. Only reasons reach logs and metrics, never tokens."""

    def __init__(
        self, settings: Settings, verifier: TokenVerifier | None, storage: Storage
    ) -> None:
        self._settings = settings
        self._verifier = verifier
        self._storage = storage
        # By the tokens' hashes, so that the time of a lookup reveals nothing about a token.
        self._grants: dict[str, StreamGrant] = {}

    async def authenticate(self, stream_token: str, headers: Mapping[str, str]) -> Admission:
        """Return the call of a handshake. ``headers`` must match names without regard to case.

        Raises:
            HandshakeRefused: 400 without a usable call connection id, 401 for a wrong or missing
                token, 403 for another call's token, 503 where a check cannot be made now.
        """
        await self._verify_bearer(headers.get("Authorization"))
        call = headers.get(CALL_CONNECTION_ID, "")
        if not is_call_connection_id(call):
            raise HandshakeRefused(HTTPStatus.BAD_REQUEST, "call_connection_id")
        correlation = headers.get(CORRELATION_ID, "")
        if len(correlation) > _LONGEST_CORRELATION_ID:
            correlation = ""
        if self._settings.grant_check != "off":
            await self._verify_grant(stream_token, call, correlation)
        return Admission(call, correlation)

    async def _verify_bearer(self, authorization: str | None) -> None:
        if self._verifier is None:
            return
        check = self._settings.token_check
        try:
            await self._verifier.verify(authorization)
        except KeysUnavailable as error:
            _refuse(check, HTTPStatus.SERVICE_UNAVAILABLE, error.reason)
        except InvalidToken as error:
            _refuse(check, HTTPStatus.UNAUTHORIZED, f"token_{error.reason}")

    async def _verify_grant(self, stream_token: str, call: str, correlation: str) -> None:  # noqa: C901  # one refusal a branch
        check = self._settings.grant_check
        for _ in range(_BIND_ATTEMPTS):
            grant = self._grants.get(names.grant_blob(stream_token))
            etag = ""
            if grant is None:
                try:
                    stored = await self._storage.read_grant(stream_token)
                except (AzureError, msgspec.DecodeError) as error:
                    cause = type(error).__name__
                    log_event(_log, logging.ERROR, "grant_read_failed", call=call, error=cause)
                    _refuse(check, HTTPStatus.SERVICE_UNAVAILABLE, "grant_unavailable")
                    return
                if stored is None:
                    _refuse(check, HTTPStatus.UNAUTHORIZED, "grant_unknown")
                    return
                grant, etag = stored
            if grant.expires_at < datetime.now(UTC):
                _refuse(check, HTTPStatus.UNAUTHORIZED, "grant_expired")
                return
            if grant.call_connection_id is None:
                # The WebSocket may open before the app knows the call's id: the first one binds it.
                grant = msgspec.structs.replace(
                    grant, call_connection_id=call, correlation_id=correlation or None
                )
                try:
                    is_bound = await self._storage.bind_grant(stream_token, grant, etag)
                except AzureError:
                    _refuse(check, HTTPStatus.SERVICE_UNAVAILABLE, "grant_unavailable")
                    return
                if not is_bound:
                    continue
            elif grant.call_connection_id != call:
                _refuse(check, HTTPStatus.FORBIDDEN, "grant_other_call")
                return
            elif grant.correlation_id not in (None, correlation):
                correlation_check = self._settings.correlation_check
                _refuse(correlation_check, HTTPStatus.FORBIDDEN, "grant_other_correlation")
            self._cache(stream_token, grant)
            return
        _refuse(check, HTTPStatus.SERVICE_UNAVAILABLE, "grant_contended")

    def _cache(self, stream_token: str, grant: StreamGrant) -> None:
        """Cache a grant that is bound to both ids: it never changes, and reconnects reuse it."""
        if grant.correlation_id is None:
            return
        if len(self._grants) >= _CACHED_GRANTS:
            del self._grants[next(iter(self._grants))]
        self._grants[names.grant_blob(stream_token)] = grant


def create_verifier(settings: Settings) -> TokenVerifier | None:
    """Create the verifier of ACS's bearer tokens; None where the check is off."""
    if settings.token_check == "off":
        return None
    return TokenVerifier(
        audience=settings.acs_token_audience,
        issuer=settings.acs_token_issuer,
        keys_url=settings.acs_token_jwks_url,
        leeway_seconds=timedelta(minutes=1).total_seconds(),
    )


def _refuse(check: Check, status: HTTPStatus, reason: str) -> None:
    """Raise HandshakeRefused where the check requires it; else log and count a warning."""
    if check == "require":
        raise HandshakeRefused(status, reason)
    if check == "warn":
        metrics.HANDSHAKES_WARNED.labels(reason).inc()
        log_event(_log, logging.WARNING, "handshake_warned", reason=reason)
