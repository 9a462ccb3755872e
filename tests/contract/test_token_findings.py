"""What is told about a token: names and short texts, and never the token."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from acs.errors import InvalidToken
from acs.tokens import Examination
from contract.token_findings import (
    FindingFilter,
    decode_finding,
    describe_token,
    encode_finding,
    finding_blob,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
CLAIMS = {"iss": "https://issuer", "aud": ["a", "b"], "iat": 1000, "exp": 87_400}
HEADER = {"kid": "k1", "alg": "RS256"}


def examination(reason: str | None = None, **claims: object) -> Examination:
    refusal = None if reason is None else InvalidToken(reason)
    return Examination(refusal, is_signed=True, header=HEADER, claims=CLAIMS | claims)


def test_a_finding_has_what_require_would_compare() -> None:
    finding = describe_token(examination("audience"), NOW)
    assert (finding.failed, finding.is_signed, finding.at) == ("audience", True, NOW)
    assert (finding.issuer, finding.audience) == ("https://issuer", "a, b")
    assert (finding.algorithm, finding.lifetime_seconds) == ("RS256", 86_400)
    assert finding.claims == ["aud", "exp", "iat", "iss"]
    assert finding.header == ["alg", "kid"]
    assert decode_finding(encode_finding(finding)) == finding


def test_values_of_other_claims_are_not_told() -> None:
    finding = describe_token(examination(sub="4:+15551230000"), NOW)
    assert "sub" in finding.claims
    assert b"1555" not in encode_finding(finding)


def test_text_of_a_sender_is_one_short_line() -> None:
    many: dict[str, Any] = {f"claim-{n}\n{'x' * 300}": n for n in range(100)}
    finding = describe_token(examination(iss="a\nb\u202e" + "c" * 999, **many), NOW)
    assert finding.issuer == "a b " + "c" * 196
    assert len(finding.claims) == 32
    assert all(len(name) <= 200 and "\n" not in name for name in finding.claims)


def test_a_token_without_readable_claims_is_told_as_such() -> None:
    missing = Examination(InvalidToken("missing"), is_signed=False, header={}, claims={})
    finding = describe_token(missing, NOW)
    assert (finding.failed, finding.issuer, finding.audience) == ("missing", None, None)
    assert (finding.lifetime_seconds, finding.claims, finding.header) == (None, [], [])
    for expiry in ("soon", None, float("inf")):
        assert describe_token(examination(exp=expiry), NOW).lifetime_seconds is None


def test_each_entrance_has_two_blobs() -> None:
    blobs = {
        finding_blob(entrance, is_documented=is_documented)
        for entrance in ("media", "callbacks")
        for is_documented in (True, False)
    }
    assert len(blobs) == 4
    assert all(blob.startswith("acs/") for blob in blobs), "apart from grants and their notes"


def test_only_news_is_written() -> None:
    now = 0.0
    news = FindingFilter(lambda: now)
    good = describe_token(examination(), NOW)
    bad = describe_token(examination("issuer"), NOW)
    assert [news.is_news(finding) for finding in (good, good, bad, bad, good)] == [
        True,
        False,
        True,
        False,
        True,
    ]
    now = 3599.0
    assert not news.is_news(good)
    now = 3601.0
    assert news.is_news(good)
    news.forget()
    assert news.is_news(good), "the last one could not be written"


def test_the_log_has_what_the_finding_has() -> None:
    finding = describe_token(examination("audience"), NOW)
    fields = finding.log_fields
    assert fields["issuer"] == finding.issuer
    assert fields["claims"] == ",".join(finding.claims)
    assert "at" not in fields
