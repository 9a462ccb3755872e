"""Connections are counted, and stay below the process's limit of descriptors."""

from __future__ import annotations

import asyncio
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from local.ports import free_ports
from streamer.listener import bind, connection_limit
from tests.streamer.conftest import Stored, StreamerProcess, audio, metadata, open_websocket, pcm

Start = Callable[..., StreamerProcess]
Headers = dict[str, str]

_IDLE = """
import resource, socket, sys, time
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
sockets = []
for _ in range(int(sys.argv[2])):
    sockets.append(socket.create_connection(("127.0.0.1", int(sys.argv[1]))))
print("ready", flush=True)
time.sleep(60)
"""


def test_at_most_half_of_the_descriptors_are_connections() -> None:
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert connection_limit(10**9) == descriptors // 2
    assert connection_limit(100) == min(100, descriptors // 2)


async def test_a_name_is_bound_on_all_its_addresses() -> None:
    sockets = await bind("localhost", 0)
    try:
        assert sockets
        with pytest.raises(OSError, match="in use"):
            await bind("127.0.0.1", _listening_port(sockets))
    finally:
        for listening in sockets:
            listening.close()


def _listening_port(sockets: list[socket.socket]) -> int:
    (listening, *_) = [s for s in sockets if s.family == socket.AF_INET]
    listening.listen()
    port: int = listening.getsockname()[1]
    return port


async def test_idle_connections_do_not_keep_calls_out(
    streamer: Start, headers: Headers, stored: Stored
) -> None:
    server = streamer(MAX_CONNECTIONS="20", HANDSHAKE_TIMEOUT_SECONDS="600")
    with ExitStack() as stack:
        for _ in range(100):
            address = ("127.0.0.1", server.port)
            stack.enter_context(socket.create_connection(address, timeout=60))
        async with open_websocket(server, headers) as websocket:
            await websocket.send(metadata())
            await websocket.send(audio(0))
            dropped = 'streamer_handshakes_refused_total{reason="connections"}'
            assert await asyncio.to_thread(server.metric, dropped) >= 80
    stored.manifests()
    assert stored.track() == pcm(0)


async def test_websockets_are_never_dropped_for_a_new_connection(
    streamer: Start, headers: Headers
) -> None:
    server = streamer(MAX_CONNECTIONS="1", METRICS_PORT=str(free_ports(1)[0]))
    async with open_websocket(server, headers) as websocket:
        await websocket.send(metadata())
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as other:
            assert other.recv(10) == b""
        await asyncio.wait_for(await websocket.ping(), 60)
    async with open_websocket(server, headers) as websocket:
        await asyncio.wait_for(await websocket.ping(), 60)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_more_sockets_than_descriptors_neither_spin_nor_fill_the_log(
    streamer: Start, headers: Headers, stored: Stored
) -> None:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    server = streamer(HANDSHAKE_TIMEOUT_SECONDS="600")
    assert server.process is not None
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (200, limit[1]))
    idle = subprocess.Popen(  # noqa: ASYNC220 (only starts it)
        [sys.executable, "-c", _IDLE, str(server.port), "700"], stdout=subprocess.PIPE
    )
    assert idle.stdout is not None
    try:
        # Those past the backlog may wait for long: what matters is the server.
        await asyncio.to_thread(server.until, lambda: "accept_failed" in server.log.read_text())
        begun, log_begun = _cpu_seconds(server), server.log.stat().st_size
        begun_at = time.monotonic()
        await asyncio.sleep(2)
        assert _cpu_seconds(server) - begun < (time.monotonic() - begun_at) / 4
        assert server.log.stat().st_size - log_begun < 5_000
    finally:
        idle.kill()
        idle.wait()
        idle.stdout.close()
    await asyncio.to_thread(server.until, lambda: server.get("/healthz")[0] == 200)
    async with open_websocket(server, headers) as websocket:
        await websocket.send(metadata())
        await websocket.send(audio(0))
    stored.manifests()
    assert stored.track() == pcm(0)


def _cpu_seconds(server: StreamerProcess) -> float:
    assert server.process is not None
    with open(f"/proc/{server.process.pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_the_cap_follows_the_limit_of_descriptors(streamer: Start) -> None:
    """As in the field: 1,024 descriptors, and 1,500 idle sockets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, hard), hard))
    try:
        server = streamer()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    with ExitStack() as stack:
        for _ in range(200):
            address = ("127.0.0.1", server.port)
            stack.enter_context(socket.create_connection(address, timeout=60))
        time.sleep(0.2)
        assert server.get("/healthz")[0] == 200
    assert "accept_failed" not in server.log.read_text()
