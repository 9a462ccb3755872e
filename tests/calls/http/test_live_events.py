"""Following a call over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from calls.clients import Clients
from calls.events.places import Places
from calls.http import live_events
from tests.calls.call_events import record_events
from tests.calls.handler_requests import create_record, decode_body, send_request
from tests.calls.sample_streams import new_call_id

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


async def test_the_events_of_a_call_follow_each_other_by_their_cursor(clients: Clients) -> None:
    call = new_call_id()
    await create_record(clients, call)
    await record_events(clients.storage, call, NOW, "CallConnected")
    response = await send_request(clients, live_events.list_events, id=call, params={"wait_s": "9"})
    document = decode_body(response)
    (event,) = document["events"]
    assert (event["type"], event["subject"], document["call_changed"]) == (
        "call.connected",
        call,
        True,
    )
    after = {"after": document["cursor"]}
    response = await send_request(clients, live_events.list_events, id=call, params=after)
    assert decode_body(response) == {
        "events": [],
        "call_changed": False,
        "cursor": document["cursor"],
    }
    assert "Retry-After" not in response.headers


async def test_a_request_that_may_not_wait_says_when_to_try_again(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners: list[object] = []

    def take(_: Places, owner: object) -> None:
        owners.append(owner)

    monkeypatch.setattr(Places, "take", take)
    call = new_call_id()
    await create_record(clients, call)
    response = await send_request(clients, live_events.list_events, id=call)
    params = {"after": decode_body(response)["cursor"], "wait_s": "25"}
    for key in ("one", "another"):
        response = await send_request(
            clients,
            live_events.list_events,
            id=call,
            params=params,
            headers={"x-functions-key": key},
        )
        assert (response.status_code, response.headers["Retry-After"]) == (200, "2")
    assert len(set(owners)) == 2, "each key has a share of its own"


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"wait_s": "26"}, "invalid_request"),
        ({"wait_s": "-1"}, "invalid_request"),
        ({"after": "x"}, "invalid_cursor"),
        ({"since": "x"}, "invalid_request"),
    ],
)
async def test_wrong_parameters(clients: Clients, params: dict[str, str], code: str) -> None:
    call = new_call_id()
    await create_record(clients, call)
    response = await send_request(clients, live_events.list_events, id=call, params=params)
    assert (response.status_code, decode_body(response)["code"]) == (400, code)


async def test_no_such_call(clients: Clients) -> None:
    response = await send_request(clients, live_events.list_events, id=new_call_id())
    assert response.status_code == 404
