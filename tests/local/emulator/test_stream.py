"""The emulator's media stream: a socket that cannot be opened, and the call's clock."""

from __future__ import annotations

import traceback
from datetime import UTC, datetime

import pytest

from local.emulator.audio import conversation
from local.emulator.faults import Faults
from local.emulator.stream import CallClock, MediaStream, StreamError
from local.ports import free_ports

TOKEN = "a-stream-token"


@pytest.mark.parametrize("scheme", ["ws", "http", "ws:", ""])
async def test_errors_do_not_contain_the_transport_url(scheme: str) -> None:
    (port,) = free_ports(1)
    stream = MediaStream(
        f"{scheme}://127.0.0.1:{port}/media/{TOKEN}",
        conversation(["agent", "caller"], 16_000),
        CallClock(datetime.now(UTC), 1.0),
        unmixed=False,
        faults=Faults(),
    )
    with pytest.raises(StreamError) as failed:
        await stream.open({})
    assert failed.value.status == 0
    assert TOKEN not in "".join(traceback.format_exception(failed.value))


def test_the_clock_counts_ticks_of_20_ms_from_whole_milliseconds() -> None:
    clock = CallClock(datetime(2026, 11, 25, 12, 0, 0, 123_456, tzinfo=UTC), speed=4.0)
    assert clock.timestamp(0) == datetime(2026, 11, 25, 12, 0, 0, 123_000, tzinfo=UTC)
    assert clock.timestamp(50) == datetime(2026, 11, 25, 12, 0, 1, 123_000, tzinfo=UTC)
    assert clock.due(200) - clock.due(0) == pytest.approx(1.0), "4 s of audio in 1 s"
    assert clock.tick() == 0
