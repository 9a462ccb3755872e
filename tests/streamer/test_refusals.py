"""Refusals are logged at a bounded rate, then as a count."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable

import pytest

from streamer.refusals import LimitedLog
from tests.streamer.conftest import StreamerProcess

Start = Callable[..., StreamerProcess]
_log = logging.getLogger(__name__)


async def test_past_a_few_lines_only_the_count_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    limited = LimitedLog(_log, 3, 0.05, lambda: now)
    for number in range(10):
        limited.log(logging.WARNING, "refused", number=number)
    assert [r.getMessage() for r in caplog.records] == [f"refused number={n}" for n in range(3)]
    await asyncio.sleep(0.1)
    assert caplog.records[-1].getMessage() == "refused_suppressed count=7 seconds=0.05"
    now = 1.0
    limited.log(logging.WARNING, "refused", number=10)
    assert caplog.records[-1].getMessage() == "refused number=10"
    assert len(caplog.records) == 5


def test_a_flood_of_handshakes_does_not_fill_the_log(streamer: Start) -> None:
    server = streamer()
    for _ in range(300):
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
            client.sendall(b"GET /media/x HTTP/1.1\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 426")
    refused = 'streamer_handshakes_refused_total{reason="no_websocket"}'
    assert server.metric(refused) == 300
    assert server.log.read_text().count("handshake_refused ") <= 40
    server.until(lambda: "handshake_refused_suppressed count=" in server.log.read_text())
