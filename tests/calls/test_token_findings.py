"""What to set, given what was found in ACS's tokens; and telling it never costs an event."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import cast, get_args

import pytest
from azure.core.exceptions import ServiceRequestError

from acs.errors import InvalidToken
from acs.tokens import Examination
from calls.settings import TokenCheck
from calls.storage import Storage
from calls.token_findings import Findings, TokenFindings, advise
from contract.token_findings import TokenFinding, describe_token

NOW = datetime(2026, 3, 1, tzinfo=UTC)
GOOD = Examination(None, is_signed=True, header={"alg": "RS256"}, claims={"iss": "i", "aud": "a"})


def found(reason: str | None = None, minutes: int = 0) -> TokenFinding:
    refusal = None if reason is None else InvalidToken(reason)
    return describe_token(GOOD._replace(refusal=refusal), NOW + timedelta(minutes=minutes))


DOCUMENTED = Findings(found(), None)


def test_require_is_safe_once_both_entrances_have_had_tokens_as_documented() -> None:
    advice = advise("learn", {"media": DOCUMENTED, "callbacks": DOCUMENTED})
    assert advice.require_is_safe
    assert advice.setting == "ACS_TOKEN_CHECK=require"
    assert "ACS_TOKEN_CHECK=require infra/deploy" in advice.sentences[0]


def test_no_token_is_no_proof() -> None:
    advice = advise("learn", {"media": DOCUMENTED, "callbacks": Findings(None, None)})
    assert (advice.require_is_safe, advice.setting) == (False, None)
    assert advice.sentences == ["callbacks: no token has come in lately. Place a call."]


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("issuer", "set ACS_TOKEN_ISSUER"),
        ("audience", "set ACS_TOKEN_AUDIENCE"),
        ("lifetime", "CALLBACK_TOKEN_SECONDS"),
        ("unknown_key", "ACS_TOKEN_JWKS_URL"),
        ("missing", "open an issue"),
        ("never heard of", "open an issue"),
    ],
)
def test_a_token_that_is_different_is_explained(reason: str, words: str) -> None:
    different = Findings(found(), found(reason, minutes=1))
    advice = advise("learn", {"media": different, "callbacks": DOCUMENTED})
    assert (advice.require_is_safe, advice.setting) == (False, None)
    (sentence,) = advice.sentences
    assert sentence.startswith("media: ")
    assert words in sentence


def test_what_was_different_once_counts_only_until_a_later_token_is_right() -> None:
    mended = Findings(found(minutes=2), found("issuer", minutes=1))
    assert advise("learn", {"media": mended, "callbacks": DOCUMENTED}).require_is_safe


@pytest.mark.parametrize("check", get_args(TokenCheck))
def test_every_setting_of_the_check_has_its_advice(check: str) -> None:
    advice = advise(check, {"media": DOCUMENTED, "callbacks": DOCUMENTED})
    assert advice.require_is_safe == (check in ("require", "learn"))
    assert (advice.setting is None) == (check == "require")


async def test_a_finding_that_cannot_be_stored_is_only_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Away:
        async def put(self, *_: object) -> None:
            raise ServiceRequestError("away")

    await TokenFindings(cast(Storage, Away())).report(GOOD)
    assert "token_finding_failed error=ServiceRequestError" in caplog.text
