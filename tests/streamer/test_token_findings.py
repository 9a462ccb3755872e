"""What a streamer tells about tokens: not every time, not for long if storage is away."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest
from azure.core.exceptions import ServiceRequestError

from acs.errors import InvalidToken
from acs.tokens import Examination
from contract.token_findings import TokenFinding
from streamer.chores import Chores
from streamer.storage import Storage
from streamer.token_findings import TokenFindings

GOOD = Examination(None, is_signed=True, header={"alg": "RS256"}, claims={"iss": "i", "aud": "a"})
BAD = GOOD._replace(refusal=InvalidToken("issuer"))


class Blobs:
    """Keeps the findings that are written, or is away."""

    def __init__(self) -> None:
        self.findings: list[TokenFinding] = []
        self.is_away = False

    async def write_token_finding(self, finding: TokenFinding) -> None:
        if self.is_away:
            raise ServiceRequestError("away")
        self.findings.append(finding)


async def report(findings: TokenFindings, *examinations: Examination) -> None:
    for examination in examinations:
        findings.report(examination)
        for _ in range(3):
            await asyncio.sleep(0)


async def test_news_is_written_and_differences_are_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    blobs = Blobs()
    findings = TokenFindings(cast(Storage, blobs), Chores())
    await report(findings, GOOD, GOOD, BAD, BAD)
    assert [finding.failed for finding in blobs.findings] == [None, "issuer"]
    lines = [r.message for r in caplog.records if r.message.startswith("acs_token_different ")]
    assert len(lines) == 2
    expected = "entrance=media reason=issuer signed=True algorithm=RS256 issuer=i audience=a"
    assert all(expected in line for line in lines)


async def test_what_could_not_be_written_is_written_with_the_next_call(
    caplog: pytest.LogCaptureFixture,
) -> None:
    blobs = Blobs()
    findings = TokenFindings(cast(Storage, blobs), Chores())
    blobs.is_away = True
    await report(findings, GOOD)
    assert "token_finding_failed error=ServiceRequestError" in caplog.text
    blobs.is_away = False
    await report(findings, GOOD)
    assert len(blobs.findings) == 1
