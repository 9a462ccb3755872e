"""Who may stream: authentication of the WebSocket handshake.

Two tokens are checked. One is ACS's own bearer token. The other, independent of it, is the stream
token in the URL, which the app put there when it placed the call. What the handshake says about its
call is compared with the stream token's grant: the call connection id and, as a check of its own,
the correlation id. Each check can be set to ``require``, ``warn`` (let in, log and count) or
``off``.

Microsoft's documentation of ACS's own token may be wrong, and then every call would be silent. So
its check can also be set to ``learn``: while the stream token stays required, a bearer token that
is not as documented is let in, and what it says is told (``streamer/token_findings.py``). A forged
one is refused all the same.

While Blob Storage is away, ACS's own token is enough to begin a stream: its grant is looked up
later (``streamer/pending_streams.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import NamedTuple

from acs.errors import KeysUnavailable
from acs.identifiers import is_call_connection_id
from acs.tokens import Examination, TokenVerifier
from contract import names
from contract.grants import DtmfMode
from streamer.errors import HandshakeRefused
from streamer.grants import OTHER_CORRELATION, UNAVAILABLE, GrantVerifier
from streamer.refusals import count_warned
from streamer.settings import Settings
from streamer.token_findings import TokenFindings

CALL_CONNECTION_ID = "x-ms-call-connection-id"
CORRELATION_ID = "x-ms-call-correlation-id"

_LONGEST_CORRELATION_ID = 128


class Admission(NamedTuple):
    """The call that an admitted WebSocket streams.

    ``grant`` is the blob name of its grant, or "" where that is not checked; ``sample_rate`` and
    ``dtmf`` are the grant's. Without a grant, no DTMF tone may be kept. ``is_pending``: Blob
    Storage was away, so that the grant must be looked up later.
    """

    call_connection_id: str
    correlation_id: str
    grant: str = ""
    sample_rate: int | None = None
    dtmf: DtmfMode = "off"
    is_pending: bool = False


class HandshakeAuthenticator:
    """Authenticates handshakes. Only reasons reach logs and metrics, never tokens."""

    def __init__(
        self,
        settings: Settings,
        verifier: TokenVerifier | None,
        grants: GrantVerifier,
        findings: TokenFindings,
    ) -> None:
        self._settings = settings
        self._verifier = verifier
        self._grants = grants
        self._findings = findings

    async def authenticate(self, stream_token: str, headers: Mapping[str, str]) -> Admission:
        """Return the call of a handshake. ``headers`` must match names without regard to case.

        Raises:
            HandshakeRefused: 400 without a usable call connection id, 401 for a wrong or missing
                token, 403 for another call's token, 503 where a check cannot be made now.
        """
        examination = await self._examine_bearer(headers.get("Authorization"))
        is_learning = self._settings.token_check == "learn"
        is_vouched = examination is not None and (
            examination.refusal is None or (is_learning and examination.is_signed)
        )
        call = headers.get(CALL_CONNECTION_ID, "")
        if not is_call_connection_id(call):
            raise HandshakeRefused(HTTPStatus.BAD_REQUEST, "call_connection_id")
        correlation = headers.get(CORRELATION_ID, "")
        if len(correlation) > _LONGEST_CORRELATION_ID:
            correlation = ""
        if self._settings.grant_check == "off":
            return Admission(call, correlation)
        blob = names.grant_blob(stream_token)
        try:
            grant = await self._grants.verify(blob, call, correlation, datetime.now(UTC))
        except HandshakeRefused as refusal:
            # The correlation check is one of its own.
            if self._settings.grant_check == "require" or refusal.reason == OTHER_CORRELATION:
                if is_vouched and refusal.reason == UNAVAILABLE:
                    # ACS vouches for the call. Refusing it would lose its audio.
                    return Admission(call, correlation, blob, is_pending=True)
                raise
            count_warned(refusal.reason)
            return Admission(call, correlation)
        if examination is not None and is_learning:
            # Only now: without a stream token, anyone could tell the app anything.
            self._findings.report(examination)
        return Admission(call, correlation, blob, grant.sample_rate, grant.dtmf)

    async def _examine_bearer(self, authorization: str | None) -> Examination | None:
        """Examine ACS's token; None where it is not checked. Raises HandshakeRefused."""
        if self._verifier is None:
            return None
        examination = await self._verifier.examine(authorization)
        error, check = examination.refusal, self._settings.token_check
        if error is None:
            return examination
        unavailable = isinstance(error, KeysUnavailable)
        reason = error.reason if unavailable else f"token_{error.reason}"
        if check == "require" or (check == "learn" and examination.is_forged):
            status = HTTPStatus.SERVICE_UNAVAILABLE if unavailable else HTTPStatus.UNAUTHORIZED
            raise HandshakeRefused(status, reason)
        count_warned(reason)
        return examination


def create_verifier(settings: Settings) -> TokenVerifier | None:
    """Create the verifier of ACS's bearer tokens; None where the check is off."""
    if settings.token_check == "off":
        return None
    return TokenVerifier(
        audience=settings.acs_token_audience,
        issuer=settings.acs_token_issuer,
        keys_url=settings.acs_token_jwks_url,
        leeway_seconds=timedelta(minutes=1).total_seconds(),
        shortest_seconds=settings.callback_token_seconds,
    )
