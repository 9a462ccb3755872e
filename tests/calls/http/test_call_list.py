"""The list of calls over HTTP: filters, orders, pages, and what is wrong with a query."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

import azure.functions as func
import msgspec
import pytest

from calls.clients import Clients
from calls.http.call_list import list_calls
from calls.http.documents import Call, show_record
from calls.http.respond import respond_with
from calls.records.model import CallRecord
from calls.records.store import change_record, read_record
from tests.calls.handler_requests import decode_body
from tests.calls.sample_streams import new_call_id

BEGUN_AT = datetime(2026, 11, 26, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("own_storage")


async def get(clients: Clients, query: str) -> func.HttpResponse:
    """Send a query as the host does: as it is in the URL, and with the last of each parameter."""
    request = func.HttpRequest(
        "GET",
        f"http://127.0.0.1/api/v1/calls?{query}",
        params=dict(parse_qsl(query, keep_blank_values=True)),
        body=b"",
    )
    return await respond_with(list_calls, lambda: clients, request)


async def listed(clients: Clients, **parameters: Any) -> list[str]:
    response = await get(clients, urlencode(parameters, doseq=True))
    assert response.status_code == 200, response.get_body()
    return [call["call_connection_id"] for call in decode_body(response)["calls"]]


async def create(clients: Clients, seconds: int, **members: Any) -> str:
    """Create a call; ``seconds`` is when it began."""

    def apply(record: CallRecord) -> bool:
        for name, value in members.items():
            setattr(record, name, value)
        return True

    call = new_call_id()
    created_at = BEGUN_AT + timedelta(seconds=seconds)
    await change_record(clients.storage, call, apply, create_at=created_at)
    return call


async def test_the_list_in_pages(clients: Clients) -> None:
    tag = new_call_id()
    created = [await create(clients, number, tags=[tag, "a b&c"]) for number in range(3)]
    await create(clients, 5, tags=[tag])
    first = await get(clients, f"limit=2&tag={tag}&tag=a+b%26c")
    page = decode_body(first)
    assert [call["call_connection_id"] for call in page["calls"]] == created[:0:-1]
    assert not {"events", "requests", "revision"} & set(page["calls"][0])
    record = await read_record(clients.storage, created[2])
    assert page["calls"][0] == msgspec.to_builtins(show_record(Call, record))
    link, _, relation = first.headers["Link"].partition(">")
    assert relation == '; rel="next"'
    assert link.startswith(f"</api/v1/calls?tag={tag}&tag=a+b%26c&limit=2&cursor=")
    second = decode_body(await get(clients, link.partition("?")[2]))
    assert [call["call_connection_id"] for call in second["calls"]] == created[:1]
    assert second["cursor"] is None


async def test_each_filter_selects(clients: Clients) -> None:
    tag = new_call_id()
    begun = BEGUN_AT + timedelta(seconds=100)
    one = await create(
        clients,
        100,
        tags=[tag, "x"],
        state="disconnected",
        result_state="final",
        direction="incoming",
        participants=["4:+15551230000"],
        names={"4:+15551230000": "Robin Ray"},
        connected_at=begun,
        ended_at=begun + timedelta(seconds=60),
    )
    other = await create(clients, 200, tags=[tag], direction="outgoing", to="8:acs:a_b")
    for parameters in (
        {"state": "disconnected"},
        {"result_state": "final"},
        {"direction": "incoming"},
        {"participant": "+15551230000"},
        {"participant": "4:+15551230000"},
        {"participant": "ROBIN ray"},
        {"until": "2026-11-26T00:03:20Z"},
        {"tag": [tag, "x"]},
        {"min_duration": 60},
    ):
        assert await listed(clients, **{"tag": tag} | parameters) == [one], parameters
    for parameters in (
        {"state": "connecting"},
        {"participant": "8:acs:a_b"},
        {"from": "2026-11-26T01:03:20+01:00"},
    ):
        assert await listed(clients, tag=tag, **parameters) == [other], parameters
    assert await listed(clients, tag=tag, min_duration=61) == []
    for sort, expected in (
        ("created_at", [one, other]),
        ("-created_at", [other, one]),
        ("duration", [one, other]),
        ("-duration", [one, other]),
    ):
        assert await listed(clients, tag=tag, sort=sort) == expected


@pytest.mark.parametrize(
    ("query", "message"),
    [
        *(
            (f"limit={limit}", "must be a number from 1 to 100")
            for limit in ("0", "101", "-1", "x", "1.5", "9" * 50)
        ),
        ("state=ended", "must be connecting, connected, disconnected or failed"),
        ("result_state=x", "must be none, recording, processing, final or partial"),
        ("direction=in", "must be outgoing or incoming"),
        ("sort=to", "must be -created_at, created_at, -duration or duration"),
        ("participant=", "must be a phone number, raw id or name of 1 to 256 characters"),
        ("participant=a%0Ab", "must be a phone number, raw id or name of 1 to 256 characters"),
        ("tag=", "must be up to 20 tags of 1 to 64 characters"),
        ("tag=a&tag=%20b", "must be up to 20 tags of 1 to 64 characters"),
        ("&".join(f"tag={n}" for n in range(21)), "must be up to 20 tags of 1 to 64 characters"),
        ("min_duration=1.5", "must be a number from 0 to 999999"),
        ("min_duration=-1", "must be a number from 0 to 999999"),
        ("from=yesterday", "must be a time with an offset (RFC 3339), such as"),
        ("until=2026-11-26T09:30:00", "must be a time with an offset (RFC 3339), such as"),
    ],
)
async def test_a_wrong_parameter(clients: Clients, query: str, message: str) -> None:
    response = await get(clients, query)
    assert response.status_code == 400
    (error,) = decode_body(response)["errors"]
    assert error["field"] == query.partition("=")[0]
    assert error["message"].startswith(message)


@pytest.mark.parametrize(
    ("cursor", "sort"),
    [
        ("x", "-created_at"),
        ("%FF", "-created_at"),
        ("Li4vLi4=", "-created_at"),
        # duration:1:a-call
        ("ZHVyYXRpb246MTphLWNhbGw=", "-created_at"),
        # duration:9223372036854775808:a
        ("ZHVyYXRpb246OTIyMzM3MjAzNjg1NDc3NTgwODph", "duration"),
    ],
)
async def test_a_cursor_that_the_app_did_not_return(
    clients: Clients, cursor: str, sort: str
) -> None:
    response = await get(clients, f"cursor={cursor}&sort={sort}")
    assert (response.status_code, decode_body(response)["code"]) == (400, "invalid_cursor")
    assert decode_body(response)["detail"] == "cursor: not one that this app returned"


async def test_a_list_that_has_not_changed_is_not_sent_again(clients: Clients) -> None:
    tag = new_call_id()
    await create(clients, 0, tags=[tag])
    first = await get(clients, f"tag={tag}")
    request = func.HttpRequest(
        "GET",
        f"http://127.0.0.1/api/v1/calls?tag={tag}",
        params={"tag": tag},
        headers={"If-None-Match": first.headers["ETag"]},
        body=b"",
    )
    second = await respond_with(list_calls, lambda: clients, request)
    assert (second.status_code, second.get_body()) == (304, b"")
