"""Looking up stream grants: bound once, cached for a minute, refused once they have ended."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from azure.core.exceptions import ServiceRequestError

from contract.grants import StreamGrant, new_grant
from streamer import grants
from streamer.errors import HandshakeRefused
from streamer.grants import GrantVerifier

NOW = datetime.now(UTC)


class Blobs:
    """Stands in for Blob Storage: the grants by their blobs' names."""

    def __init__(self, **stored: StreamGrant) -> None:
        self.grants = stored
        self.reads = 0
        self.contended = 0
        self.error: Exception | None = None
        self.slow_seconds = 0.0

    async def read_grant(self, blob: str) -> tuple[StreamGrant, str] | None:
        self.reads += 1
        await asyncio.sleep(self.slow_seconds)
        if self.error is not None:
            raise self.error
        grant = self.grants.get(blob)
        return (grant, "etag") if grant is not None else None

    async def bind_grant(self, blob: str, bound: StreamGrant, etag: str) -> bool:
        if self.error is not None:
            raise self.error
        if self.contended:
            self.contended -= 1
            return False
        self.grants[blob] = bound
        return True


def grant(**changes: Any) -> StreamGrant:
    return msgspec.structs.replace(new_grant(NOW), **changes)


def bound(**changes: Any) -> StreamGrant:
    return grant(**({"call_connection_id": "call", "correlation_id": "correlation"} | changes))


def verifier(blobs: Blobs, **options: Any) -> GrantVerifier:
    return GrantVerifier(blobs, "require", **options)  # type: ignore[arg-type]


async def refusal(verifier: GrantVerifier, blob: str = "g", call: str = "call") -> str:
    with pytest.raises(HandshakeRefused) as refused:
        await verifier.verify(blob, call, "correlation", datetime.now(UTC))
    return f"{refused.value.status.value} {refused.value.reason}"


async def test_the_first_stream_binds_its_grant() -> None:
    blobs = Blobs(g=grant(sample_rate=24_000))
    found = await verifier(blobs).verify("g", "call", "correlation", NOW)
    assert found == blobs.grants["g"] == bound(sample_rate=24_000)


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (None, "401 grant_unknown"),
        (bound(expires_at=NOW - timedelta(seconds=1)), "401 grant_expired"),
        (bound(ended_at=NOW - timedelta(seconds=1)), "401 grant_ended"),
        (grant(ended_at=NOW - timedelta(seconds=1)), "401 grant_ended"),
        (bound(call_connection_id="other"), "403 grant_other_call"),
        (bound(correlation_id="other"), "403 grant_other_correlation"),
    ],
)
async def test_other_grants_are_refused(stored: StreamGrant | None, expected: str) -> None:
    stored_grants = {"g": stored} if stored is not None else {}
    assert await refusal(verifier(Blobs(**stored_grants))) == expected


async def test_a_stream_that_began_before_the_calls_end_is_permitted_later() -> None:
    blobs = Blobs(g=bound(ended_at=NOW + timedelta(minutes=1)))
    await verifier(blobs).verify("g", "call", "correlation", NOW)


async def test_a_grant_is_cached_for_a_minute_at_most() -> None:
    now = 0.0
    blobs = Blobs(g=bound())
    checker = verifier(blobs, clock=lambda: now)
    for moment in (0.0, 30.0, 59.9):
        now = moment
        await checker.verify("g", "call", "correlation", NOW)
    assert blobs.reads == 1
    del blobs.grants["g"]
    now = 60.1
    assert await refusal(checker) == "401 grant_unknown"
    assert await refusal(checker) == "401 grant_unknown"
    blobs.grants["g"] = bound(ended_at=NOW - timedelta(seconds=1))
    assert await refusal(checker) == "401 grant_ended"


async def test_another_call_does_not_use_what_is_cached() -> None:
    checker = verifier(Blobs(g=bound()))
    await checker.verify("g", "call", "correlation", NOW)
    assert await refusal(checker, call="other") == "403 grant_other_call"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ServiceRequestError("down"), "503 grant_unavailable"),
        (msgspec.DecodeError("malformed"), "401 grant_malformed"),
    ],
)
async def test_storage_that_does_not_answer(error: Exception, expected: str) -> None:
    blobs = Blobs(g=bound())
    blobs.error = error
    assert await refusal(verifier(blobs)) == expected


async def test_storage_that_answers_slowly_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(grants, "_LOOKUP_SECONDS", 0.05)
    blobs = Blobs(g=bound())
    blobs.slow_seconds = 5
    assert await refusal(verifier(blobs)) == "503 grant_unavailable"


async def test_a_grant_that_others_bind_at_the_same_time_is_read_again() -> None:
    blobs = Blobs(g=grant())
    blobs.contended = 2
    await verifier(blobs).verify("g", "call", "correlation", NOW)
    blobs.grants["g"], blobs.contended = grant(), 5
    assert await refusal(verifier(blobs)) == "503 grant_contended"
