"""Stream grants in Blob Storage: created, bound to their call, and withdrawn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from calls.clients import Clients
from calls.control.grants import bind_grant, create_grant, withdraw_grant
from calls.storage import Storage
from contract import names
from contract.grants import LIFETIME, StreamGrant, decode_grant

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


async def read_grant(storage: Storage, token: str) -> StreamGrant | None:
    document = await storage.read(names.GRANTS, names.grant_blob(token))
    return decode_grant(document.content) if document else None


async def test_a_new_grant_belongs_to_no_call_and_names_no_token(clients: Clients) -> None:
    token = await create_grant(clients.storage, NOW)
    grant = await read_grant(clients.storage, token)
    assert grant == StreamGrant(created_at=NOW, expires_at=NOW + LIFETIME)
    assert token not in names.grant_blob(token)
    document = await clients.storage.read(names.GRANTS, names.grant_blob(token))
    assert document is not None
    assert token.encode() not in document.content


async def test_two_grants_have_different_tokens(clients: Clients) -> None:
    assert await create_grant(clients.storage, NOW) != await create_grant(clients.storage, NOW)


@pytest.mark.parametrize("correlation_id", ["correlation", None])
async def test_a_grant_is_bound_once(clients: Clients, correlation_id: str | None) -> None:
    token = await create_grant(clients.storage, NOW)
    await bind_grant(clients.storage, token, "call", correlation_id)
    properties = await clients.storage.properties(names.GRANTS, names.grant_blob(token))
    grant = await read_grant(clients.storage, token)
    assert grant is not None
    assert (grant.call_connection_id, grant.correlation_id) == ("call", correlation_id)
    assert grant.expires_at == NOW + LIFETIME
    await bind_grant(clients.storage, token, "call", correlation_id)
    again = await clients.storage.properties(names.GRANTS, names.grant_blob(token))
    assert properties is not None
    assert again is not None
    assert again.etag == properties.etag, "the second time wrote nothing"


async def test_a_missing_correlation_id_keeps_the_one_that_the_socket_brought(
    clients: Clients,
) -> None:
    token = await create_grant(clients.storage, NOW)
    await bind_grant(clients.storage, token, "call", "correlation")
    await bind_grant(clients.storage, token, "call", None)
    grant = await read_grant(clients.storage, token)
    assert grant is not None
    assert grant.correlation_id == "correlation"


@pytest.mark.parametrize(
    ("call", "correlation_id", "log_event"),
    [
        ("other", "correlation", "grant_bound_to_other_call call=other"),
        ("call", "other", "grant_bound_to_other_correlation_id call=call"),
    ],
)
async def test_a_grant_of_another_call_stays_and_is_logged(
    clients: Clients,
    caplog: pytest.LogCaptureFixture,
    call: str,
    correlation_id: str,
    log_event: str,
) -> None:
    token = await create_grant(clients.storage, NOW)
    await bind_grant(clients.storage, token, "call", "correlation")
    await bind_grant(clients.storage, token, call, correlation_id)
    grant = await read_grant(clients.storage, token)
    assert grant is not None
    assert (grant.call_connection_id, grant.correlation_id) == ("call", "correlation")
    ours = [record.message for record in caplog.records if record.name == "calls.control.grants"]
    assert ours == [log_event]
    assert token not in caplog.text


async def test_an_unbound_grant_is_withdrawn(clients: Clients) -> None:
    token = await create_grant(clients.storage, NOW)
    await withdraw_grant(clients.storage, token)
    assert await read_grant(clients.storage, token) is None
    await withdraw_grant(clients.storage, token)


async def test_a_bound_grant_is_not_withdrawn(clients: Clients) -> None:
    token = await create_grant(clients.storage, datetime.now(UTC) - timedelta(seconds=1))
    await bind_grant(clients.storage, token, "call", "correlation")
    await withdraw_grant(clients.storage, token)
    assert await read_grant(clients.storage, token) is not None
