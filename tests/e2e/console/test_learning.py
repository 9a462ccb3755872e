"""ACS's tokens differ from its documentation: with ``learn``, calls are recorded, and one is told.

tests/security/test_entrances.py and tests/e2e/test_calls.py show that ``require`` refuses the same.
The system is the console's, which learns; no browser is needed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import aiohttp
import pytest

from local.client import AppClient, Json, is_assembled, streaming_is
from local.up import Up

pytestmark = pytest.mark.asyncio(loop_scope="session")

PHONE = {"to": "+15551230000", "from": "+15559990000"}


async def record_call(app: AppClient, faults: aiohttp.ClientSession, **tokens: str) -> Json:
    """Place a call whose tokens have faults, let it end, and return its record with its result."""
    async with faults.post("/emulator/faults", json=tokens) as answer:
        assert answer.status == 200
    call = (await app.place_call(**PHONE))["call_connection_id"]
    await app.until(call, streaming_is("active"), "streaming starts")
    await app.hang_up(call)
    return await app.until(call, lambda r: is_assembled(r, 1), "the result")


async def record_calls_until(
    app: AppClient,
    faults: aiohttp.ClientSession,
    condition: Callable[[Json], bool],
    **tokens: str,
) -> Json:
    """Record calls until ACS's health is so; return it.

    One call is enough, unless storage is so slow that its stream token is checked later.
    """
    health: Json | None = None
    for _ in range(5):
        record = await record_call(app, faults, **tokens)
        assert record["state"] == "disconnected"
        for _ in range(100):
            status, health, _ = await app.request("GET", "/api/v1/health/acs")
            assert (status, isinstance(health, dict)) == (200, True)
            if condition(health or {}):
                return health or {}
            await asyncio.sleep(0.05)
    raise AssertionError(health)


def is_different(media: str, callbacks: str) -> Callable[[Json], bool]:
    """For ``record_calls_until``: whether the newest different tokens have failed these checks."""

    def condition(health: Json) -> bool:
        different = [health[entrance]["different"] or {} for entrance in ("media", "callbacks")]
        return [token.get("failed") for token in different] == [media, callbacks]

    return condition


async def test_different_tokens_are_let_in_and_told_until_they_are_right(
    app: AppClient, faults: aiohttp.ClientSession
) -> None:
    for media, callback, failed in (
        ("wrong_issuer", "wrong_audience", ("issuer", "audience")),
        ("missing_claim", "too_long", ("claims", "lifetime")),
    ):
        health = await record_calls_until(
            app, faults, is_different(*failed), media_token=media, callback_token=callback
        )
        assert all(
            health[entrance]["different"]["is_signed"] for entrance in ("media", "callbacks")
        )
        assert (health["require_is_safe"], health["setting"]) == (False, None)
        assert len(health["advice"]) == 2
    health = await record_calls_until(app, faults, lambda health: bool(health["require_is_safe"]))
    assert health["setting"] == "ACS_TOKEN_CHECK=require"


async def test_without_a_signature_of_acs_nothing_changes_a_record(
    app: AppClient, up: Up, faults: aiohttp.ClientSession
) -> None:
    def count_refusals(part: str, line: str) -> int:
        return (up.log_dir / f"{part}.log").read_text(errors="replace").count(line)

    refusals = {
        "app": "request_refused entrance=callbacks status=401 reason=token_signature",
        "streamer": "handshake_refused status=401 reason=token_signature",
    }
    before = {part: count_refusals(part, line) for part, line in refusals.items()}
    forged = {"media_token": "wrong_key", "callback_token": "wrong_key"}
    async with faults.post("/emulator/faults", json=forged) as answer:
        assert answer.status == 200
    call = (await app.place_call(**PHONE))["call_connection_id"]
    for part, line in refusals.items():
        for _ in range(1200):
            if count_refusals(part, line) > before[part]:
                break
            await asyncio.sleep(0.05)
        else:
            raise AssertionError(f"the {part} has refused nothing")
    record = await app.show(call)
    assert (record["state"], record.get("events", [])) == ("connecting", [])
    await app.hang_up(call)
