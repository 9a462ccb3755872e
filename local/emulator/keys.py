"""The emulator's signing keys: OpenID configuration, key set, and tokens, valid or forged.

Source: Microsoft's ``secure-webhook-endpoint.md``: RS256, the immutable resource id as audience.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
import uuid
from typing import Any

import jwt
import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from local.emulator.faults import TokenFault

CALLBACK_SECONDS = 5 * 60
MEDIA_SECONDS = 24 * 60 * 60


class SigningKeys:
    """The key that signs, and the older keys that are still published."""

    def __init__(self, issuer: str, audience: str) -> None:
        self._issuer = issuer
        self._audience = audience
        self._published: dict[str, rsa.RSAPrivateKey] = {}
        self._id = ""
        self.rotate()

    def rotate(self, *, keep_old: bool = True) -> None:
        """Sign with a new key; without ``keep_old``, publish only that one."""
        if not keep_old:
            self._published.clear()
        self._id = uuid.uuid4().hex
        self._published[self._id] = _new_key()

    def openid_configuration(self, base: str) -> dict[str, Any]:
        """The OpenID configuration; ``base`` is the emulator's address."""
        return {
            "issuer": self._issuer,
            "jwks_uri": base + "/calling/keys",
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def key_set(self) -> dict[str, Any]:
        """The published keys (RFC 7517)."""
        keys = []
        for key_id, key in self._published.items():
            jwk = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
            keys.append(jwk | {"kid": key_id, "use": "sig", "alg": "RS256"})
        return {"keys": keys}

    def sign_authorization(  # noqa: C901  # a case for each fault
        self, seconds: int, fault: TokenFault | None = None
    ) -> str | None:
        """Return an ``Authorization`` header, valid for ``seconds`` or forged by ``fault``.

        None stands for no header (the fault ``none``).
        """
        now = int(time.time())
        key, key_id = self._published[self._id], self._id
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "aud": self._audience,
            "iat": now,
            "nbf": now,
            "exp": now + seconds,
        }
        match fault:
            case "none":
                return None
            case "alg_none":
                return "Bearer " + jwt.encode(claims, "", "none", {"kid": key_id})
            case "hs256_with_public_key":
                return "Bearer " + _sign_hs256(claims, key, key_id)
            case "wrong_key":
                key = _new_key()
            case "unknown_kid":
                key, key_id = _new_key(), "unknown"
            case "expired":
                claims |= {"nbf": now - 7200, "exp": now - 3600}
            case "not_yet_valid":
                claims["nbf"] = now + 3600
            case "wrong_issuer":
                claims["iss"] = "https://wrong.example"
            case "wrong_audience":
                claims["aud"] = "wrong"
            case "missing_claim":
                del claims["exp"]
            case "too_long":
                claims["exp"] = now + MEDIA_SECONDS
        return "Bearer " + jwt.encode(claims, key, "RS256", {"kid": key_id})


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _sign_hs256(claims: dict[str, Any], key: rsa.RSAPrivateKey, key_id: str) -> str:
    """Sign with the public key as an HMAC secret, which PyJWT refuses to do."""
    secret = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )

    def part(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    header = part(msgspec.json.encode({"alg": "HS256", "typ": "JWT", "kid": key_id}))
    text = f"{header}.{part(msgspec.json.encode(claims))}"
    return f"{text}.{part(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"
