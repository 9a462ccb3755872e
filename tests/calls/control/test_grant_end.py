"""A grant ends with its call, in whatever order the call's events arrive."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta

import azure.functions as func
import pytest

from acs.events import ANSWER_FAILED, CALL_CONNECTED, CALL_DISCONNECTED, PARTICIPANTS_UPDATED
from calls.clients import Clients
from calls.control.grants import bind_grant, create_grant, end_grants, note_grant, withdraw_grant
from calls.http.callbacks import receive_callbacks
from contract import names
from contract.grants import StreamGrant, decode_grant
from tests.calls.stream_uploader import send_nothing

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


async def read_grant(clients: Clients, token: str) -> StreamGrant:
    document = await clients.storage.read(names.GRANTS, names.grant_blob(token))
    assert document is not None
    return decode_grant(document.content)


async def place(clients: Clients) -> tuple[str, str]:
    """Create and bind the grant of a new call. Returns the call and the token."""
    call = str(uuid.uuid4())
    token = await create_grant(clients.storage, NOW, 24_000)
    await note_grant(clients.storage, token, call)
    await bind_grant(clients.storage, token, call, "correlation")
    return call, token


async def post(clients: Clients, call: str, kind: str) -> None:
    event = {
        "id": str(uuid.uuid4()),
        "type": kind,
        "time": NOW.isoformat(),
        "source": f"calling/callConnections/{call}",
        "data": {"callConnectionId": call, "correlationId": "correlation"},
    }
    request = func.HttpRequest("POST", "/api/v1/callbacks", body=json.dumps([event]).encode())
    assert (await receive_callbacks(clients, request, send=send_nothing)).status_code == 200


async def test_a_grant_knows_the_sample_rate_of_its_call(clients: Clients) -> None:
    _, token = await place(clients)
    grant = await read_grant(clients, token)
    assert (grant.sample_rate, grant.ended_at) == (24_000, None)


@pytest.mark.parametrize(
    ("kind", "ends"),
    [
        (CALL_CONNECTED, False),
        (PARTICIPANTS_UPDATED, False),
        (CALL_DISCONNECTED, True),
        (ANSWER_FAILED, True),
    ],
)
async def test_the_event_that_ends_a_call_ends_its_grant(
    clients: Clients, kind: str, ends: bool
) -> None:
    call, token = await place(clients)
    begun = datetime.now(UTC)
    await post(clients, call, kind)
    grant = await read_grant(clients, token)
    assert grant.call_connection_id == call
    if ends:
        assert grant.ended_at is not None
        assert begun <= grant.ended_at <= datetime.now(UTC)
    else:
        assert grant.ended_at is None


async def test_a_grant_ends_once(clients: Clients) -> None:
    call, token = await place(clients)
    await end_grants(clients.storage, call, NOW)
    await end_grants(clients.storage, call, NOW + timedelta(hours=1))
    await bind_grant(clients.storage, token, call, None)
    assert (await read_grant(clients, token)).ended_at == NOW


async def test_a_call_without_a_grant_ends_all_the_same(clients: Clients) -> None:
    await post(clients, str(uuid.uuid4()), CALL_DISCONNECTED)
    call = str(uuid.uuid4())
    token = await create_grant(clients.storage, NOW)
    await note_grant(clients.storage, token, call)
    await withdraw_grant(clients.storage, token)
    await post(clients, call, CALL_DISCONNECTED)


async def test_all_grants_of_a_call_end(clients: Clients) -> None:
    """The streamer has bound the first one; the app knows only the one of its second request."""
    call, second = await place(clients)
    first = await create_grant(clients.storage, NOW)
    await note_grant(clients.storage, first, call)
    other, third = await place(clients)
    await end_grants(clients.storage, call, NOW)
    for token, ended_at in ((first, NOW), (second, NOW), (third, None)):
        assert (await read_grant(clients, token)).ended_at == ended_at
    notes = await clients.storage.blob_names(names.GRANTS, names.grant_notes(other))
    assert notes == [names.grant_note(other, names.grant_blob(third))]
    assert third not in notes[0]
