"""Reading a request's head, and answering what is not a valid request."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from http import HTTPStatus

import pytest

from streamer.http_upgrade import (
    Request,
    Response,
    WebSocketOptions,
    encode_response,
    listen,
    parse_head,
)
from tests.streamer.conftest import StreamerProcess

Start = Callable[..., StreamerProcess]


def test_a_slow_handshake_times_out(streamer: Start) -> None:
    server = streamer(HANDSHAKE_TIMEOUT_SECONDS="0.5")
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as slow:
        slow.sendall(b"GET /media/x HTTP/1.1\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert slow.recv(10) == b""
    assert server.get("/healthz")[0] == 200
    assert server.metric('streamer_handshakes_refused_total{reason="timeout"}') == 1


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET /media/x HTTP/1.0\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nbad header\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000, b"431"),
    ],
)
def test_malformed_requests_are_answered(streamer: Start, head: bytes, status: bytes) -> None:
    server = streamer()
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
        client.sendall(head)
        assert client.recv(100).startswith(b"HTTP/1.1 " + status)
    assert f"handshake_refused status={status.decode()} " in server.log.read_text()


def test_a_head_is_parsed_with_header_names_in_any_case() -> None:
    request = parse_head(b"GET /media/x?y HTTP/1.1\r\nUPGRADE:  websocket \r\nX: a: b")
    assert request is not None
    assert (request.method, request.path) == ("GET", "/media/x?y")
    assert (request.headers["upgrade"], request.headers["x"]) == ("websocket", "a: b")


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"GET /",
        b"GET / HTTP/1.0",
        b"GET http://host/ HTTP/1.1",
        b"GET / HTTP/1.1\r\nno colon",
        b"GET / HTTP/1.1\r\n: no name",
        b"GET / HTTP/1.1\r\nspace : x",
        b"GET / HTTP/1.1\r\n folded: x",
    ],
)
def test_a_malformed_head_is_not_parsed(head: bytes) -> None:
    assert parse_head(head) is None


def test_a_response_on_the_wire() -> None:
    response = Response(HTTPStatus.OK, b"ok", headers=(("Retry-After", "5"),))
    head, _, body = encode_response(response).partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"HTTP/1.1 200 OK",
        b"Content-Type: text/plain; charset=utf-8",
        b"Content-Length: 2",
        b"Connection: close",
        b"Retry-After: 5",
    ]
    assert body == b"ok"


async def test_a_handler_that_fails_is_answered_with_500(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail(request: Request) -> Response:
        raise RuntimeError("broken")

    server = await listen("127.0.0.1", 0, fail, WebSocketOptions(1024, 20, 5))
    port = server.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    assert (await asyncio.wait_for(reader.read(), 5)).startswith(b"HTTP/1.1 500 ")
    writer.close()
    server.close()
    assert "request_failed" in caplog.text
    assert "broken" in caplog.text
