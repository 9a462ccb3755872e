"""Dispositions in a real Azurite: of a hold and a deletion that come at once, one succeeds."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from calls.clients import Clients
from calls.errors import CallDeleted, CallNotFound, CallOnHold, Contended
from calls.principals import SYSTEM
from calls.records.dispositions import (
    Disposition,
    Hold,
    change_disposition,
    is_deleted,
    missing_call,
    read_disposition,
)
from calls.retention.deletions import begin_deletion
from calls.retention.holds import place_hold
from tests.calls.handler_requests import create_record
from tests.calls.sample_streams import new_call_id

NOW = datetime(2026, 11, 26, tzinfo=UTC)


async def test_a_call_has_an_empty_disposition_at_first(clients: Clients) -> None:
    call = new_call_id()
    assert await read_disposition(clients.storage, call) == Disposition(call_connection_id=call)
    assert not await is_deleted(clients.storage, call)
    assert type(await missing_call(clients.storage, call)) is CallNotFound


async def test_the_current_hold_is_the_last_one_that_is_not_released() -> None:
    hold = Hold(reason="a", placed_at=NOW, placed_by=SYSTEM)
    released = Hold(
        reason="b", placed_at=NOW, placed_by=SYSTEM, released_at=NOW, released_by=SYSTEM
    )
    disposition = Disposition(call_connection_id="a-call", holds=[hold, released])
    assert disposition.hold is None
    disposition.holds = [released, hold]
    assert disposition.hold is hold


async def test_a_deleted_call_is_missing_with_the_time_and_the_deletion(clients: Clients) -> None:
    call = new_call_id()
    deletion = await begin_deletion(clients.storage, call, "call", SYSTEM, NOW)
    assert await is_deleted(clients.storage, call)
    missing = await missing_call(clients.storage, call)
    assert isinstance(missing, CallDeleted)
    assert missing.deletion_id == deletion.receipt.id
    assert NOW.isoformat() in str(missing)


async def test_of_a_hold_and_a_deletion_at_once_one_succeeds(clients: Clients) -> None:
    for _ in range(5):
        call = new_call_id()
        await create_record(clients, call)
        outcomes = await asyncio.gather(
            begin_deletion(clients.storage, call, "call", SYSTEM, NOW),
            place_hold(clients.storage, call, "a claim", SYSTEM, NOW),
            return_exceptions=True,
        )
        (error,) = (outcome for outcome in outcomes if isinstance(outcome, BaseException))
        assert isinstance(error, CallOnHold | CallDeleted)
        disposition = await read_disposition(clients.storage, call)
        assert (disposition.hold is None) == (disposition.deletion is not None)


async def test_a_disposition_that_changes_all_the_time_is_contended(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> bool:
        return False

    monkeypatch.setattr(clients.storage, "create", refuse)
    with pytest.raises(Contended):
        await change_disposition(clients.storage, new_call_id(), lambda _: True)
