"""Sending a blob as a file: ranges, conditions, and blobs that change meanwhile."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Awaitable, Callable
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import azure.functions as func
import pytest

from calls.clients import Clients
from calls.http import files, ranges
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
        async def send_recording(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
            return await send_file(clients, request, file or await read_file(clients, blob))

        return await send_request(clients, send_recording, method, headers=headers)

    return send


async def read_file(clients: Clients, blob: str) -> File:
    properties = await clients.storage.properties(names.SEGMENTS, blob)
    assert properties is not None
    properties = properties._replace(content_type="audio/wav")
    return File(names.SEGMENTS, blob, properties, file_stem="name", max_whole_bytes=100)


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
    date = (await send()).headers["Last-Modified"]
    for if_range, status in (
        (etag, 206),
        (date, 206),
        ('"other"', 200),
        ("Sun, 01 Mar 2020 12:00:00 GMT", 200),
    ):
        response = await send(headers={"Range": "bytes=0-9", "If-Range": if_range})
        assert response.status_code == status


async def follow(response: func.HttpResponse, **headers: str) -> tuple[int, bytes, str]:
    """Follow a redirect; the status, body and file name that Blob Storage answers with."""
    assert (response.status_code, response.get_body()) == (307, b"")
    assert response.headers["Referrer-Policy"] == "no-referrer"
    async with (
        aiohttp.ClientSession() as session,
        session.get(response.headers["Location"], headers=headers) as answer,
    ):
        disposition = answer.headers["Content-Disposition"]
        return answer.status, await answer.read(), disposition


async def test_a_larger_file_is_sent_by_blob_storage(
    clients: Clients, blob: str, send: Send
) -> None:
    """The link opens without a key, for some minutes, and for reading only."""
    file = (await read_file(clients, blob))._replace(max_whole_bytes=99)
    whole = await send(file=file)
    assert await follow(whole) == (200, CONTENT, 'inline; filename="name.wav"')
    assert "sp=r&" in whole.headers["Location"]
    assert (await send("HEAD", file=file)).headers["Content-Length"] == "100"
    part = await send(headers={"Range": "bytes=90-"}, file=file)
    assert (part.status_code, part.get_body()) == (206, CONTENT[90:])
    cached = await send(headers={"If-None-Match": file.properties.etag}, file=file)
    assert cached.status_code == 304
    ignored = await send(headers={"Range": "bytes=0-1,5-6"}, file=file)
    assert ignored.status_code == 307


async def test_a_longer_range_is_sent_by_blob_storage(
    send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut short, it would be taken for the whole by clients such as curl -C."""
    monkeypatch.setattr(ranges, "MAX_BYTES", 20)
    for range_, expected in (("bytes=70-", CONTENT[70:]), ("bytes=5-29", CONTENT[5:30])):
        part = await send(headers={"Range": range_})
        assert await follow(part, Range=range_) == (206, expected, 'inline; filename="name.wav"')
    assert (await send(headers={"Range": "bytes=80-"})).get_body() == CONTENT[80:]


async def test_what_blob_storage_does_not_understand_is_sent_in_parts(
    clients: Clients, blob: str, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranges, "MAX_BYTES", 20)
    etag = (await read_file(clients, blob)).properties.etag
    for headers, span in (
        ({"Range": "bytes=-70"}, "bytes 30-49/100"),
        ({"Range": "bytes=10-", "If-Range": etag}, "bytes 10-29/100"),
    ):
        part = await send(headers=headers)
        assert (part.status_code, part.headers["Content-Range"]) == (206, span)


@pytest.mark.parametrize(("most", "status"), [(100, 200), (99, 412)])
async def test_the_rest_of_another_version_is_not_sent(
    clients: Clients,
    blob: str,
    send: Send,
    monkeypatch: pytest.MonkeyPatch,
    most: int,
    status: int,
) -> None:
    """Blob Storage, which ignores If-Range, would send it. The app sends all, if it is not long."""
    monkeypatch.setattr(ranges, "MAX_BYTES", most)
    file = (await read_file(clients, blob))._replace(max_whole_bytes=0)
    response = await send(headers={"Range": "bytes=10-", "If-Range": '"other"'}, file=file)
    assert response.status_code == status
    if status == 200:
        assert (len(response.get_body()), "Content-Range" in response.headers) == (100, False)
    else:
        assert decode_body(response)["code"] == "file_changed"
    etag = file.properties.etag
    malformed = await send(headers={"Range": "bytes=x", "If-Range": etag}, file=file)
    assert malformed.status_code == (200 if status == 200 else 307), "Range is ignored"


async def test_conditions_are_checked_before_anything_is_sent(send: Send) -> None:
    etag = (await send()).headers["ETag"]
    for method in ("GET", "HEAD"):
        for headers, status in (
            ({"If-None-Match": f'"a", W/{etag}'}, 304),
            ({"If-None-Match": "*", "Range": "bytes=500-"}, 304),
            ({"If-Match": etag}, 200),
            ({"If-Match": '"other"'}, 412),
            ({"If-Unmodified-Since": "Sun, 01 Mar 2020 12:00:00 GMT"}, 412),
        ):
            response = await send(method, headers)
            assert response.status_code == status, (method, headers)


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


async def test_so_many_files_are_read_at_a_time_and_no_more(
    clients: Clients, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = asyncio.Event()
    read_range = clients.storage.read_range

    async def read_later(*arguments: Any) -> bytes:
        await release.wait()
        return await read_range(*arguments)

    monkeypatch.setattr(clients.storage, "read_range", read_later)
    waiting = [asyncio.ensure_future(send()) for _ in range(files.MAX_AT_ONCE + 3)]
    done, sending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    while len(done) < 3:
        more, sending = await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
        done |= more
    for response in (task.result() for task in done):
        assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
        assert decode_body(response)["code"] == "busy"
    release.set()
    assert {response.status_code for response in await asyncio.gather(*sending)} == {200}
    assert (await send()).status_code == 200


async def test_memory_stays_bounded_whatever_is_requested_at_once(
    clients: Clients, blob: str, send: Send
) -> None:
    """Sixteen whole files of 30 MB at once took 1.4 GB."""
    await clients.storage.put(names.SEGMENTS, blob, bytes(30_000_000))
    file = await read_file(clients, blob)

    async def request(number: int) -> tuple[int, int]:
        first = number * 1000
        response = await send(
            "GET", {"Range": f"bytes={first}-{first + ranges.MAX_BYTES - 1}"}, file
        )
        return response.status_code, len(response.get_body())

    tracemalloc.start()
    try:
        answers = await asyncio.gather(*(request(number) for number in range(48)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert {status for status, _ in answers} <= {206, 503}
    assert max(length for _, length in answers) == ranges.MAX_BYTES
    assert peak < 4 * files.MAX_AT_ONCE * ranges.MAX_BYTES
    whole = await send("GET", {}, file)
    assert (whole.status_code, whole.get_body()) == (307, b"")
