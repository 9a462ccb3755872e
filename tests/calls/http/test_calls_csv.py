"""The list of calls as CSV: what Excel and scripts read, and where it goes on."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import azure.functions as func
import msgspec
import pytest

from calls.clients import Clients
from calls.function_keys import key_digest
from calls.http import calls_csv
from calls.http.calls_csv import COLUMNS, MAX_BYTES, MAX_ROWS, export_calls, format_row
from calls.http.respond import respond_with
from calls.records.model import CallRecord, Summary
from calls.search.engines import get_search
from tests.calls.http.test_call_list import BEGUN_AT, create
from tests.calls.search.said import say

pytestmark = pytest.mark.usefixtures("own_storage")


async def get(clients: Clients, query: str = "", key: str = "") -> func.HttpResponse:
    request = func.HttpRequest(
        "GET",
        f"http://127.0.0.1/api/v1/calls.csv?{query}",
        headers={"x-functions-key": key},
        params=dict(parse_qsl(query, keep_blank_values=True)),
        body=b"",
    )
    return await respond_with(export_calls, lambda: clients, request)


def parse(response: func.HttpResponse) -> list[dict[str, str]]:
    assert response.status_code == 200, response.get_body()
    text = response.get_body().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


async def read_pages(clients: Clients, query: str) -> list[list[dict[str, str]]]:
    """Read all pages, each from the ``Link`` of the one before it."""
    pages = []
    while True:
        response = await get(clients, query)
        pages.append(parse(response))
        link = response.headers.get("Link")
        if link is None:
            return pages
        target, _, relation = link.removeprefix("<").partition(">")
        assert relation == '; rel="next"'
        assert urlsplit(target).path == "/api/v1/calls.csv"
        query = urlsplit(target).query


def whole_record() -> CallRecord:
    return CallRecord(
        call_connection_id="a-call",
        created_at=BEGUN_AT,
        state="disconnected",
        direction="outgoing",
        to="+15551230000",
        from_="+15559990000",
        connected_at=BEGUN_AT + timedelta(seconds=2),
        ended_at=BEGUN_AT + timedelta(seconds=63, milliseconds=500),
        participants=["4:+15551230000", "8:acs:user"],
        names={"4:+15551230000": "Zoë"},
        tags=["=VIP", "sale"],
        notes='=HYPERLINK("http://evil")\nsecond, line',
        channels="unmixed",
        sample_rate=16_000,
        result_state="final",
        summary=Summary(
            streams=1,
            segments=2,
            missing_segments=0,
            audio_ms=120_000.0,
            speech_ms=30_000.0,
            speech_share=0.5,
            lost_ms=20.0,
            partial=False,
            duration_ms=61_500,
            overlap_ms=1_000,
            longest_silence_ms=2_500,
            interruptions=3,
        ),
    )


def test_a_row_of_a_call() -> None:
    assert dict(zip(COLUMNS, format_row(whole_record()), strict=True)) == {
        "call_connection_id": "a-call",
        "created_at_utc": "2026-11-26 00:00:00",
        "connected_at_utc": "2026-11-26 00:00:02",
        "ended_at_utc": "2026-11-26 00:01:03",
        "duration_s": "61.500",
        "state": "disconnected",
        "result_state": "final",
        "direction": "outgoing",
        "from": "tel:+15559990000",
        "to": "tel:+15551230000",
        "participants": "4:+15551230000; 8:acs:user",
        "names": "4:+15551230000=Zoë",
        "tags": "'=VIP; sale",
        "notes": '\'=HYPERLINK("http://evil") second, line',
        "channels": "unmixed",
        "sample_rate_hz": "16000",
        "recording_s": "61.500",
        "speech_share": "0.5",
        "overlap_s": "1.000",
        "longest_silence_s": "2.500",
        "interruptions": "3",
        "lost_audio_s": "0.020",
        "missing_segments": "0",
        "hung_up_reason": "",
    }


def test_a_row_of_a_call_of_which_little_is_known() -> None:
    cells = format_row(CallRecord(call_connection_id="a-call", created_at=BEGUN_AT))
    filled = {name for name, cell in zip(COLUMNS, cells, strict=True) if cell}
    assert filled == {"call_connection_id", "created_at_utc", "state", "result_state"}


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\uff1d"])
def test_no_cell_is_a_formula(start: str) -> None:
    evil = f"{start}cmd|' /C calc'!A0"
    record = msgspec.structs.replace(
        whole_record(),
        to=evil,
        from_=evil,
        participants=[evil],
        names={evil: evil},
        tags=[evil],
        notes=evil,
    )
    for cell in format_row(record):
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\uff1d")), cell


async def test_the_file(clients: Clients) -> None:
    call = await create(clients, 1, tags=['é, "quoted"'], to="+15551230000")
    response = await get(clients)
    body = response.get_body()
    assert body.startswith(b"\xef\xbb\xbfcall_connection_id,created_at_utc,")
    assert body.endswith(b"\r\n")
    assert (response.mimetype, response.charset) == ("text/csv", "utf-8")
    assert response.headers["Content-Disposition"] == 'attachment; filename="calls.csv"'
    assert "Link" not in response.headers
    (row,) = parse(response)
    assert (row["call_connection_id"], row["tags"]) == (call, 'é, "quoted"')
    assert row["to"] == "tel:+15551230000"


async def test_filters_orders_and_pages(clients: Clients) -> None:
    created = [await create(clients, n, tags=["VIP"] if n != 2 else []) for n in range(5)]
    pages = await read_pages(clients, "tag=VIP&sort=created_at&limit=2")
    ids = [[row["call_connection_id"] for row in page] for page in pages]
    assert ids == [[created[0], created[1]], [created[3], created[4]]]
    assert parse(await get(clients, "tag=nobody")) == []
    for query in ("limit=0", f"limit={MAX_ROWS + 1}", "states=failed", "cursor=x"):
        assert (await get(clients, query)).status_code == 400, query


async def test_a_response_has_4_mib_at_most(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MAX_BYTES == 4 * 1024 * 1024
    created = [await create(clients, n, notes="é" * 1000) for n in range(5)]
    monkeypatch.setattr(calls_csv, "MAX_BYTES", 5000)
    for sort in ("created_at", "-duration"):
        pages = await read_pages(clients, urlencode({"sort": sort}))
        assert [len(page) for page in pages] == [2, 2, 1]
        ids = [row["call_connection_id"] for page in pages for row in page]
        assert sorted(ids) == sorted(created)
        if sort == "created_at":
            assert ids == created


async def test_a_search(clients: Clients) -> None:
    clients.settings = msgspec.structs.replace(clients.settings, search="local")
    search: Any = get_search(clients)
    for number in range(3):
        await say(clients.storage, search, f"c{number}", number, "said" if number else "")
    pages = await read_pages(clients, "q=said&limit=1")
    ids = [[row["call_connection_id"][:2] for row in page] for page in pages]
    assert ids == [["c2"], ["c1"]]


async def test_who_may_list_calls_may_export_them_but_not_search(clients: Clients) -> None:
    names = ("Caller", "Listener", "Auditor")
    clients.settings = msgspec.structs.replace(
        clients.settings,
        search="local",
        function_keys=",".join(f"{name}={key_digest(name)}" for name in names),
    )
    for name in names:
        assert (await get(clients, key=name)).status_code == 200
        searched = await get(clients, "q=said", key=name)
        assert searched.status_code == (200 if name == "Listener" else 403)
