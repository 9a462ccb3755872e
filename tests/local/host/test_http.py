"""HTTP triggers: requests, auth levels and keys."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from urllib.parse import urlsplit

from aiohttp.http_exceptions import BadStatusLine

from benchmarks.process_stats import peak_resident_kib
from local.host.http import DEFAULT_BODY_LIMIT, HideMalformedRequests, read_body_limit
from tests.local.host.conftest import BODY_LIMIT, Host


def test_auth_levels_and_keys(host: Host) -> None:
    assert host.request("/api/open")[:2] == (200, "open")

    def put(path: str, **keys: str) -> tuple[int, str, dict[str, str]]:
        return host.request(path, "PUT", b"b", {"x-way": "w"} | keys)

    assert put("/api/things/7")[0] == 401
    assert put("/api/things/7", **{"x-functions-key": "wrong"})[0] == 401
    for key in (host.key, host.master):
        status, body, headers = put("/api/things/7?q=x", **{"x-functions-key": key})
        assert (status, body, headers["X-Way"]) == (201, "7 x b", "w")
    assert put(f"/api/things/7?code={host.key}")[0] == 201
    for key, status in ((host.key, 401), (host.master, 200)):
        assert host.request("/api/master", headers={"x-functions-key": key})[0] == status


def test_unknown_routes_and_methods(host: Host) -> None:
    assert host.request("/api/nothing")[0] == 404
    assert host.request("/api/things/7", "DELETE")[:2] == (404, "")


def test_a_path_with_a_line_end_is_routed(host: Host) -> None:
    headers = {"x-functions-key": host.key, "x-way": "w"}
    status, body, _ = host.request("/api/things/7%0A8?q=x", "PUT", b"b", headers)
    assert (status, body) == (201, "7\n8 x b")


def test_a_function_that_raises_answers_500_without_a_body(host: Host) -> None:
    assert host.request("/api/fails")[:2] == (500, "")


def test_the_limit_on_bodies_is_a_setting_of_the_host() -> None:
    assert read_body_limit({}) == DEFAULT_BODY_LIMIT == 104_857_600
    assert read_body_limit({"FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "5"}) == 5


async def test_memory_stays_bounded_while_strangers_send_large_bodies(host: Host) -> None:
    """Twelve senders of 95 MB without a token took the app to 1.3 GB."""
    address = urlsplit(host.url)
    before = peak_resident_kib(host.pid)
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"

    async def send() -> int:
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(b"POST /api/open HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        answer = asyncio.create_task(reader.readline())
        # The host reads on for some seconds after its answer, and then closes the connection.
        with contextlib.suppress(ConnectionError):
            for _ in range(16 * BODY_LIMIT // 65536):
                writer.write(chunk)
                await writer.drain()
        writer.close()
        return int((await answer).split()[1])

    assert await asyncio.gather(*(send() for _ in range(12))) == [413] * 12
    # Of 192 MiB, the host keeps 12 at a time, and some of them twice.
    assert peak_resident_kib(host.pid) - before < 96 * 1024


def test_a_malformed_request_is_logged_without_what_it_contains() -> None:
    error = BadStatusLine("a token")
    record = logging.LogRecord(
        "name", logging.ERROR, "", 0, "text", None, (type(error), error, None)
    )
    assert HideMalformedRequests().filter(record)
    assert record.exc_info is None
    other = RuntimeError("kept")
    record = logging.LogRecord(
        "name", logging.ERROR, "", 0, "text", None, (type(other), other, None)
    )
    assert HideMalformedRequests().filter(record)
    assert record.exc_info is not None
