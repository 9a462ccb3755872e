"""The emulator's media stream: a socket that cannot be opened, and the call's clock."""

from __future__ import annotations

import traceback
from datetime import UTC, datetime

import pytest

from local.emulator.audio import CallAudio
from local.emulator.clock import CallClock
from local.emulator.faults import Faults
from local.emulator.stream import MediaStream, StreamError
from local.ports import free_ports

TOKEN = "a-stream-token"


@pytest.mark.parametrize("scheme", ["ws", "http", "ws:", ""])
async def test_errors_do_not_contain_the_transport_url(scheme: str) -> None:
    (port,) = free_ports(1)
    stream = MediaStream(
        f"{scheme}://127.0.0.1:{port}/media/{TOKEN}",
        CallAudio({"a": b"", "b": b""}, 16_000),
        CallClock(datetime.now(UTC), 1.0),
        unmixed=False,
        faults=Faults(),
    )
    with pytest.raises(StreamError) as failed:
        await stream.open({})
    assert failed.value.status == 0
    assert TOKEN not in "".join(traceback.format_exception(failed.value))
