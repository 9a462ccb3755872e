"""The log of a call's segments: whole lines, from any position on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from calls import blobs
from calls.clients import Clients
from calls.events import segment_log
from calls.events.segment_log import log_segment, read_segments
from calls.records.model import Milestone
from tests.calls.sample_streams import new_call_id

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def milestone(number: int) -> Milestone:
    return Milestone(type="segment.ready", what=str(number), time=NOW + timedelta(seconds=number))


async def test_segments_are_read_from_where_the_last_reading_ended(clients: Clients) -> None:
    call = new_call_id()
    assert await read_segments(clients.storage, call, 0) == ([], 0), "nothing was logged"
    for number in range(3):
        await log_segment(clients.storage, call, milestone(number))
    first = await read_segments(clients.storage, call, 0)
    assert first.milestones == [milestone(0), milestone(1), milestone(2)]
    assert await read_segments(clients.storage, call, first.offset) == ([], first.offset)
    await log_segment(clients.storage, call, milestone(3))
    second = await read_segments(clients.storage, call, first.offset)
    assert second.milestones == [milestone(3)]
    assert second.offset > first.offset


async def test_a_long_log_is_read_in_parts(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part ends in the middle of a line, which belongs to the next one."""
    call = new_call_id()
    for number in range(5):
        await log_segment(clients.storage, call, milestone(number))
    monkeypatch.setattr(segment_log, "MAX_READ_BYTES", 200)
    offset, read = 0, []
    while part := (await read_segments(clients.storage, call, offset)).milestones:
        assert 1 <= len(part) < 5
        read += part
        offset = (await read_segments(clients.storage, call, offset)).offset
    assert read == [milestone(number) for number in range(5)]


async def test_a_line_that_is_not_the_app_s_is_skipped(clients: Clients) -> None:
    call = new_call_id()
    await clients.storage.append(blobs.EVENTS, blobs.segment_log_blob(call), b"nonsense\n\n{}\n")
    await log_segment(clients.storage, call, milestone(1))
    assert (await read_segments(clients.storage, call, 0)).milestones == [milestone(1)]
    assert (await read_segments(clients.storage, call, 10**9)).milestones == []


async def test_a_full_log_is_logged(
    clients: Clients, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuse(*_: object) -> bool:
        return False

    monkeypatch.setattr(clients.storage, "append", refuse)
    await log_segment(clients.storage, new_call_id(), milestone(1))
    assert "segment_log_full" in caplog.text
