"""The listening socket: accepts connections, and bounds how many there are.

A connection takes a file descriptor, and so does every file of the spool. Where the limit is
reached, the oldest connection that has not become a WebSocket makes room for a new one: thousands
of idle sockets do not keep ACS out.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import resource
import socket
from collections.abc import Callable
from typing import Protocol

import aiofastnet

from streamer.refusals import count_refused, log_limited

_BACKLOG = 1024
_ACCEPTS_AT_ONCE = 64
_RETRY_SECONDS = 1.0
_OUT_OF_RESOURCES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
REFUSED_CONNECTIONS = "connections"
"""The reason for which connections past the limit are refused."""


class PendingProtocol(Protocol):
    """A connection's protocol until its request is answered or upgraded."""

    def drop(self, reason: str) -> None:
        """Refuse without a response."""


class Listener:
    """Listens on sockets, and has each connection handled by a protocol of its own."""

    def __init__(
        self,
        sockets: list[socket.socket],
        create_protocol: Callable[[Listener], asyncio.Protocol],
        max_connections: int,
    ) -> None:
        """Start to accept connections.

        Args:
            sockets: Sockets that are bound and do not block.
            create_protocol: Creates a connection's protocol, which adds itself to ``pending`` and
                removes itself once its request is answered or upgraded.
            max_connections: How many connections may be open.
        """
        self.sockets = sockets
        self.pending: dict[PendingProtocol, None] = {}
        self._create_protocol = create_protocol
        self._max_connections = max_connections
        self._connections: list[socket.socket] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        for listening in sockets:
            listening.listen(_BACKLOG)
            self._start_accepting(listening)

    def close(self) -> None:
        """Stop listening. Open connections stay open."""
        for listening in self.sockets:
            if listening.fileno() >= 0:
                self._loop.remove_reader(listening.fileno())
                listening.close()

    def _start_accepting(self, listening: socket.socket) -> None:
        if listening.fileno() >= 0:
            self._loop.add_reader(listening.fileno(), self._accept, listening)

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(_ACCEPTS_AT_ONCE):
            is_full = self._is_full()
            if is_full and (self._tasks or self._drop_oldest()):
                # Called again at once, when there may be room, because the socket stays readable.
                return
            try:
                connection, _address = listening.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionAbortedError:
                continue
            except OSError as error:
                if error.errno not in _OUT_OF_RESOURCES:
                    raise
                # The socket stays readable: without a pause, this would run again at once.
                log_limited(logging.ERROR, "accept_failed", error=error.strerror)
                self._loop.remove_reader(listening.fileno())
                self._loop.call_later(_RETRY_SECONDS, self._start_accepting, listening)
                return
            if is_full:
                connection.close()
                count_refused(None, REFUSED_CONNECTIONS)
                continue
            connection.setblocking(False)
            self._connections.append(connection)
            task = self._loop.create_task(self._handle(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _is_full(self) -> bool:
        if len(self._connections) >= self._max_connections:
            # A closed socket no longer has a descriptor.
            self._connections = [s for s in self._connections if s.fileno() >= 0]
        return len(self._connections) >= self._max_connections

    def _drop_oldest(self) -> bool:
        """Drop the oldest connection that is not a WebSocket. Returns False where all are."""
        oldest = next(iter(self.pending), None)
        if oldest is None:
            return False
        del self.pending[oldest]
        oldest.drop(REFUSED_CONNECTIONS)
        return True

    async def _handle(self, connection: socket.socket) -> None:
        try:
            await aiofastnet.connect_accepted_socket(
                self._loop, lambda: self._create_protocol(self), connection
            )
        except OSError:
            # The peer has closed it already.
            with contextlib.suppress(OSError):
                connection.close()


async def bind(host: str, port: int) -> list[socket.socket]:
    """Bind a socket to each address of ``host``. Raises OSError where one cannot be bound."""
    loop = asyncio.get_running_loop()
    addresses = await loop.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    sockets: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in dict.fromkeys(addresses):
            listening = socket.socket(family, kind, protocol)
            sockets.append(listening)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listening.setblocking(False)
            listening.bind(address)
    except OSError:
        for listening in sockets:
            listening.close()
        raise
    return sockets


def connection_limit(max_connections: int) -> int:
    """Return how many connections there may be: at most half of the process's descriptors."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(1, min(max_connections, descriptors // 2))
