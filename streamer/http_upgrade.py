"""One HTTP request on a connection: it is read, then answered or upgraded to a WebSocket.

picows decides about a handshake synchronously, but ours may have to ask a key server or Blob
Storage first. So this module reads the request's head itself and lets a request handler decide, for
as long as that takes. Only then does it put picows's protocol in its own place. picows gets a plain
handshake of our own, so that it never refuses one that was accepted here.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from multidict import CIMultiDict
from picows import WSAutoPingStrategy, WSListener
from picows.picows import WSProtocol  # type: ignore[attr-defined]  # missing from its stubs

from event_log import log_event
from streamer.errors import HandshakeRefused
from streamer.listener import Listener, bind
from streamer.refusals import count_refused

_log = logging.getLogger(__name__)
_MAX_HEAD_BYTES = 16 * 1024
_READ_BUFFER_BYTES = 16 * 1024
_LINGER_SECONDS = 1.0
_END_OF_HEAD = b"\r\n\r\n"
_WEBSOCKET_VERSION = "13"
_KEY_BYTES = 16
_HSTS = ("Strict-Transport-Security", "max-age=31536000")


class Request(NamedTuple):
    """A request's head.

    ``headers`` matches names without regard to case. A header on several lines has their values,
    separated by commas (RFC 9110, 5.3).
    """

    method: str
    path: str
    headers: Mapping[str, str]


class Response(NamedTuple):
    """An HTTP response, after which the connection is closed."""

    status: HTTPStatus
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


class WebSocketOptions(NamedTuple):
    """How WebSockets are run: sizes in bytes, times in seconds."""

    max_frame_bytes: int
    ping_interval_seconds: float
    handshake_timeout_seconds: float


RequestHandler = Callable[[Request], Awaitable[Response | WSListener]]
"""Answers a request, or returns the listener of the WebSocket to upgrade it to."""


async def listen(
    host: str,
    port: int,
    handler: RequestHandler,
    options: WebSocketOptions,
    max_connections: int,
) -> Listener:
    """Listen on an address; port 0 takes a free one.

    Raises OSError where the address is in use or cannot be bound.
    """
    sockets = await bind(host, port)
    return Listener(
        sockets, lambda listener: _HttpProtocol(handler, options, listener), max_connections
    )


def asks_for_websocket(request: Request) -> bool:
    """Whether a request is a handshake, though not all of it may be right."""
    return "websocket" in _tokens(request.headers.get("Upgrade", ""))


def check_upgrade(request: Request) -> None:
    """Check that a request asks for a WebSocket (RFC 6455, 4.2.1). Raises HandshakeRefused."""
    headers = request.headers
    if request.method != "GET" or not asks_for_websocket(request):
        raise HandshakeRefused(HTTPStatus.UPGRADE_REQUIRED, "no_websocket")
    if "upgrade" not in _tokens(headers.get("Connection", "")):
        raise HandshakeRefused(HTTPStatus.BAD_REQUEST, "connection_header")
    if headers.get("Sec-WebSocket-Version") != _WEBSOCKET_VERSION:
        raise HandshakeRefused(HTTPStatus.UPGRADE_REQUIRED, "websocket_version")
    try:
        key = base64.b64decode(headers.get("Sec-WebSocket-Key", ""), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        raise HandshakeRefused(HTTPStatus.BAD_REQUEST, "websocket_key")


def _tokens(value: str) -> set[str]:
    """Return the tokens of a header that is a list (RFC 9110, 5.6.1), in lower case."""
    return {token.strip().lower() for token in value.split(",")}


class _HttpProtocol(asyncio.Protocol):
    """One connection, until its request is answered or upgraded."""

    def __init__(
        self, handler: RequestHandler, options: WebSocketOptions, listener: Listener
    ) -> None:
        self._handler = handler
        self._options = options
        self._listener = listener
        self._head = bytearray()
        self._transport: Any = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._refused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the handshake's timer."""
        self._transport = transport
        self._listener.pending[self] = None
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._options.handshake_timeout_seconds, self._time_out)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Stop deciding about the request."""
        self._listener.pending.pop(self, None)
        self._cancel_timer()
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        """Collect the head; once it is whole, have the request handled."""
        if self._refused:
            return
        self._head += data
        if self._task is not None:
            # A well-behaved client waits for the response before it sends more.
            if len(self._head) > 2 * _MAX_HEAD_BYTES:
                self.drop("head_too_big")
            return
        end = self._head.find(_END_OF_HEAD)
        if (end if end >= 0 else len(self._head)) > _MAX_HEAD_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "head_too_big")
            return
        if end < 0:
            return
        request = parse_head(bytes(self._head[:end]))
        if request is None:
            self._refuse(HTTPStatus.BAD_REQUEST, "head_malformed")
            return
        self._task = asyncio.get_running_loop().create_task(self._handle(request))

    async def _handle(self, request: Request) -> None:
        try:
            result = await self._handler(request)
        except Exception:  # noqa: BLE001  # logged, and answered with 500
            log_event(_log, logging.ERROR, "request_failed", exc_info=True)
            result = Response(HTTPStatus.INTERNAL_SERVER_ERROR)
        if self._transport.is_closing():
            return
        if isinstance(result, WSListener):
            self._upgrade(result, request.headers["Sec-WebSocket-Key"])
        else:
            if request.headers.get("X-Forwarded-Proto") == "https":
                # Ingress ends TLS and says so. Over plain HTTP, nobody may send it (RFC 6797, 7.2).
                result = result._replace(headers=(*result.headers, _HSTS))
            self._respond(result, has_body=request.method != "HEAD")

    def _upgrade(self, listener: WSListener, key: str) -> None:
        """Put picows in this protocol's place, with a handshake and what followed the head."""
        self._cancel_timer()
        self._listener.pending.pop(self, None)
        ping_interval = self._options.ping_interval_seconds
        protocol = WSProtocol(
            host_port=None,
            ws_path=None,
            is_client_side=False,
            ws_listener_factory=lambda _request: listener,
            logger=_log.getChild("picows"),
            disconnect_on_exception=True,
            websocket_handshake_timeout=self._options.handshake_timeout_seconds,
            enable_auto_ping=True,
            auto_ping_idle_timeout=ping_interval,
            auto_ping_reply_timeout=ping_interval,
            auto_ping_strategy=WSAutoPingStrategy.PING_WHEN_IDLE,
            enable_auto_pong=False,  # Connection answers, while the peer reads
            max_frame_size=self._options.max_frame_bytes,
            extra_headers=None,
            read_buffer_init_size=_READ_BUFFER_BYTES,
        )
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        handshake = (
            "GET / HTTP/1.1\r\nHost: streamer\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: {_WEBSOCKET_VERSION}\r\nSec-WebSocket-Key: {key}"
        )
        rest = self._head[self._head.find(_END_OF_HEAD) :]
        received = memoryview(handshake.encode() + rest)
        while received:
            buffer = protocol.get_buffer(len(received))
            size = min(len(buffer), len(received))
            buffer[:size] = received[:size]
            buffer.release()
            protocol.buffer_updated(size)
            received = received[size:]

    def _refuse(self, status: HTTPStatus, reason: str) -> None:
        """Answer what is not a valid request, and give its sender time to read the response.

        Closing with unread bytes would reset the connection, and the response would be lost.
        """
        self._refused = True
        count_refused(status, reason)
        self._transport.write(encode_response(Response(status, reason.encode() + b"\n")))
        self._cancel_timer()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(_LINGER_SECONDS, self._transport.close)

    def _respond(self, response: Response, *, has_body: bool) -> None:
        self._cancel_timer()
        self._transport.write(encode_response(response, has_body=has_body))
        self._transport.close()

    def _time_out(self) -> None:
        if self._head:
            self.drop("timeout")
        else:
            # Nothing was sent: a probe that only tests whether the port is open.
            self._transport.abort()

    def drop(self, reason: str) -> None:
        """Refuse without a response, because the peer would not read one."""
        count_refused(None, reason)
        self._transport.abort()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def encode_response(response: Response, *, has_body: bool = True) -> bytes:
    """Return a response's bytes on the wire; that to a HEAD request has no body."""
    lines = [
        f"HTTP/1.1 {response.status.value} {response.status.phrase}",
        f"Content-Type: {response.content_type}",
        f"Content-Length: {len(response.body)}",
        "Connection: close",
        *(f"{name}: {value}" for name, value in response.headers),
    ]
    body = response.body if has_body else b""
    return "\r\n".join(lines).encode() + _END_OF_HEAD + body


def parse_head(head: bytes) -> Request | None:
    """Parse a request's head, without the empty line at its end; None where it is malformed."""
    try:
        request_line, *lines = head.decode("latin-1").split("\r\n")
        method, path, version = request_line.split(" ")
        headers: CIMultiDict[str] = CIMultiDict()
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon or not name or name != name.strip():
                return None
            value = value.strip()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
    except ValueError:
        return None
    if version != "HTTP/1.1" or not path.startswith("/"):
        return None
    return Request(method, path, headers)
