"""What a stolen function key can spend."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from azure.storage.blob.aio import BlobServiceClient

from calls import blobs
from calls.principals import Principal
from local.client import AppClient
from tests.security.conftest import MAX_CONCURRENT_CALLS, PHONE, Stranger

pytestmark = pytest.mark.asyncio(loop_scope="session")

CREATE = "POST callConnections"

Post = Callable[..., Awaitable[tuple[int, Any, dict[str, str]]]]
"""Places a call; returns the status, the document and the headers."""


@pytest_asyncio.fixture(loop_scope="session")
async def service(stranger: Stranger) -> AsyncIterator[BlobServiceClient]:
    connection = stranger.up.addresses.storage_connection_string
    async with BlobServiceClient.from_connection_string(connection) as service:
        yield service


@asynccontextmanager
async def open_patient_client(stranger: Stranger, key: str) -> AsyncIterator[Post]:
    """A client that waits as long as a busy machine takes for many requests at once."""
    async with aiohttp.ClientSession(
        stranger.up.addresses.app,
        headers={"x-functions-key": key},
        timeout=aiohttp.ClientTimeout(total=600),
    ) as session:

        async def post(**body: Any) -> tuple[int, Any, dict[str, str]]:
            async with session.post("/api/v1/calls", json=PHONE | body) as response:
                return (
                    response.status,
                    await response.json(content_type=None),
                    dict(response.headers),
                )

        yield post


async def count_acs_requests(stranger: Stranger) -> int:
    """How often ACS was requested to place a call."""
    url = stranger.up.addresses.acs_endpoint + "/emulator/requests"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        counts: dict[str, int] = await response.json()
        return counts.get(CREATE, 0)


async def test_none_of_a_hundred_calls_to_a_premium_rate_number_is_placed(
    stranger: Stranger,
) -> None:
    before = await count_acs_requests(stranger)
    async with open_patient_client(stranger, stranger.up.addresses.function_key) as post:
        answers = await asyncio.gather(*(post(to=f"+1900555{number:04}") for number in range(100)))
    assert {(status, problem["code"]) for status, problem, _ in answers} == {
        (403, "destination_not_allowed")
    }
    assert await count_acs_requests(stranger) == before


async def test_of_a_hundred_calls_at_once_no_more_are_placed_than_the_limit_allows(
    stranger: Stranger, service: BlobServiceClient
) -> None:
    """With 90 calls that are being placed, ten more are allowed."""
    addresses = stranger.up.addresses
    caller = Principal(kind="key", id="Caller", name="Caller")
    blob = service.get_blob_client("idempotency", blobs.usage_blob(caller))
    async with AppClient(addresses.app, addresses.caller_key) as other:
        first = await other.place_call(**PHONE, start_streaming=False)
        usage = json.loads(await (await blob.download_blob()).readall())
        reservation = usage["reservations"][-1]
        usage["reservations"] = [
            reservation | {"id": str(number), "grant": f"{number}.json"}
            for number in range(MAX_CONCURRENT_CALLS - 10)
        ]
        await blob.upload_blob(json.dumps(usage), overwrite=True)
        before = await count_acs_requests(stranger)
        async with open_patient_client(stranger, addresses.caller_key) as post:
            answers = await asyncio.gather(*(post(start_streaming=False) for _ in range(100)))
        placed = [call["call_connection_id"] for status, call, _ in answers if status == 201]
        assert len(placed) == await count_acs_requests(stranger) - before == 10
        assert {
            (status, problem["code"], headers["Retry-After"])
            for status, problem, headers in answers
            if status != 201
        } == {(429, "too_many_concurrent_calls", "10")}
        await asyncio.gather(
            *(other.hang_up(call) for call in [first["call_connection_id"], *placed])
        )


@pytest.mark.parametrize(
    ("to", "status"),
    [
        ("+882123456789", 403),
        ("+449012345678", 403),
        ("+109005551234", 403),
        ("+119005551234", 403),
        ("+112", 403),
        ("+1911", 403),
        # Nothing but E.164 and raw ids gets as far as the list of destinations.
        ("+1-900-555-1234", 400),
        ("+1 900 555 1234", 400),
        ("+1(900)5551234", 400),
        ("0019005551234", 400),
        ("19005551234", 400),
        ("++19005551234", 400),
        ("tel:+19005551234", 400),
        ("4:+19005551234", 400),
        ("4:19005551234", 400),
        ("8:acs:+19005551234", 400),
        ("8:acs:4:+19005551234", 400),
        ("\uff18:acs:1", 400),
        ("+\uff11\uff19\uff10\uff105551234", 400),
        ("+19005551234,+15551230000", 400),
        ("+15551230000;phone-context=+1900", 400),
        ("+15551230000\n+19005551234", 400),
        ("911", 400),
        ("28:45ab2481-1c1c", 400),
        ("", 400),
        (["+19005551234"], 400),
        ({"rawId": "4:+19005551234"}, 400),
    ],
)
async def test_tricks_with_the_destination(
    stranger: Stranger, app: AppClient, to: Any, status: int
) -> None:
    before = await count_acs_requests(stranger)
    answered, problem, _ = await app.request("POST", "/api/v1/calls", PHONE | {"to": to})
    assert answered == status, problem
    assert await count_acs_requests(stranger) == before
