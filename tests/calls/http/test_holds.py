"""Legal holds over HTTP."""

from __future__ import annotations

import pytest

from calls.clients import Clients
from calls.http.call_details import show_call
from calls.http.holds import place_hold, release_hold
from tests.calls.handler_requests import create_record, decode_body, send_request
from tests.calls.sample_streams import new_call_id


async def test_a_hold_is_placed_shown_and_released(clients: Clients) -> None:
    call = new_call_id()
    await create_record(clients, call)
    assert decode_body(await send_request(clients, show_call, id=call))["hold"] is None
    body = b'{"reason": "Claim 118"}'
    response = await send_request(clients, place_hold, "PUT", body=body, id=call)
    assert response.status_code == 200
    hold = decode_body(response)
    assert hold.keys() == {"reason", "placed_at", "placed_by"}
    assert (hold["reason"], hold["placed_by"]["kind"]) == ("Claim 118", "key")
    assert decode_body(await send_request(clients, show_call, id=call))["hold"] == hold
    again = await send_request(clients, place_hold, "PUT", body=body, id=call)
    assert decode_body(again) == hold
    for _ in range(2):
        response = await send_request(clients, release_hold, "DELETE", id=call)
        assert (response.status_code, response.get_body()) == (204, b"")
    assert decode_body(await send_request(clients, show_call, id=call))["hold"] is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"reason": ""}',
        b'{"reason": "  "}',
        b'{"reason": "a\\nb"}',
        b'{"reason": 1}',
        b'{"reason": "%s"}' % (b"x" * 501),
        b'{"reason": "a", "days": 1}',
    ],
)
async def test_a_hold_needs_a_reason(clients: Clients, body: bytes) -> None:
    call = new_call_id()
    await create_record(clients, call)
    response = await send_request(clients, place_hold, "PUT", body=body, id=call)
    assert (response.status_code, decode_body(response)["code"]) == (400, "invalid_request")


async def test_an_unknown_call_has_no_hold(clients: Clients) -> None:
    body = b'{"reason": "Claim 118"}'
    for handler in (place_hold, release_hold):
        response = await send_request(clients, handler, body=body, id=new_call_id())
        assert response.status_code == 404
