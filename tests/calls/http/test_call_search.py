"""``q`` over HTTP: who may search, what the calls then have, and what is wrong with a query."""

from __future__ import annotations

import ipaddress
import uuid
from typing import Any
from urllib.parse import parse_qsl, urlencode

import azure.functions as func
import msgspec
import pytest

from calls.clients import Clients
from calls.function_keys import key_digest
from calls.http import audited
from calls.http.call_list import list_calls
from calls.http.respond import respond_with
from calls.search.engines import get_search
from calls.search.query import MAX_CHARACTERS
from tests.calls.handler_requests import decode_body
from tests.calls.search.said import say, write_transcript
from tests.calls.test_audit import entries_of

pytestmark = pytest.mark.usefixtures("own_storage")

CALLER_ID = "4:+15550000001"


@pytest.fixture(autouse=True)
def search_locally(clients: Clients) -> None:
    clients.settings = msgspec.structs.replace(clients.settings, search="local")


async def get(clients: Clients, headers: dict[str, str] | None = None, **query: Any) -> Any:
    text = urlencode(query, doseq=True)
    request = func.HttpRequest(
        "GET",
        f"http://127.0.0.1/api/v1/calls?{text}",
        headers=headers or {},
        params=dict(parse_qsl(text, keep_blank_values=True)),
        body=b"",
    )
    return await respond_with(list_calls, lambda: clients, request)


async def create(clients: Clients, name: str, number: int, *texts: str, **members: Any) -> str:
    search = get_search(clients)
    assert search is not None
    return await say(clients.storage, search, name, number, *texts, **members)


async def test_the_calls_have_what_matches(clients: Clients) -> None:
    first = await create(clients, "a", 0, "The invoice.", "Nothing.", "A refund of the invoice!")
    await create(clients, "b", 1, "Nothing.")
    response = await get(clients, q="REFUND inv*")
    (call,) = decode_body(response)["calls"]
    assert call["call_connection_id"] == first
    common = {"track": "p1", "participant": CALLER_ID, "name": None, "speaker": None}
    assert call["matches"] == [
        common | {"start_ms": 0, "end_ms": 900, "text": "The invoice.", "ranges": [[4, 11]]},
        common
        | {
            "start_ms": 2000,
            "end_ms": 2900,
            "text": "A refund of the invoice!",
            "ranges": [[2, 8], [16, 23]],
        },
    ]
    assert "matches" not in decode_body(await get(clients))["calls"][0]


async def test_pages_go_on_with_the_search(clients: Clients) -> None:
    for number in range(3):
        await create(clients, f"c{number}", number, "said", tags=["VIP"] if number else [])
    first = await get(clients, q="said", limit=1, tag="VIP")
    (call,) = decode_body(first)["calls"]
    assert call["call_connection_id"].startswith("c2-")
    assert first.headers["Link"].startswith("</api/v1/calls?tag=VIP&q=said&limit=1&cursor=")
    cursor = decode_body(first)["cursor"]
    second = decode_body(await get(clients, q="said", limit=1, tag="VIP", cursor=cursor))
    assert second["calls"][0]["call_connection_id"].startswith("c1-")
    assert second["cursor"] is None


async def test_a_transcript_that_has_just_changed_is_not_shown_as_it_was(
    clients: Clients,
) -> None:
    call = await create(clients, "a", 0, "before")
    assert len(decode_body(await get(clients, q="before"))["calls"]) == 1
    await write_transcript(clients.storage, call, "after")
    assert decode_body(await get(clients, q="before")) == {"calls": [], "cursor": None}


@pytest.mark.parametrize("q", ["", "  "])
async def test_a_blank_search_is_none(clients: Clients, q: str) -> None:
    await create(clients, "a", 0, "said")
    (call,) = decode_body(await get(clients, q=q))["calls"]
    assert "matches" not in call


@pytest.mark.parametrize("q", ["!!!", '"*"', "-- ;"])
async def test_a_search_without_words_finds_nothing(clients: Clients, q: str) -> None:
    await create(clients, "a", 0, "said")
    response = await get(clients, q=q)
    assert (response.status_code, decode_body(response)) == (200, {"calls": [], "cursor": None})


async def test_what_is_wrong_with_a_search(clients: Clients) -> None:
    response = await get(clients, q="a" * (MAX_CHARACTERS + 1))
    assert response.status_code == 400
    assert decode_body(response)["errors"] == [
        {"field": "q", "message": f"must have up to {MAX_CHARACTERS} characters"}
    ]
    clients.settings = msgspec.structs.replace(clients.settings, search="off")
    response = await get(clients, q="said")
    assert (response.status_code, decode_body(response)["code"]) == (409, "search_off")
    assert "SEARCH is off" in decode_body(response)["detail"]
    assert (await get(clients)).status_code == 200


async def test_only_who_may_read_transcripts_may_search_and_it_is_recorded(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audited, "_recent", type(audited._recent)())
    keys = {name: f"{name}-of-search" for name in ("Caller", "Listener", "Auditor", "Admin")}
    clients.settings = msgspec.structs.replace(
        clients.settings,
        function_keys=",".join(f"{name}={key_digest(key)}" for name, key in keys.items()),
    )
    statuses, address = {}, f"2001:db8::{uuid.uuid4().hex[:4]}"
    for name, key in keys.items():
        headers = {"x-functions-key": key, "x-forwarded-for": f"[{address}]:50000"}
        response = await get(clients, headers, q="secretword")
        statuses[name] = response.status_code
        assert (await get(clients, headers)).status_code == 200
    assert statuses == {"Caller": 403, "Listener": 200, "Auditor": 403, "Admin": 200}
    address = str(ipaddress.ip_address(address))
    entries = [e for e in await entries_of(clients.storage, None) if e.address == address]
    assert [(e.principal.name, e.action, e.outcome, e.details["status"]) for e in entries] == [
        ("Caller", "search_calls", "refused", "403"),
        ("Listener", "search_calls", "done", "200"),
        ("Auditor", "search_calls", "refused", "403"),
        ("Admin", "search_calls", "done", "200"),
    ]
    assert b"secretword" not in msgspec.json.encode(entries)
