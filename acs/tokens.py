"""Bearer tokens that ACS sends with callback events and with the media WebSocket's handshake.

Source: Microsoft's ``secure-webhook-endpoint.md``: RS256, issuer
``https://acscallautomation.communication.azure.com``, the keys named by its OpenID configuration,
and the immutable id of the ACS resource as audience. A callback's token lives 5 minutes, a
handshake's 24 hours.

Keys are cached: a token signed by a cached key is verified without any I/O. For an unknown key id,
the keys are fetched again, so a new key is accepted at once. If that key is still unknown, no other
unknown key id causes a fetch for ``refresh_seconds``: forged key ids cannot flood the key server.
Keys older than ``fresh_seconds`` are fetched again in the background, which adds newly published
keys before they are needed and drops withdrawn ones. While the key server is down, tokens signed by
cached keys are still accepted, and all others are refused.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import aiohttp
import jwt
import msgspec

from acs.errors import InvalidToken, KeysUnavailable, TokenError
from event_log import log_event

ISSUER = "https://acscallautomation.communication.azure.com"
OPENID_CONFIGURATION_URL = ISSUER + "/calling/.well-known/acsopenidconfiguration"

_log = logging.getLogger(__name__)
_FETCH_TIMEOUT_SECONDS = 5.0
_RETRY_SECONDS = 5.0
_MAX_KEY_SET_BYTES = 256 * 1024
_MAX_TOKEN_CHARACTERS = 16 * 1024
_ALGORITHM = "RS256"
_SIGNATURE_ALGORITHMS = ("RS", "PS", "ES", "Ed")
"""How the names of algorithms begin whose signatures only the holder of a private key can make."""


class Examination(NamedTuple):
    """What a token is, whether or not it is accepted.

    Attributes:
        refusal: The error that ``verify`` raises; None if the token is as documented.
        is_signed: Whether one of ACS's keys verifies its signature.
        header: Its header; empty if it is not a JWT.
        claims: Its claims, which are anybody's words unless it is signed; empty if it is not a JWT.
    """

    refusal: TokenError | None
    is_signed: bool
    header: dict[str, Any]
    claims: dict[str, Any]

    @property
    def is_forged(self) -> bool:
        """Whether no genuine token can be like this, however ACS's differ from what is documented.

        The key that it names has not signed it, or it has no signature that needs a private key.
        """
        if self.refusal is None or self.refusal.reason not in ("algorithm", "signature"):
            return False
        algorithm = str(self.header.get("alg"))
        return self.refusal.reason == "signature" or not algorithm.startswith(_SIGNATURE_ALGORITHMS)


class TokenVerifier:
    """Verifies ACS's bearer tokens against its published keys."""

    def __init__(  # noqa: PLR0913  # all by name
        self,
        *,
        audience: str,
        issuer: str = ISSUER,
        keys_url: str = OPENID_CONFIGURATION_URL,
        leeway_seconds: float = 60.0,
        refresh_seconds: float = 10.0,
        fresh_seconds: float = 3600.0,
        longest_seconds: float = 0.0,
        shortest_seconds: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Create a verifier without keys; the first token makes it fetch them.

        Args:
            audience: The immutable id of the ACS resource.
            issuer: The tokens' issuer.
            keys_url: The address of an OpenID configuration, whose ``jwks_uri`` is followed, or of
                a key set itself.
            leeway_seconds: How far clocks may differ, for expiry and not-before.
            refresh_seconds: How long further unknown key ids do not cause another fetch.
            fresh_seconds: The age at which cached keys are fetched again.
            longest_seconds: The longest lifetime of a token; 0 allows any. Callback and handshake
                tokens have the same issuer, audience and keys: only their lifetime differs.
            shortest_seconds: The lifetime that a token must exceed; 0 allows any.
            clock: Returns monotonic seconds.
        """
        self._audience = audience
        self._issuer = issuer
        self._keys_url = keys_url
        self._leeway_seconds = leeway_seconds
        self._refresh_seconds = refresh_seconds
        self._fresh_seconds = fresh_seconds
        self._longest_seconds = longest_seconds
        self._shortest_seconds = shortest_seconds
        self._clock = clock
        self._keys: dict[str, jwt.PyJWK] = {}
        self._is_reachable = False
        self._stale_at = float("inf")
        self._next_fetch_at = -float("inf")
        self._fetching: asyncio.Task[None] | None = None

    async def verify(self, authorization: str | None) -> dict[str, Any]:
        """Return the claims of the token in an ``Authorization`` header's value.

        Raises:
            InvalidToken: The token is refused; ``reason`` is one of missing, malformed, algorithm,
                unknown_key, signature, expired, not_yet_valid, issuer, audience, claims, lifetime.
            KeysUnavailable: The token cannot be verified now; ``reason`` is keys_unavailable.
        """
        examination = await self.examine(authorization)
        if examination.refusal is not None:
            raise examination.refusal
        return examination.claims

    async def examine(self, authorization: str | None) -> Examination:
        """Return what the token in an ``Authorization`` header's value is. Raises nothing."""
        header: dict[str, Any] = {}
        try:
            token = _bearer(authorization)
            header = _read_header(token)
        except InvalidToken as error:
            return Examination(error, is_signed=False, header=header, claims={})
        key = None
        try:
            key = await self._find_key(header)
            claims = self._claims(token, key)
            self._check_lifetime(claims)
        except TokenError as error:
            is_signed = key is not None and _is_signed(token, key)
            return Examination(error, is_signed, header, _read_claims(token))
        return Examination(None, is_signed=True, header=header, claims=claims)

    async def _find_key(self, header: dict[str, Any]) -> jwt.PyJWK:
        # The algorithm is fixed here: a token must not choose its own.
        if header.get("alg") != _ALGORITHM:
            raise InvalidToken("algorithm")
        key_id = header.get("kid")
        if not isinstance(key_id, str):
            raise InvalidToken("unknown_key")
        key = self._keys.get(key_id)
        if key is None:
            return await self._fetch_key(key_id)
        if self._clock() >= self._stale_at:
            self._fetch_once()
        return key

    async def _fetch_key(self, key_id: str) -> jwt.PyJWK:
        if self._fetching is not None:
            await asyncio.shield(self._fetching)
        elif self._clock() >= self._next_fetch_at:
            # Set before the fetch: a sender of forged key ids may hang up before it ends.
            self._next_fetch_at = self._clock() + self._refresh_seconds
            await asyncio.shield(self._fetch_once())
        if key_id in self._keys:
            self._next_fetch_at = -float("inf")
            return self._keys[key_id]
        if not self._is_reachable:
            raise KeysUnavailable("keys_unavailable")
        raise InvalidToken("unknown_key")

    def _fetch_once(self) -> asyncio.Task[None]:
        """Return the running fetch, or start one. Only one runs, however many callers wait."""
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._fetch())
            self._fetching.add_done_callback(self._on_fetched)
        return self._fetching

    def _on_fetched(self, task: asyncio.Task[None]) -> None:
        self._fetching = None
        if not task.cancelled():
            # Already logged. After a background fetch, nothing else retrieves the exception.
            task.exception()

    async def _fetch(self) -> None:
        timeout = aiohttp.ClientTimeout(total=_FETCH_TIMEOUT_SECONDS)
        try:
            async with aiohttp.ClientSession(timeout=timeout) as session:
                document = await _get_json(session, self._keys_url)
                if "jwks_uri" in document:
                    document = await _get_json(session, document["jwks_uri"])
            keys = {
                key["kid"]: jwt.PyJWK(key, algorithm=_ALGORITHM)
                for key in document["keys"]
                if key.get("kty") == "RSA" and key.get("use", "sig") == "sig" and "kid" in key
            }
            if not keys:
                raise ValueError("the key set has no RSA signing key")
        except (
            aiohttp.ClientError,
            TimeoutError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            jwt.PyJWTError,
        ) as error:
            log_event(
                _log,
                logging.ERROR,
                "signing_keys_fetch_failed",
                url=self._keys_url,
                error=f"{type(error).__name__}: {error}",
                cached_keys=len(self._keys),
            )
            self._next_fetch_at = self._clock() + min(self._refresh_seconds, _RETRY_SECONDS)
            self._stale_at = self._next_fetch_at
            self._is_reachable = False
            raise KeysUnavailable("keys_unavailable") from error
        self._keys = keys
        self._stale_at = self._clock() + self._fresh_seconds
        self._is_reachable = True

    def _claims(self, token: str, key: jwt.PyJWK) -> dict[str, Any]:
        try:
            return jwt.decode(
                token,
                key.key,
                algorithms=[_ALGORITHM],
                audience=self._audience,
                issuer=self._issuer,
                leeway=self._leeway_seconds,
                options={"require": ["exp", "iss", "aud"]},
            )
        except jwt.ExpiredSignatureError as error:
            raise InvalidToken("expired") from error
        except jwt.ImmatureSignatureError as error:
            raise InvalidToken("not_yet_valid") from error
        except jwt.InvalidIssuerError as error:
            raise InvalidToken("issuer") from error
        except jwt.InvalidAudienceError as error:
            raise InvalidToken("audience") from error
        except jwt.InvalidSignatureError as error:
            raise InvalidToken("signature") from error
        except jwt.MissingRequiredClaimError as error:
            raise InvalidToken("claims") from error
        except jwt.PyJWTError as error:
            raise InvalidToken("malformed") from error

    def _check_lifetime(self, claims: dict[str, Any]) -> None:
        if not self._longest_seconds and not self._shortest_seconds:
            return
        # Only exp is required. Without iat, the time that remains is all there is to check.
        issued_at = min(int(claims.get("iat", time.time())), time.time())
        seconds = int(claims["exp"]) - issued_at - self._leeway_seconds
        if self._longest_seconds and seconds > self._longest_seconds:
            raise InvalidToken("lifetime")
        if self._shortest_seconds and seconds <= self._shortest_seconds:
            raise InvalidToken("lifetime")


def _bearer(authorization: str | None) -> str:
    if not authorization:
        raise InvalidToken("missing")
    scheme, _, token = authorization.partition(" ")
    if (
        scheme.lower() != "bearer"
        or not token
        or not token.isascii()
        or len(token) > _MAX_TOKEN_CHARACTERS
    ):
        raise InvalidToken("malformed")
    return token.strip()


def _read_header(token: str) -> dict[str, Any]:
    try:
        return jwt.get_unverified_header(token)
    except (jwt.PyJWTError, RecursionError) as error:
        raise InvalidToken("malformed") from error


def _read_claims(token: str) -> dict[str, Any]:
    """Return a token's claims unverified; none if it has no JSON object."""
    try:
        claims = jwt.decode_complete(token, options={"verify_signature": False})["payload"]
    except (jwt.PyJWTError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _is_signed(token: str, key: jwt.PyJWK) -> bool:
    """Return whether a key verifies a token's signature, whatever the token claims."""
    try:
        jwt.PyJWS().decode_complete(token, key.key, algorithms=[_ALGORITHM])
    except jwt.PyJWTError:
        return False
    return True


async def _get_json(session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    async with session.get(url, allow_redirects=False) as response:
        response.raise_for_status()
        # A single read returns what has arrived so far, which may be only a part.
        body = bytearray()
        async for part in response.content.iter_any():
            body += part
            if len(body) > _MAX_KEY_SET_BYTES:
                raise ValueError(f"the response is larger than {_MAX_KEY_SET_BYTES} bytes")
    document = msgspec.json.decode(body)
    if not isinstance(document, dict):
        raise ValueError("the response is not a JSON object")
    return document
