"""The routes: which requests are answered, refused and upgraded."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from local.ports import free_ports
from tests.streamer.conftest import StreamerProcess, metadata, open_websocket

Start = Callable[..., StreamerProcess]
Headers = dict[str, str]


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /nothing HTTP/1.1\r\n\r\n", b"404"),
        (b"POST /healthz HTTP/1.1\r\n\r\n", b"405"),
        (b"GET /media/x HTTP/1.1\r\n\r\n", b"426"),
    ],
)
def test_other_requests_are_answered(streamer: Start, head: bytes, status: bytes) -> None:
    server = streamer()
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
        client.sendall(head)
        assert client.recv(100).startswith(b"HTTP/1.1 " + status)


@pytest.mark.parametrize("path", ["/", "/medias/token", "/healthz/token"])
async def test_a_handshake_for_an_unknown_path_is_counted(streamer: Start, path: str) -> None:
    """The URL that ACS was told may be wrong: someone must be able to see that."""
    server = streamer()
    with pytest.raises(InvalidStatus) as refused:
        async with connect(server.url.replace("/media/token", path)):
            pass
    assert refused.value.response.status_code == 404
    assert server.get(path)[0] == 404
    assert server.metric('streamer_handshakes_refused_total{reason="path"}') == 1
    assert "handshake_refused status=404 reason=path" in server.log.read_text()


async def test_health_and_metrics_can_have_a_port_of_their_own(
    streamer: Start, headers: Headers
) -> None:
    (port,) = free_ports(1)
    server = streamer(METRICS_PORT=str(port))
    paths = ("/healthz", "/readyz", "/metrics")
    assert [server.get(path)[0] for path in paths] == [404, 404, 404]
    async with open_websocket(server, headers) as websocket:
        await websocket.send(metadata())
    public, server.port = server.port, port
    assert [server.get(path)[0] for path in paths] == [200, 200, 200]
    assert server.get("/media/token")[0] == 404
    assert server.metric("streamer_streams_opened_total") == 1
    server.port = public
    assert server.terminate() == 0


async def test_a_full_replica_refuses_with_503(streamer: Start, headers: Headers) -> None:
    server = streamer(MAX_STREAMS="1")
    async with open_websocket(server, headers) as socket:
        await socket.send(metadata())
        assert server.get("/readyz")[0] == 503
        with pytest.raises(InvalidStatus) as refused:
            async with open_websocket(server, headers):
                pass
        assert refused.value.response.status_code == 503
        assert refused.value.response.headers["Retry-After"]
        assert "handshake_refused status=503 reason=full" in server.log.read_text()
    assert server.metric('streamer_handshakes_refused_total{reason="full"}') == 1


async def test_a_call_without_a_usable_id_is_refused(streamer: Start) -> None:
    server = streamer()
    for call in (None, "../x", "a/b", ""):
        headers: Headers = {} if call is None else {"x-ms-call-connection-id": call}
        with pytest.raises(InvalidStatus) as refused:
            async with open_websocket(server, headers):
                pass
        assert refused.value.response.status_code == 400
