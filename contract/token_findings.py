"""What a program has found in ACS's bearer tokens, for ``GET /api/v1/health/acs``.

Microsoft documents neither all claims of these tokens nor guarantees that they stay as they are. So
in the mode ``learn``, a program tells what a token that it has let in says. Each entrance has two
small blobs in ``grants``, which the streamer may change: the newest token that was as documented,
and the newest one that was not. Neither has a token, a signature or anything of a call. They expire
with the container's other blobs, a few days after the last such token.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Literal

import msgspec

from acs.identifiers import one_line
from acs.tokens import Examination

SCHEMA = 1

Entrance = Literal["media", "callbacks"]
"""Where a token came in: the handshake of a media WebSocket, or a callback event."""

_MAX_CHARACTERS = 200
_MAX_NAMES = 32
_REPEAT_SECONDS = 3600.0
"""How often a finding is written again while nothing changes."""


class TokenFinding(msgspec.Struct, frozen=True, kw_only=True):
    """What a token says, or would say if it were one.

    ``failed`` is the check that it fails, as ``acs.errors.TokenError.reason``; None if it is as
    documented. Unless ``is_signed``, the rest is unverified. ``claims`` and ``header`` are names.
    """

    schema: int = SCHEMA
    at: datetime
    failed: str | None
    is_signed: bool
    algorithm: str | None
    issuer: str | None
    audience: str | None
    lifetime_seconds: int | None
    claims: list[str]
    header: list[str]

    @property
    def log_fields(self) -> dict[str, object]:
        """The fields of the log event ``acs_token_different``."""
        return {
            "reason": self.failed,
            "signed": self.is_signed,
            "algorithm": self.algorithm,
            "issuer": self.issuer,
            "audience": self.audience,
            "lifetime_seconds": self.lifetime_seconds,
            "claims": ",".join(self.claims),
            "header": ",".join(self.header),
        }


def describe_token(examination: Examination, now: datetime) -> TokenFinding:
    """Return what may be told about a token. Text from its sender is cut, and is one line."""
    claims, header = examination.claims, examination.header
    audience = claims.get("aud")
    if isinstance(audience, list):
        audience = ", ".join(map(str, audience))
    return TokenFinding(
        at=now,
        failed=None if examination.refusal is None else examination.refusal.reason,
        is_signed=examination.is_signed,
        algorithm=_cut(header.get("alg")),
        issuer=_cut(claims.get("iss")),
        audience=_cut(audience),
        lifetime_seconds=_lifetime(claims),
        claims=_names(claims),
        header=_names(header),
    )


def finding_blob(entrance: Entrance, *, is_documented: bool) -> str:
    """Return the name, in the ``grants`` container, of an entrance's newest finding of a kind."""
    return f"acs/{entrance}-{'as-documented' if is_documented else 'different'}.json"


def encode_finding(finding: TokenFinding) -> bytes:
    """Encode a finding as its blob's content."""
    return msgspec.json.encode(finding)


def decode_finding(blob: bytes) -> TokenFinding:
    """Decode a finding from its blob's content. Raises msgspec.DecodeError."""
    return msgspec.json.decode(blob, type=TokenFinding)


class FindingFilter:
    """Lets a process write a finding if it is news: another outcome than the last, or an hour on.

    Calls bring several tokens each, which are all alike.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: str | None = ""
        self._written_at = 0.0

    def is_news(self, finding: TokenFinding) -> bool:
        """Return whether to write a finding, and remember it if so."""
        now = self._clock()
        if finding.failed == self._last and now - self._written_at < _REPEAT_SECONDS:
            return False
        self._last, self._written_at = finding.failed, now
        return True

    def forget(self) -> None:
        """Take the next finding for news: the last one could not be written."""
        self._last = ""


def _cut(value: object) -> str | None:
    return None if value is None else one_line(str(value))[:_MAX_CHARACTERS]


def _names(names: Iterable[str]) -> list[str]:
    return sorted(one_line(name)[:_MAX_CHARACTERS] for name in names)[:_MAX_NAMES]


def _lifetime(claims: dict[str, Any]) -> int | None:
    """Return the seconds from ``iat`` to ``exp``; None if a token lacks one of them."""
    try:
        return int(claims["exp"]) - int(claims["iat"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
