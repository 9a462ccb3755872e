"""Bearer tokens that ACS sends with callback events and with the media WebSocket's handshake.

Source: Microsoft's ``secure-webhook-endpoint.md``: RS256, issuer
``https://acscallautomation.communication.azure.com``, the keys named by its OpenID configuration,
and the immutable id of the ACS resource as audience. A callback's token lives 5 minutes, a
handshake's 24 hours.

Known keys are kept, so that a token signed by one is verified without any I/O. An unknown key id
asks the key server again, so that a new key is good at once; after an asking that did not find it,
none is asked for in ``refresh_seconds``, so that forged key ids cannot be used to storm the server.
Keys older than ``fresh_seconds`` are asked for in the background: a key that is published before it
signs is then known before it is needed, and one that was withdrawn goes. A key server that is down
neither locks out tokens of known keys nor lets others in.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import jwt
import msgspec

ISSUER = "https://acscallautomation.communication.azure.com"
OPENID_CONFIGURATION_URL = ISSUER + "/calling/.well-known/acsopenidconfiguration"

_log = logging.getLogger(__name__)
_FETCH_TIMEOUT_SECONDS = 5.0
_RETRY_SECONDS = 5.0
_MAX_KEY_SET_BYTES = 256 * 1024
_MAX_TOKEN_CHARACTERS = 16 * 1024


class InvalidToken(Exception):
    """Raised when a token is refused. ``reason`` is a short constant word, fit for a counter.

    Its text never holds the token or any part of it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class KeysUnavailable(InvalidToken):
    """Raised when a token's key is unknown and the key server cannot be asked."""


class TokenVerifier:
    """Verifies ACS's bearer tokens against its published keys.

    ``keys_url`` names an OpenID configuration (its ``jwks_uri`` is followed) or a key set itself.
    ``leeway_seconds`` is allowed on expiry and not-before; ``clock`` gives monotonic seconds.
    ``longest_seconds`` is how long a token may live (0: any time): callback and handshake tokens
    have the same issuer, audience and keys, and only the time they live tells them apart.
    """

    def __init__(
        self,
        *,
        audience: str,
        issuer: str = ISSUER,
        keys_url: str = OPENID_CONFIGURATION_URL,
        leeway_seconds: float = 60.0,
        refresh_seconds: float = 10.0,
        fresh_seconds: float = 3600.0,
        longest_seconds: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._audience = audience
        self._issuer = issuer
        self._keys_url = keys_url
        self._leeway_seconds = leeway_seconds
        self._refresh_seconds = refresh_seconds
        self._fresh_seconds = fresh_seconds
        self._longest_seconds = longest_seconds
        self._clock = clock
        self._keys: dict[str, jwt.PyJWK] = {}
        self._answers = False
        self._stale_at = float("inf")
        self._asks_again_at = -float("inf")
        self._fetching: asyncio.Task[None] | None = None

    async def verify(self, authorization: str | None) -> dict[str, Any]:
        """The claims of the token in an ``Authorization`` header's value.

        Raises InvalidToken (``reason`` one of missing, malformed, algorithm, unknown_key,
        signature, expired, not_yet_valid, issuer, audience, claims, lifetime) and KeysUnavailable
        (``keys_unavailable``).
        """
        token = _bearer(authorization)
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError as error:
            raise InvalidToken("malformed") from error
        # The algorithm is ours to say, never the token's.
        if header.get("alg") != "RS256":
            raise InvalidToken("algorithm")
        key_id = header.get("kid")
        if not isinstance(key_id, str):
            raise InvalidToken("unknown_key")
        key = self._keys.get(key_id)
        if key is None:
            key = await self._ask_for(key_id)
        elif self._clock() >= self._stale_at:
            self._fetch_once()
        claims = self._claims(token, key)
        self._refuse_too_long(claims)
        return claims

    async def _ask_for(self, key_id: str) -> jwt.PyJWK:
        if self._fetching is not None:
            await asyncio.shield(self._fetching)
        elif self._clock() >= self._asks_again_at:
            # Before the asking, for whoever sends forged key ids may not wait for its end.
            self._asks_again_at = self._clock() + self._refresh_seconds
            await asyncio.shield(self._fetch_once())
        if key_id in self._keys:
            self._asks_again_at = -float("inf")
            return self._keys[key_id]
        if not self._answers:
            raise KeysUnavailable("keys_unavailable")
        raise InvalidToken("unknown_key")

    def _fetch_once(self) -> asyncio.Task[None]:
        """The asking that runs, or a new one: it is one, however many wait, or give up waiting."""
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._fetch())
            self._fetching.add_done_callback(self._fetched)
        return self._fetching

    def _fetched(self, task: asyncio.Task[None]) -> None:
        self._fetching = None
        if not task.cancelled():
            # Told by the fetch; in the background nobody waits for it.
            task.exception()

    async def _fetch(self) -> None:
        timeout = aiohttp.ClientTimeout(total=_FETCH_TIMEOUT_SECONDS)
        try:
            async with aiohttp.ClientSession(timeout=timeout) as session:
                document = await _get_json(session, self._keys_url)
                if "jwks_uri" in document:
                    document = await _get_json(session, document["jwks_uri"])
            keys = {
                key["kid"]: jwt.PyJWK(key, algorithm="RS256")
                for key in document["keys"]
                if key.get("kty") == "RSA" and key.get("use", "sig") == "sig" and "kid" in key
            }
            if not keys:
                raise ValueError("no RSA signing key")
        except (
            aiohttp.ClientError,
            TimeoutError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            jwt.PyJWTError,
        ) as error:
            _log.error(
                "the signing keys could not be read from %s: %s: %s; tokens of the %d known keys "
                "are still accepted",
                self._keys_url,
                type(error).__name__,
                error,
                len(self._keys),
            )
            self._asks_again_at = self._clock() + min(self._refresh_seconds, _RETRY_SECONDS)
            self._stale_at = self._asks_again_at
            self._answers = False
            raise KeysUnavailable("keys_unavailable") from error
        self._keys = keys
        self._stale_at = self._clock() + self._fresh_seconds
        self._answers = True

    def _claims(self, token: str, key: jwt.PyJWK) -> dict[str, Any]:
        try:
            return jwt.decode(
                token,
                key.key,
                algorithms=["RS256"],
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

    def _refuse_too_long(self, claims: dict[str, Any]) -> None:
        if not self._longest_seconds:
            return
        # Of the claims only exp is known to be there; without iat, what is left of it must do.
        begun = min(int(claims.get("iat", time.time())), time.time())
        if int(claims["exp"]) - begun > self._longest_seconds + self._leeway_seconds:
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


async def _get_json(session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    async with session.get(url, allow_redirects=False) as response:
        response.raise_for_status()
        # One read gives what has come so far, which need not be all of it.
        body = bytearray()
        async for part in response.content.iter_any():
            body += part
            if len(body) > _MAX_KEY_SET_BYTES:
                raise ValueError(f"more than {_MAX_KEY_SET_BYTES} bytes")
    document = msgspec.json.decode(body)
    if not isinstance(document, dict):
        raise ValueError("no JSON object")
    return document
