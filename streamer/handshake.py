"""Who may stream: the handshake's two locks, and the refusals before them.

The first lock is ACS's own bearer token; the second, which does not depend on it, the stream token
in the URL that the app put there when it placed the call. What the handshake says of its call is
held against what the stream token's grant knows of it: the call connection id, and, as a check of
its own, the correlation id. Each can be set to ``require``, ``warn`` (let in, log and count) or
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

from acs.identifiers import is_call_connection_id
from acs.tokens import InvalidToken, KeysUnavailable, TokenVerifier
from contract import names
from contract.grants import StreamGrant
from streamer import metrics
from streamer.settings import Check, Settings
from streamer.storage import Storage

CALL_CONNECTION_ID = "x-ms-call-connection-id"
CORRELATION_ID = "x-ms-call-correlation-id"

_log = logging.getLogger(__name__)
_KNOWN_GRANTS = 4096
_LONGEST_CORRELATION_ID = 128
_BIND_TRIES = 3


class Refused(Exception):
    """Raised when a handshake is refused: the status to answer, and a short constant reason."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason


class Admitted(NamedTuple):
    """The call that a socket streams."""

    call_connection_id: str
    correlation_id: str


class Doorkeeper:
    """Decides about handshakes. Tokens never reach a log or a counter, only reasons do."""

    def __init__(
        self, settings: Settings, verifier: TokenVerifier | None, storage: Storage
    ) -> None:
        self._settings = settings
        self._verifier = verifier
        self._storage = storage
        # By the tokens' hashes: no comparison's time tells anything of a token.
        self._known: dict[str, StreamGrant] = {}

    async def admit(self, stream_token: str, headers: Mapping[str, str]) -> Admitted:
        """The call of a handshake. ``headers`` must match names without regard to case.

        Raises Refused: 400 without a usable call connection id, 401 for a wrong or missing token,
        403 for another call's token, 503 where a lock cannot be tried now.
        """
        if self._verifier is not None:
            try:
                await self._verifier.verify(headers.get("Authorization"))
            except KeysUnavailable as error:
                self._refuse(
                    self._settings.token_check, HTTPStatus.SERVICE_UNAVAILABLE, error.reason
                )
            except InvalidToken as error:
                self._refuse(
                    self._settings.token_check, HTTPStatus.UNAUTHORIZED, f"token_{error.reason}"
                )
        call = headers.get(CALL_CONNECTION_ID, "")
        if not is_call_connection_id(call):
            raise Refused(HTTPStatus.BAD_REQUEST, "call_connection_id")
        correlation = headers.get(CORRELATION_ID, "")
        if len(correlation) > _LONGEST_CORRELATION_ID:
            correlation = ""
        if self._settings.grant_check != "off":
            await self._open(stream_token, call, correlation)
        return Admitted(call, correlation)

    async def _open(self, stream_token: str, call: str, correlation: str) -> None:
        check = self._settings.grant_check
        for _ in range(_BIND_TRIES):
            grant = self._known.get(names.grant_blob(stream_token))
            etag = ""
            if grant is None:
                try:
                    found = await self._storage.grant(stream_token)
                except (AzureError, msgspec.DecodeError) as error:
                    _log.error("a stream's grant cannot be read: %s", type(error).__name__)
                    self._refuse(check, HTTPStatus.SERVICE_UNAVAILABLE, "grant_unavailable")
                    return
                if found is None:
                    self._refuse(check, HTTPStatus.UNAUTHORIZED, "grant_unknown")
                    return
                grant, etag = found
            if grant.expires_at < datetime.now(UTC):
                self._refuse(check, HTTPStatus.UNAUTHORIZED, "grant_expired")
                return
            if grant.call_connection_id is None:
                # The socket may open before the app knows the call's id: the first one binds it.
                grant = msgspec.structs.replace(
                    grant, call_connection_id=call, correlation_id=correlation or None
                )
                try:
                    bound = await self._storage.bind_grant(stream_token, grant, etag)
                except AzureError:
                    self._refuse(check, HTTPStatus.SERVICE_UNAVAILABLE, "grant_unavailable")
                    return
                if not bound:
                    continue
            elif grant.call_connection_id != call:
                self._refuse(check, HTTPStatus.FORBIDDEN, "grant_other_call")
                return
            elif grant.correlation_id not in (None, correlation):
                self._refuse(
                    self._settings.correlation_check,
                    HTTPStatus.FORBIDDEN,
                    "grant_other_correlation",
                )
            self._remember(stream_token, grant)
            return
        self._refuse(check, HTTPStatus.SERVICE_UNAVAILABLE, "grant_contended")

    def _remember(self, stream_token: str, grant: StreamGrant) -> None:
        """A grant that is bound to both ids never changes: its reconnects need no storage."""
        if grant.correlation_id is None:
            return
        if len(self._known) >= _KNOWN_GRANTS:
            del self._known[next(iter(self._known))]
        self._known[names.grant_blob(stream_token)] = grant

    def _refuse(self, check: Check, status: HTTPStatus, reason: str) -> None:
        if check == "require":
            raise Refused(status, reason)
        if check == "off":
            return
        metrics.HANDSHAKES_WARNED.labels(reason).inc()
        _log.warning("a handshake that would be refused is let in (check=%s): %s", check, reason)


def verifier_of(settings: Settings) -> TokenVerifier | None:
    """The verifier of ACS's tokens; None where the check is off."""
    if settings.token_check == "off":
        return None
    return TokenVerifier(
        audience=settings.acs_token_audience,
        issuer=settings.acs_token_issuer,
        keys_url=settings.acs_token_jwks_url,
        leeway_seconds=timedelta(minutes=1).total_seconds(),
    )
