"""The audit trail over HTTP."""

from __future__ import annotations

import base64
import uuid
from typing import Any

import pytest

from calls.audit import record_action
from calls.clients import Clients
from calls.http.audit_trail import read_audit
from calls.principals import SYSTEM, Principal
from tests.calls.handler_requests import decode_body, send_request

KEY = Principal(kind="key", id="Caller", name="Caller")


async def read(clients: Clients, **params: str) -> dict[str, Any]:
    """Read one page."""
    if "since" in params:
        params["from"] = params.pop("since")
    response = await send_request(clients, read_audit, params=params)
    page: dict[str, Any] = decode_body(response)
    assert response.status_code == 200, page
    return page


async def test_a_call_s_entries_in_pages(clients: Clients) -> None:
    call = uuid.uuid4().hex
    for number in range(5):
        await record_action(clients.storage, "erase", SYSTEM, call=call, details={"n": str(number)})
    numbers: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await read(clients, call=call, limit="2", **cursor)
        assert len(page["entries"]) <= 2
        numbers += [entry["details"]["n"] for entry in page["entries"]]
        if page["cursor"] is None:
            break
        cursor = {"cursor": page["cursor"]}
    assert numbers == ["0", "1", "2", "3", "4"]


async def test_entries_of_a_principal_and_of_a_time(clients: Clients) -> None:
    call = uuid.uuid4().hex
    for principal in (KEY, SYSTEM, KEY):
        await record_action(clients.storage, "place_call", principal, call=call)
    of_key = (await read(clients, call=call, principal="Caller"))["entries"]
    assert [entry["principal"]["id"] for entry in of_key] == ["Caller", "Caller"]
    first, last = of_key[0]["time"], of_key[1]["time"]
    assert len((await read(clients, call=call, since=first))["entries"]) == 3
    assert len((await read(clients, call=call, until=first))["entries"]) == 0
    between = (await read(clients, call=call, since=first, until=last))["entries"]
    assert [entry["principal"]["kind"] for entry in between] == ["key", "system"]


async def test_an_entry_has_every_member(clients: Clients) -> None:
    call = uuid.uuid4().hex
    await record_action(clients.storage, "erase", SYSTEM, call=call)
    (entry,) = (await read(clients, call=call))["entries"]
    assert entry.keys() == {
        *("id", "time", "action", "outcome", "principal", "request", "call", "address", "details")
    }
    assert (entry["request"], entry["address"], entry["details"]) == (None, None, {})


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"from": "yesterday"}, "from"),
        ({"until": "2026-11-26T09:30:00"}, "until"),
        ({"from": "1764149400"}, "from"),
        ({"limit": "0"}, "limit"),
        ({"limit": "1001"}, "limit"),
    ],
)
async def test_a_wrong_filter_is_refused(
    clients: Clients, params: dict[str, str], field: str
) -> None:
    response = await send_request(clients, read_audit, params=params)
    problem = decode_body(response)
    assert (response.status_code, problem["errors"][0]["field"]) == (400, field)


@pytest.mark.parametrize(
    "cursor", ["../calls/x:0", "2026-11-26/0000.jsonl:-1", "2026-11-26/0000.jsonl", "x"]
)
async def test_a_cursor_of_another_origin_is_refused(clients: Clients, cursor: str) -> None:
    encoded = base64.urlsafe_b64encode(cursor.encode()).decode()
    response = await send_request(clients, read_audit, params={"cursor": encoded})
    assert (response.status_code, decode_body(response)["code"]) == (400, "invalid_cursor")
