"""Signing and verifying ACS's HMAC request signature.

Source: ``_shared/policy.py`` of ``azure-communication-callautomation`` 1.6.0.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping


class SignatureError(Exception):
    """Raised when a request is not signed with the access key."""


def sign(key: str, method: str, path_and_query: str, date: str, host: str, body: bytes) -> str:
    """Return the ``Authorization`` header of a request; ``key`` is base64."""
    digest = content_hash(body)
    text = f"{method}\n{path_and_query}\n{date};{host};{digest}"
    mac = hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()
    signature = base64.b64encode(mac).decode()
    signed_headers = "x-ms-date;host;x-ms-content-sha256"
    return f"HMAC-SHA256 SignedHeaders={signed_headers}&Signature={signature}"


def content_hash(body: bytes) -> str:
    """Return the ``x-ms-content-sha256`` header of a body."""
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def verify(
    key: str, method: str, path_and_query: str, headers: Mapping[str, str], body: bytes
) -> None:
    """Check a request's body hash and signature. Raises SignatureError."""
    if headers.get("x-ms-content-sha256") != content_hash(body):
        raise SignatureError("x-ms-content-sha256 is not the hash of the body")
    expected = sign(
        key, method, path_and_query, headers.get("x-ms-date", ""), headers.get("Host", ""), body
    )
    authorization = headers.get("Authorization", "")
    if not hmac.compare_digest(expected.encode(), authorization.encode()):
        raise SignatureError("the HMAC signature is wrong: check the access key")
