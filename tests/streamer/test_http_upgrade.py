"""Reading a request's head, and answering what is not a valid request."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from http import HTTPStatus

import pytest

from streamer.errors import HandshakeRefused
from streamer.http_upgrade import (
    Request,
    Response,
    WebSocketOptions,
    check_upgrade,
    encode_response,
    listen,
    parse_head,
)
from tests.streamer.conftest import StreamerProcess

Start = Callable[..., StreamerProcess]


def test_a_slow_handshake_times_out(streamer: Start) -> None:
    server = streamer(HANDSHAKE_TIMEOUT_SECONDS="2")
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as slow:
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
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
        client.sendall(head)
        assert client.recv(100).startswith(b"HTTP/1.1 " + status)
    assert f"handshake_refused status={status.decode()} " in server.log.read_text()


@pytest.mark.parametrize("path", ["/healthz", "/media/x", "/nothing"])
@pytest.mark.parametrize("protocol", ["https", "http"])
def test_browsers_are_told_to_insist_on_tls_where_there_is_tls(
    streamer: Start, path: str, protocol: str
) -> None:
    with socket.create_connection(("127.0.0.1", streamer().port), timeout=60) as client:
        head = f"GET {path} HTTP/1.1\r\nHost: x\r\nX-Forwarded-Proto: {protocol}\r\n\r\n"
        client.sendall(head.encode())
        answer = b"".join(iter(lambda: client.recv(4096), b""))
    hsts = b"Strict-Transport-Security: max-age=31536000\r\n"
    assert (hsts in answer) == (protocol == "https")


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

    server = await listen("127.0.0.1", 0, fail, WebSocketOptions(1024, 20, 5), 10)
    port = server.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    assert (await asyncio.wait_for(reader.read(), 60)).startswith(b"HTTP/1.1 500 ")
    writer.close()
    server.close()
    assert "request_failed" in caplog.text
    assert "broken" in caplog.text


KEY = "dGhlIHNhbXBsZSBub25jZQ=="
HANDSHAKE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": KEY,
}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"Connection": "keep-alive, Upgrade"},
        {"Connection": "keep-alive , upgrade,"},
        {"Upgrade": "WebSocket"},
        {"Upgrade": "h2c, websocket"},
    ],
)
def test_tokens_are_compared_as_rfc_9110_has_it(changes: dict[str, str]) -> None:
    check_upgrade(Request("GET", "/", HANDSHAKE | changes))


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({"Upgrade": "websockets"}, 426, "no_websocket"),
        ({"Connection": "keep-alive"}, 400, "connection_header"),
        ({"Connection": "upgraded"}, 400, "connection_header"),
        ({"Sec-WebSocket-Version": "12"}, 426, "websocket_version"),
        ({"Sec-WebSocket-Key": "short"}, 400, "websocket_key"),
        ({"Sec-WebSocket-Key": "\xfc" * 24}, 400, "websocket_key"),
        ({"Sec-WebSocket-Key": ""}, 400, "websocket_key"),
    ],
)
def test_what_is_no_handshake_is_refused(changes: dict[str, str], status: int, reason: str) -> None:
    with pytest.raises(HandshakeRefused) as refused:
        check_upgrade(Request("GET", "/", HANDSHAKE | changes))
    assert (refused.value.status, refused.value.reason) == (status, reason)


def test_a_header_on_several_lines_is_one_list() -> None:
    request = parse_head(b"GET / HTTP/1.1\r\nConnection: keep-alive\r\nconnection: Upgrade")
    assert request is not None
    assert request.headers["Connection"] == "keep-alive, Upgrade"


def handshake(call: str, changes: dict[str, str]) -> bytes:
    headers = {"Host": "x", **HANDSHAKE, "x-ms-call-connection-id": call} | changes
    lines = ["GET /media/token HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"Connection": "keep-alive, Upgrade"}, b"101"),
        ({"User-Agent": "\xe9\xff"}, b"101"),
        ({"x-ms-call-correlation-id": "\xe9\xff"}, b"101"),
        ({"x-ms-call-connection-id": "\xe9\xff"}, b"400"),
        ({"Connection": "close"}, b"400"),
        ({"Sec-WebSocket-Key": "\xe9\xff"}, b"400"),
        ({"Sec-WebSocket-Version": "8"}, b"426"),
    ],
)
def test_every_handshake_gets_an_answer_and_every_refusal_is_counted(
    streamer: Start, call: str, changes: dict[str, str], status: bytes
) -> None:
    server = streamer()
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
        client.sendall(handshake(call, changes))
        assert client.recv(1000).startswith(b"HTTP/1.1 " + status)
    counted = "streamer_handshakes_refused_total{" in server.get("/metrics")[1]
    assert counted == (status != b"101")
    assert ("handshake_refused" in server.log.read_text()) == (status != b"101")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/nothing", "/media/x"])
def test_head_has_no_body(streamer: Start, path: str) -> None:
    server = streamer()
    received = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
        client.sendall(f"HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        while chunk := client.recv(4096):
            received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"Content-Length: " in head
    assert body == b""
