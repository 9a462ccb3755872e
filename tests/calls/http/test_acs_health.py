"""What was found in ACS's tokens, over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest_asyncio

from acs.errors import InvalidToken
from acs.tokens import Examination
from calls.clients import Clients
from calls.function_keys import key_digest
from calls.http.acs_health import show_acs_health
from contract import names
from contract.token_findings import describe_token, encode_finding, finding_blob
from tests.calls.handler_requests import decode_body, send_request

GOOD = Examination(
    None,
    is_signed=True,
    header={"alg": "RS256", "kid": "k"},
    claims={"iss": "https://issuer", "aud": "resource", "iat": 0, "exp": 300},
)
NOW = datetime(2020, 3, 1, tzinfo=UTC)


@pytest_asyncio.fixture
async def learning(clients: Clients) -> Clients:
    """Clients of an app that learns and has found nothing."""
    clients.settings = msgspec.structs.replace(clients.settings, callback_token_check="learn")
    for entrance in ("media", "callbacks"):
        for is_documented in (True, False):
            await clients.storage.delete(
                names.GRANTS, finding_blob(entrance, is_documented=is_documented)
            )
    return clients


async def test_at_first_there_is_nothing_and_a_call_is_asked_for(learning: Clients) -> None:
    health = decode_body(await send_request(learning, show_acs_health))
    nothing = {"as_documented": None, "different": None}
    assert (health["media"], health["callbacks"]) == (nothing, nothing)
    assert (health["check"], health["require_is_safe"], health["setting"]) == ("learn", False, None)
    assert len(health["advice"]) == 2


async def test_what_both_programs_found_is_shown_with_what_to_set(learning: Clients) -> None:
    different = GOOD._replace(refusal=InvalidToken("audience"))
    await learning.storage.put(
        names.GRANTS,
        finding_blob("media", is_documented=False),
        encode_finding(describe_token(different, NOW)),
    )
    await learning.token_findings.report(GOOD)
    health = decode_body(await send_request(learning, show_acs_health))
    assert health["media"]["different"] == {
        "at": "2020-03-01T00:00:00Z",
        "failed": "audience",
        "is_signed": True,
        "algorithm": "RS256",
        "issuer": "https://issuer",
        "audience": "resource",
        "lifetime_seconds": 300,
        "claims": ["aud", "exp", "iat", "iss"],
        "header": ["alg", "kid"],
    }
    assert health["callbacks"]["as_documented"]["failed"] is None
    assert not health["require_is_safe"]
    await learning.storage.put(
        names.GRANTS,
        finding_blob("media", is_documented=True),
        encode_finding(describe_token(GOOD, datetime.now(UTC))),
    )
    health = decode_body(await send_request(learning, show_acs_health))
    assert (health["require_is_safe"], health["setting"]) == (True, "ACS_TOKEN_CHECK=require")


async def test_it_takes_an_auditor(learning: Clients) -> None:
    keys = ",".join(f"{role}={key_digest(role)}" for role in ("Caller", "Listener", "Auditor"))
    learning.settings = msgspec.structs.replace(learning.settings, function_keys=keys)
    for role, status in (("Caller", 403), ("Listener", 403), ("Auditor", 200)):
        headers = {"x-functions-key": role}
        response = await send_request(learning, show_acs_health, headers=headers)
        assert response.status_code == status
