"""Legal holds win over every deletion."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from calls.clients import Clients
from calls.errors import CallDeleted, CallNotFound, CallOnHold, DeletionRunning
from calls.principals import SYSTEM
from calls.records.dispositions import read_disposition
from calls.retention.deletions import begin_deletion, list_unfinished
from calls.retention.holds import place_hold, release_hold
from calls.retention.model import Scope
from tests.calls.handler_requests import create_record
from tests.calls.retention.calls_to_delete import ADMIN
from tests.calls.sample_streams import new_call_id

NOW = datetime(2026, 11, 26, tzinfo=UTC)
LATER = NOW + timedelta(days=30)


@pytest.mark.parametrize("scope", ["call", "segments"])
async def test_a_call_on_hold_is_not_deleted(clients: Clients, scope: Scope) -> None:
    call = new_call_id()
    await create_record(clients, call)
    await place_hold(clients.storage, call, "a claim", ADMIN, NOW)
    before = await list_unfinished(clients.storage)
    with pytest.raises(CallOnHold, match=NOW.isoformat().replace("+", r"\+")):
        await begin_deletion(clients.storage, call, scope, ADMIN, LATER)
    assert await list_unfinished(clients.storage) == before
    await release_hold(clients.storage, call, SYSTEM, LATER)
    deletion = await begin_deletion(clients.storage, call, scope, ADMIN, LATER)
    assert deletion.receipt.scope == scope


async def test_who_held_a_call_and_why_is_kept(clients: Clients) -> None:
    call = new_call_id()
    await create_record(clients, call)
    first = await place_hold(clients.storage, call, "a claim", ADMIN, NOW)
    assert await place_hold(clients.storage, call, "a claim", SYSTEM, LATER) == first
    await place_hold(clients.storage, call, "another claim", SYSTEM, LATER)
    await release_hold(clients.storage, call, ADMIN, LATER)
    await release_hold(clients.storage, call, SYSTEM, LATER + timedelta(days=1))
    disposition = await read_disposition(clients.storage, call)
    assert disposition.hold is None
    assert [
        (hold.reason, hold.placed_by, hold.placed_at, hold.released_by, hold.released_at)
        for hold in disposition.holds
    ] == [("a claim", ADMIN, NOW, SYSTEM, LATER), ("another claim", SYSTEM, LATER, ADMIN, LATER)]


async def test_a_hold_comes_too_late_for_a_deletion_that_has_begun(clients: Clients) -> None:
    call = new_call_id()
    await create_record(clients, call)
    await begin_deletion(clients.storage, call, "segments", ADMIN, NOW)
    with pytest.raises(DeletionRunning):
        await place_hold(clients.storage, call, "a claim", ADMIN, NOW)
    with pytest.raises(DeletionRunning):
        await begin_deletion(clients.storage, call, "segments", ADMIN, NOW)
    await begin_deletion(clients.storage, call, "call", ADMIN, NOW)
    with pytest.raises(CallDeleted):
        await place_hold(clients.storage, call, "a claim", ADMIN, NOW)


async def test_an_unknown_call_cannot_be_held(clients: Clients) -> None:
    with pytest.raises(CallNotFound):
        await place_hold(clients.storage, new_call_id(), "a claim", ADMIN, NOW)
    with pytest.raises(CallNotFound):
        await release_hold(clients.storage, new_call_id(), ADMIN, NOW)
