"""Deliveries that have failed, over HTTP: listed in pages, and sent again once."""

from __future__ import annotations

import pytest

from calls.clients import DELIVERY_QUEUE, Clients
from calls.events.dead_letters import write_letter
from calls.http import deliveries
from tests.calls.events.test_dead_letters import NOW, message_of
from tests.calls.handler_requests import decode_body, send_request
from tests.calls.sample_streams import new_call_id
from tests.calls.sent import Sent


async def test_a_dead_letter_is_listed_and_sent_again(clients: Clients) -> None:
    sent = clients._queues[DELIVERY_QUEUE] = Sent()  # type: ignore[assignment]
    call = new_call_id()
    message = message_of(call, endpoint="call", url="https://a.example/hidden", attempts=20)
    letter = await write_letter(clients.storage, message, "status 500", NOW)
    params = {"state": "dead", "limit": "1000"}
    response = await send_request(clients, deliveries.list_deliveries, params=params)
    assert "hidden" not in response.get_body().decode()
    listed = [d for d in decode_body(response)["deliveries"] if d["call_connection_id"] == call]
    assert [
        {key: d[key] for key in ("id", "state", "endpoint", "attempts", "error")} for d in listed
    ] == [
        {
            "id": letter.id,
            "state": "dead",
            "endpoint": "call",
            "attempts": 20,
            "error": "status 500",
        }
    ]
    retried = await send_request(clients, deliveries.retry_delivery, "POST", id=letter.id)
    assert (retried.status_code, decode_body(retried)) == (202, listed[0])
    assert len(sent.bodies) == 1
    again = await send_request(clients, deliveries.retry_delivery, "POST", id=letter.id)
    assert (again.status_code, decode_body(again)["code"]) == (404, "delivery_not_found")


async def test_pages_follow_each_other(clients: Clients) -> None:
    call = new_call_id()
    for endpoint in ("a", "b"):
        await write_letter(clients.storage, message_of(call, endpoint=endpoint), "status 500", NOW)
    endpoints, cursor = set(), ""
    while True:
        params = {"limit": "1"} | ({"cursor": cursor} if cursor else {})
        page = decode_body(await send_request(clients, deliveries.list_deliveries, params=params))
        assert len(page["deliveries"]) <= 1
        endpoints |= {d["endpoint"] for d in page["deliveries"] if d["call_connection_id"] == call}
        if (cursor := page["cursor"]) is None:
            break
    assert endpoints == {"a", "b"}


@pytest.mark.parametrize(
    "params", [{"state": "alive"}, {"limit": "0"}, {"cursor": "?"}, {"x": "1"}]
)
async def test_wrong_parameters(clients: Clients, params: dict[str, str]) -> None:
    response = await send_request(clients, deliveries.list_deliveries, params=params)
    assert response.status_code == 400
