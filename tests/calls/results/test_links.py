"""Signing links with an account key, as in local development; see ``http/test_links`` for Azure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import aiohttp
import pytest
from azure.storage.blob.aio import BlobServiceClient

from calls.clients import Clients
from calls.results.links import sign_links
from contract import names
from tests.calls.sample_streams import new_call_id

CONTENT = b"content"


@pytest.fixture
def expires_at() -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=10)


async def request_status(method: str, url: str) -> int:
    headers = {"x-ms-blob-type": "BlockBlob"}
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, headers=headers) as response,
    ):
        if method == "GET" and response.status == 200:
            assert await response.read() == CONTENT
        return response.status


async def test_a_link_allows_reading_its_blob_and_nothing_else(
    clients: Clients, service: BlobServiceClient, expires_at: datetime
) -> None:
    call = new_call_id()
    blobs = [f"{call}/{number}.wav" for number in range(2)]
    for blob in blobs:
        await clients.storage.put(names.SEGMENTS, blob, CONTENT)
    paths = [f"segments/{blob}" for blob in blobs]
    first, second = await sign_links(service, paths, expires_at)
    for path, url in zip(paths, (first, second), strict=True):
        assert unquote(urlsplit(url).path).endswith(path)
        assert await request_status("GET", url) == 200
    assert await request_status("PUT", first) == 403
    assert await request_status("DELETE", first) == 403
    signature = urlsplit(first).query
    assert await request_status("GET", second.partition("?")[0] + "?" + signature) == 403
    parameters = {name: values[0] for name, values in parse_qs(signature).items()}
    assert (parameters["sp"], parameters["sr"]) == ("r", "b")
    assert datetime.fromisoformat(parameters["se"]) == expires_at


async def test_an_expired_link_is_refused(clients: Clients, service: BlobServiceClient) -> None:
    blob = f"{new_call_id()}/0.wav"
    await clients.storage.put(names.SEGMENTS, blob, CONTENT)
    expired = datetime.now(UTC) - timedelta(minutes=1)
    (url,) = await sign_links(service, [f"segments/{blob}"], expired)
    assert await request_status("GET", url) == 403


async def test_a_name_is_escaped_in_its_url(
    clients: Clients, service: BlobServiceClient, expires_at: datetime
) -> None:
    """Track names hold ``~``, and names from elsewhere might hold anything."""
    blob = f"{new_call_id()}/p1 x?y#z.wav"
    await clients.storage.put(names.SEGMENTS, blob, CONTENT)
    (url,) = await sign_links(service, [f"segments/{blob}"], expires_at)
    assert await request_status("GET", url) == 200


async def test_no_paths_give_no_links(service: BlobServiceClient, expires_at: datetime) -> None:
    assert await sign_links(service, [], expires_at) == []
