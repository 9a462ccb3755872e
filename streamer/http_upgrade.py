"""The listening socket: reads one HTTP request, then answers it or upgrades it to a WebSocket.

picows decides about a handshake synchronously, but ours may have to ask a key server or Blob
Storage first. So this module reads the request's head itself and lets a request handler decide, for
as long as that takes. Only then does it put picows's protocol in its own place, and feeds it the
very same bytes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

import aiofastnet
from multidict import CIMultiDict
from picows import WSAutoPingStrategy, WSListener
from picows.picows import WSProtocol  # type: ignore[attr-defined]  # missing from its stubs

from event_log import log_event
from streamer import metrics

_log = logging.getLogger(__name__)
_MAX_HEAD_BYTES = 16 * 1024
_READ_BUFFER_BYTES = 16 * 1024
_LINGER_SECONDS = 1.0
_END_OF_HEAD = b"\r\n\r\n"


class Request(NamedTuple):
    """A request's head. ``headers`` matches names without regard to case."""

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
    host: str, port: int, handler: RequestHandler, options: WebSocketOptions
) -> asyncio.Server:
    """Listen on an address; port 0 takes a free one.

    Raises OSError where the address is in use or cannot be bound.
    """
    loop = asyncio.get_running_loop()
    server: asyncio.Server = await aiofastnet.create_server(
        loop, lambda: _HttpProtocol(handler, options), host=host, port=port, backlog=1024
    )
    return server


class _HttpProtocol(asyncio.Protocol):
    """One connection, until its request is answered or upgraded."""

    def __init__(self, handler: RequestHandler, options: WebSocketOptions) -> None:
        self._handler = handler
        self._options = options
        self._head = bytearray()
        self._transport: Any = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._refused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the handshake's timer."""
        self._transport = transport
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._options.handshake_timeout_seconds, self._time_out)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Stop deciding about the request."""
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
                self._drop("head_too_big")
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
            self._upgrade(result)
        else:
            self._respond(result)

    def _upgrade(self, listener: WSListener) -> None:
        """Put picows in this protocol's place, from the request's first byte on."""
        self._cancel_timer()
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
            enable_auto_pong=True,
            max_frame_size=self._options.max_frame_bytes,
            extra_headers=None,
            read_buffer_init_size=_READ_BUFFER_BYTES,
        )
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        received = memoryview(bytes(self._head))
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
        metrics.HANDSHAKES_REFUSED.labels(reason).inc()
        log_event(_log, logging.WARNING, "handshake_refused", status=status.value, reason=reason)
        self._write(Response(status, reason.encode() + b"\n"))
        self._cancel_timer()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(_LINGER_SECONDS, self._transport.close)

    def _respond(self, response: Response) -> None:
        self._cancel_timer()
        self._write(response)
        self._transport.close()

    def _write(self, response: Response) -> None:
        self._transport.write(encode_response(response))

    def _time_out(self) -> None:
        if self._head:
            self._drop("timeout")
        else:
            # Nothing was sent: a probe that only tests whether the port is open.
            self._transport.abort()

    def _drop(self, reason: str) -> None:
        """Refuse without a response, because the peer would not read one."""
        metrics.HANDSHAKES_REFUSED.labels(reason).inc()
        log_event(_log, logging.WARNING, "handshake_refused", status=None, reason=reason)
        self._transport.abort()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def encode_response(response: Response) -> bytes:
    """Return a response's bytes on the wire."""
    lines = [
        f"HTTP/1.1 {response.status.value} {response.status.phrase}",
        f"Content-Type: {response.content_type}",
        f"Content-Length: {len(response.body)}",
        "Connection: close",
        *(f"{name}: {value}" for name, value in response.headers),
    ]
    return "\r\n".join(lines).encode() + _END_OF_HEAD + response.body


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
            headers.add(name, value.strip())
    except ValueError:
        return None
    if version != "HTTP/1.1" or not path.startswith("/"):
        return None
    return Request(method, path, headers)
