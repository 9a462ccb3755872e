"""Sending a blob as a file: ranges, conditions, and blobs that change meanwhile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from email.utils import parsedate_to_datetime

import azure.functions as func
import pytest

from calls.clients import Clients
from calls.http import files
from calls.http.files import File, send_file
from contract import names
from tests.calls.handler_requests import decode_body, send_request
from tests.calls.sample_streams import new_call_id

CONTENT = bytes(range(100))

Send = Callable[..., Awaitable[func.HttpResponse]]


@pytest.fixture
def blob() -> str:
    return f"{new_call_id()}.wav"


@pytest.fixture
def send(clients: Clients, blob: str) -> Send:
    """Sends the blob, or what was the blob's state when ``file`` was read."""

    async def send(
        method: str = "GET", headers: dict[str, str] | None = None, file: File | None = None
    ) -> func.HttpResponse:
        async def handle(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
            return await send_file(clients.storage, request, file or await read_file(clients, blob))

        return await send_request(clients, handle, method, headers=headers)

    return send


async def read_file(clients: Clients, blob: str) -> File:
    properties = await clients.storage.properties(names.SEGMENTS, blob)
    assert properties is not None
    properties = properties._replace(content_type="audio/wav")
    return File(names.SEGMENTS, blob, properties, file_stem="name")


@pytest.fixture(autouse=True)
async def upload(clients: Clients, blob: str) -> None:
    await clients.storage.put(names.SEGMENTS, blob, CONTENT)


async def test_a_whole_file(clients: Clients, blob: str, send: Send) -> None:
    response = await send()
    assert (response.status_code, response.get_body()) == (200, CONTENT)
    assert response.mimetype == "audio/wav"
    assert response.headers["Content-Disposition"] == 'inline; filename="name.wav"'
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "Content-Range" not in response.headers
    properties = (await read_file(clients, blob)).properties
    assert response.headers["ETag"] == properties.etag
    assert parsedate_to_datetime(response.headers["Last-Modified"]) == properties.last_modified


async def test_head_sends_the_length_only(send: Send) -> None:
    for headers in ({}, {"Range": "bytes=0-9"}):
        response = await send("HEAD", headers)
        assert (response.status_code, response.get_body()) == (200, b"")
        assert response.headers["Content-Length"] == "100"
        assert response.headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize(
    ("range_", "content_range", "content"),
    [
        ("bytes=10-19", "bytes 10-19/100", CONTENT[10:20]),
        ("bytes=90-", "bytes 90-99/100", CONTENT[90:]),
        ("bytes=-5", "bytes 95-99/100", CONTENT[95:]),
    ],
)
async def test_a_range(send: Send, range_: str, content_range: str, content: bytes) -> None:
    response = await send(headers={"Range": range_})
    assert (response.status_code, response.get_body()) == (206, content)
    assert response.headers["Content-Range"] == content_range


async def test_a_range_beyond_the_end_is_answered_with_the_length(send: Send) -> None:
    response = await send(headers={"Range": "bytes=100-"})
    assert response.status_code == 416
    assert response.headers["Content-Range"] == "bytes */100"
    assert decode_body(response)["detail"] == "the file has 100 bytes"


async def test_a_file_that_the_client_has_is_not_sent_again(send: Send) -> None:
    etag = (await send()).headers["ETag"]
    cached = await send(headers={"If-None-Match": etag})
    assert (cached.status_code, cached.get_body()) == (304, b"")
    assert cached.headers["ETag"] == etag
    assert (await send(headers={"If-None-Match": '"other"'})).status_code == 200


async def test_a_range_of_an_older_version_is_answered_with_the_whole_file(send: Send) -> None:
    etag = (await send()).headers["ETag"]
    for if_range, status in ((etag, 206), ('"other"', 200)):
        response = await send(headers={"Range": "bytes=0-9", "If-Range": if_range})
        assert response.status_code == status


async def test_a_file_that_is_too_large_is_sent_in_ranges_only(
    send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_WHOLE_BYTES", 99)
    whole = await send()
    assert (whole.status_code, decode_body(whole)["code"]) == (413, "ask_for_ranges")
    part = await send(headers={"Range": "bytes=0-"})
    assert (part.status_code, part.get_body()) == (206, CONTENT)


@pytest.mark.parametrize("change", ["overwrite", "delete"])
async def test_a_file_that_changes_while_it_is_sent(
    clients: Clients, blob: str, send: Send, change: str
) -> None:
    file = await read_file(clients, blob)
    if change == "overwrite":
        await clients.storage.put(names.SEGMENTS, blob, b"other")
    else:
        await clients.storage.delete(names.SEGMENTS, blob)
    response = await send(file=file)
    assert response.status_code == 412
    assert decode_body(response)["detail"] == "the file has just changed; try again"
