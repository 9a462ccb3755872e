"""The listening socket: one HTTP request, answered, or handed on as a WebSocket.

picows decides about a handshake synchronously; ours may have to ask a key server or Blob Storage
first. So the gate reads the request's head itself, lets it be decided in peace, and only then puts
picows's protocol in its own place and feeds it the very same bytes.
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
from picows.picows import WSProtocol  # type: ignore[attr-defined]  # not in its stubs

from streamer import metrics

_log = logging.getLogger(__name__)
_MAX_HEAD_BYTES = 16 * 1024
_LINGER_SECONDS = 1.0
_END_OF_HEAD = b"\r\n\r\n"


class Request(NamedTuple):
    """A request's head; header names are matched without regard to case."""

    method: str
    path: str
    headers: Mapping[str, str]


class Response(NamedTuple):
    """An answer that is no WebSocket."""

    status: HTTPStatus
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


class Protocol(NamedTuple):
    """What the WebSocket protocol is run with: sizes in bytes, times in seconds."""

    max_frame_bytes: int
    ping_interval_seconds: float
    handshake_timeout_seconds: float


Answer = Callable[[Request], Awaitable[Response | WSListener]]


async def listen(host: str, port: int, answer: Answer, protocol: Protocol) -> asyncio.Server:
    """Serve connections: ``answer`` gives a response, or the listener of a WebSocket.

    Raises OSError where the address is taken.
    """
    loop = asyncio.get_running_loop()
    server: asyncio.Server = await aiofastnet.create_server(
        loop, lambda: _Gate(answer, protocol), host=host, port=port, backlog=1024
    )
    return server


class _Gate(asyncio.Protocol):
    """One connection, until its request is answered."""

    def __init__(self, answer: Answer, protocol: Protocol) -> None:
        self._answer = answer
        self._protocol = protocol
        self._head = bytearray()
        self._transport: Any = None
        self._task: asyncio.Task[None] | None = None
        self._timeout: asyncio.TimerHandle | None = None
        self._refused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        loop = asyncio.get_running_loop()
        seconds = self._protocol.handshake_timeout_seconds
        self._timeout = loop.call_later(seconds, self._timed_out)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._head += data
        if self._task is not None:
            # A client waits for the answer before it goes on; who does not is no client.
            if len(self._head) > 2 * _MAX_HEAD_BYTES:
                self._drop("head_too_big")
            return
        end = self._head.find(_END_OF_HEAD)
        if (end if end >= 0 else len(self._head)) > _MAX_HEAD_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "head_too_big")
            return
        if end < 0:
            return
        request = _parse(bytes(self._head[:end]))
        if request is None:
            self._refuse(HTTPStatus.BAD_REQUEST, "head_malformed")
            return
        self._task = asyncio.get_running_loop().create_task(self._decide(request))

    async def _decide(self, request: Request) -> None:
        try:
            answer = await self._answer(request)
        except Exception:
            _log.exception("a request could not be answered")
            answer = Response(HTTPStatus.INTERNAL_SERVER_ERROR)
        if self._transport.is_closing():
            return
        if isinstance(answer, WSListener):
            self._become(answer)
        else:
            self._respond(answer)

    def _become(self, listener: WSListener) -> None:
        """Put picows in this protocol's place, from the request's first byte on."""
        self._stop_timer()
        protocol = WSProtocol(
            None,
            None,
            False,
            lambda _request: listener,
            _log.getChild("picows"),
            True,
            self._protocol.handshake_timeout_seconds,
            True,
            self._protocol.ping_interval_seconds,
            self._protocol.ping_interval_seconds,
            WSAutoPingStrategy.PING_WHEN_IDLE,
            True,
            self._protocol.max_frame_bytes,
            None,
            16 * 1024,
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
        """Answer what is no request, and let its sender read that before the connection goes.

        A close with bytes unread would be a reset, and take the answer with it.
        """
        self._refused = True
        metrics.HANDSHAKES_REFUSED.labels(reason).inc()
        _log.warning("handshake refused: %d %s", status, reason)
        self._write(Response(status, reason.encode() + b"\n"))
        self._stop_timer()
        loop = asyncio.get_running_loop()
        self._timeout = loop.call_later(_LINGER_SECONDS, self._transport.close)

    def _respond(self, response: Response) -> None:
        self._stop_timer()
        self._write(response)
        self._transport.close()

    def _write(self, response: Response) -> None:
        status = response.status
        lines = [
            f"HTTP/1.1 {status.value} {status.phrase}",
            f"Content-Type: {response.content_type}",
            f"Content-Length: {len(response.body)}",
            "Connection: close",
            *(f"{name}: {value}" for name, value in response.headers),
        ]
        self._transport.write("\r\n".join(lines).encode() + _END_OF_HEAD + response.body)

    def _timed_out(self) -> None:
        if self._head:
            self._drop("timeout")
        else:
            # Only looked whether the port is open, as a probe does.
            self._transport.abort()

    def _drop(self, reason: str) -> None:
        """Refuse without an answer, for nothing can be said any more."""
        metrics.HANDSHAKES_REFUSED.labels(reason).inc()
        _log.warning("handshake refused: %s", reason)
        self._transport.abort()

    def _stop_timer(self) -> None:
        if self._timeout is not None:
            self._timeout.cancel()


def _parse(head: bytes) -> Request | None:
    """A request's head, or None where it is none."""
    try:
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, version = first.split(" ")
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
