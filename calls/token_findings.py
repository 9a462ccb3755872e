"""What the mode ``learn`` finds in ACS's bearer tokens, and what to set because of it.

The app tells what it finds in the tokens of callback events; the streamer, in those of handshakes
(``contract/token_findings.py``).
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
from azure.core.exceptions import AzureError

from acs.tokens import Examination
from calls.storage import Storage
from contract import names
from contract.token_findings import (
    Entrance,
    FindingFilter,
    TokenFinding,
    decode_finding,
    describe_token,
    encode_finding,
    finding_blob,
)
from event_log import log_event

_log = logging.getLogger(__name__)

SETTING = "ACS_TOKEN_CHECK=require"
"""The variable of ``infra/deploy`` with which only tokens as documented are accepted."""

_REQUIRED = "Only tokens as documented are accepted."
_SAFE = (
    f"The newest tokens of both entrances are as documented. Run {SETTING} infra/deploy: it sets "
    "TOKEN_CHECK of the streamer and CALLBACK_TOKEN_CHECK of the app to require."
)
_KEEP = "Keep learn, and open an issue with this document."
_REMEDIES = {
    "issuer": "the issuer is {issuer}. If it is Microsoft's, set ACS_TOKEN_ISSUER to it.",
    "audience": "the audience is {audience}. If it is your ACS resource, set ACS_TOKEN_AUDIENCE to "
    "it; if not, somebody else's calls come here.",
    "lifetime": "the token lives {lifetime_seconds} s. Set CALLBACK_TOKEN_SECONDS, which has to be "
    "at least the lifetime of a callback's token, and less than that of a handshake's.",
    "expired": "the token had expired: it was sent late, or a clock is wrong.",
    "not_yet_valid": "the token was not valid yet: a clock is wrong.",
    "claims": f"the token lacks exp, iss or aud, which require needs. {_KEEP}",
    "missing": f"there was no bearer token. {_KEEP}",
    "malformed": f"the bearer token is not a JWT. {_KEEP}",
    "algorithm": f"the token is signed with {{algorithm}}, not RS256. {_KEEP}",
    "unknown_key": "the token is signed with a key that is not in the key set at "
    f"ACS_TOKEN_JWKS_URL. {_KEEP}",
    "keys_unavailable": "the key set at ACS_TOKEN_JWKS_URL could not be fetched.",
}
"""What a token that fails a check means, and what to do."""


class Findings(NamedTuple):
    """The newest token of an entrance that was as documented, and the newest that was not."""

    as_documented: TokenFinding | None
    different: TokenFinding | None

    @property
    def newest(self) -> TokenFinding | None:
        """The newest of the two."""
        return max(filter(None, self), key=lambda finding: finding.at, default=None)


class Advice(NamedTuple):
    """What to set. ``setting`` is None unless there is something to set now."""

    require_is_safe: bool
    setting: str | None
    sentences: list[str]


class TokenFindings:
    """Tells what the tokens of callback events say. Never the tokens themselves."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._filter = FindingFilter()

    async def report(self, examination: Examination) -> None:
        """Log what a signed token says if it is not as documented, and store it. Raises nothing."""
        finding = describe_token(examination, datetime.now(UTC))
        is_documented = finding.failed is None
        if not is_documented:
            log_event(
                _log,
                logging.WARNING,
                "acs_token_different",
                exc_info=None,
                entrance="callbacks",
                **finding.log_fields,
            )
        if not self._filter.is_news(finding):
            return
        blob = finding_blob("callbacks", is_documented=is_documented)
        try:
            await self._storage.put(names.GRANTS, blob, encode_finding(finding))
        except AzureError as error:
            # An event must not be lost for this.
            self._filter.forget()
            log_event(_log, logging.WARNING, "token_finding_failed", error=type(error).__name__)


async def read_findings(storage: Storage, entrance: Entrance) -> Findings:
    """Read what was found in the tokens of an entrance. Raises AzureError."""
    return Findings(
        *await asyncio.gather(
            _read(storage, finding_blob(entrance, is_documented=True)),
            _read(storage, finding_blob(entrance, is_documented=False)),
        )
    )


async def _read(storage: Storage, blob: str) -> TokenFinding | None:
    document = await storage.read(names.GRANTS, blob)
    return None if document is None else decode_finding(document.content)


def advise(check: str, entrances: dict[Entrance, Findings]) -> Advice:
    """Return what to set, given the app's CALLBACK_TOKEN_CHECK and what was found."""
    if check == "require":
        return Advice(require_is_safe=True, setting=None, sentences=[_REQUIRED])
    if check != "learn":
        sentence = f"The check is {check}, which learns nothing: set it to learn."
        return Advice(require_is_safe=False, setting="ACS_TOKEN_CHECK=learn", sentences=[sentence])
    sentences = []
    for entrance, findings in entrances.items():
        newest = findings.newest
        if newest is None:
            sentences.append(f"{entrance}: no token has come in lately. Place a call.")
        elif newest.failed is not None:
            remedy = _REMEDIES.get(newest.failed, f"the check {newest.failed} failed. {_KEEP}")
            values = msgspec.structs.asdict(newest)
            sentences.append(f"{entrance}: {remedy.format_map(values)}")
    if sentences:
        return Advice(require_is_safe=False, setting=None, sentences=sentences)
    return Advice(require_is_safe=True, setting=SETTING, sentences=[_SAFE])
