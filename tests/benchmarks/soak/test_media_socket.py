"""The sender's WebSocket, against a server that is not ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from benchmarks.soak.media_socket import HandshakeRefused, MediaSocket
from local.ports import HOST


class Peer:
    """The server's end of every connection."""

    def __init__(self) -> None:
        self.connections: list[ServerConnection] = []
        self.messages: list[str | bytes] = []
        self.ends: list[int] = []
        self.refuses = False
        self.port = 0

    async def handle(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        try:
            while True:
                self.messages.append(await connection.recv())
        except ConnectionClosed as closed:
            self.ends.append(1006 if closed.rcvd is None else closed.rcvd.code)

    def refuse(self, connection: ServerConnection, request: Request) -> Response | None:
        assert request.headers["x-ms-call-connection-id"] == "call"
        assert request.headers["x-ms-call-correlation-id"] == "socket"
        return connection.respond(503, "full") if self.refuses else None


@pytest_asyncio.fixture
async def peer() -> AsyncIterator[Peer]:
    peer = Peer()
    server: Server
    async with serve(peer.handle, HOST, 0, process_request=peer.refuse, compression=None) as server:
        peer.port = next(iter(server.sockets)).getsockname()[1]
        yield peer


async def wait_for_end(peer: Peer) -> int:
    """Wait until the server has seen a connection's end; return its code."""
    async with asyncio.timeout(60):
        while not peer.ends:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return peer.ends[0]


async def test_messages_arrive_and_a_close_is_answered(peer: Peer) -> None:
    media_socket = await MediaSocket.open(peer.port, "call", "socket")
    for message in (b"{}", b"x" * 200, b"y" * 2000):
        media_socket.send(message)
    await asyncio.wait_for(media_socket.close(), 60)
    assert await wait_for_end(peer) == 1000
    assert peer.messages == ["{}", "x" * 200, "y" * 2000]
    assert media_socket.has_ended
    assert media_socket.close_code is None, "the answer to a close of our own"


async def test_what_is_written_to_a_lost_connection_is_not_sent(peer: Peer) -> None:
    media_socket = await MediaSocket.open(peer.port, "call", "socket")
    assert media_socket.send(b"{}")
    media_socket.reset()
    media_socket.has_ended = False
    assert not media_socket.send(b"{}")
    assert media_socket.has_ended


async def test_a_ping_is_answered_and_the_servers_close_is_noted(peer: Peer) -> None:
    media_socket = await MediaSocket.open(peer.port, "call", "socket")
    async with asyncio.timeout(60):
        while not peer.connections:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await (await peer.connections[0].ping(b"payload"))
        await peer.connections[0].close(1001, "going away")
        await media_socket.closed.wait()
    assert (media_socket.close_code, media_socket.close_reason) == (1001, "going away")


@pytest.mark.parametrize("end", [MediaSocket.drop, MediaSocket.reset])
async def test_a_socket_ends_without_a_close_frame(peer: Peer, end: object) -> None:
    media_socket = await MediaSocket.open(peer.port, "call", "socket")
    media_socket.send(b"last")
    # A reset may overtake what was not read.
    async with asyncio.timeout(60):
        while not peer.messages:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert callable(end)
    end(media_socket)
    assert await wait_for_end(peer) == 1006
    assert peer.messages == ["last"]


async def test_a_refused_handshake_is_raised(peer: Peer) -> None:
    peer.refuses = True
    with pytest.raises(HandshakeRefused, match="503"):
        await MediaSocket.open(peer.port, "call", "socket")
