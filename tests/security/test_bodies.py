"""Large bodies are refused before they are read, whoever sends them and wherever to."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest

from tests.security.conftest import Stranger

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIMIT = 1024 * 1024
LARGE = 95 * 1024 * 1024
CHUNK = b"10000\r\n" + b"x" * 65536 + b"\r\n"
PATHS = [
    "/api/v1/callbacks",
    "/api/v1/calls",
    "/api/v1/calls/a-call/hangup",
    "/api/v1/nothing",
    "/runtime/webhooks/EventGrid",
    "/runtime/webhooks/blobs",
    "/admin/functions/reconcile",
    "/nothing",
]


async def connect(stranger: Stranger) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    app = urlsplit(stranger.up.addresses.app)
    return await asyncio.open_connection(app.hostname, app.port)


async def read_status(reader: asyncio.StreamReader) -> int:
    async with asyncio.timeout(300):
        return int((await reader.readline()).split()[1])


@pytest.mark.parametrize("path", PATHS)
async def test_a_body_that_says_that_it_is_too_large_is_not_waited_for(
    stranger: Stranger, path: str
) -> None:
    reader, writer = await connect(stranger)
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {LARGE}\r\n\r\n"
    writer.write(head.encode())
    assert await read_status(reader) == 413
    writer.close()


@pytest.mark.parametrize("path", ["/api/v1/callbacks"])
async def test_a_chunked_body_is_refused_at_the_limit(stranger: Stranger, path: str) -> None:
    reader, writer = await connect(stranger)
    writer.write(f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
    for _ in range(LIMIT // 65536 + 1):
        writer.write(CHUNK)
    # The body goes on, for all that the app knows.
    assert await read_status(reader) == 413
    writer.close()


async def test_a_body_within_the_host_s_limit_is_refused_before_its_token_is_checked(
    stranger: Stranger,
) -> None:
    counted = await stranger.refusals("callbacks", 413, "body_too_large")
    status, text = await stranger.post(b" " * 300_000, "Bearer x")
    assert (status, '"code":"body_too_large"' in text) == (413, True)
    expected = counted + 1
    assert await stranger.refusals("callbacks", 413, "body_too_large", expected) == expected
