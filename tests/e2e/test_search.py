"""Searching, and the list as CSV, over HTTP: what another process has written is found at once."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import pytest
from azure.storage.blob.aio import BlobServiceClient

from calls.records.model import CallRecord
from calls.records.store import change_record
from calls.search.transcripts import digest_of
from calls.search.words import join_utterances
from calls.storage import Storage
from local.client import AppClient
from local.up import Up
from tests.calls.sample_streams import new_call_id
from tests.calls.search.said import write_transcript

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def say(up: Up, tag: str, *texts: str) -> str:
    """Write a call in which something was said; return its id."""
    call = new_call_id()

    def apply(record: CallRecord) -> bool:
        record.state, record.tags = "disconnected", [tag]
        record.transcript_digest = digest_of(join_utterances(texts))
        return True

    connection = up.addresses.storage_connection_string
    async with BlobServiceClient.from_connection_string(connection) as service:
        storage = Storage(service)
        await write_transcript(storage, call, *texts)
        await change_record(storage, call, apply, create_at=datetime.now(UTC))
    return call


async def test_what_was_said_is_found_and_deleted(app: AppClient, up: Up) -> None:
    tag = new_call_id()
    first = await say(up, tag, "Guten Tag.", "Die Überweisung an die Hauptstraße.")
    second = await say(up, tag, "昨日の請求書をお願いします。")

    async def find(query: str) -> dict[str, list[str]]:
        status, page, _ = await app.request("GET", f"/api/v1/calls?tag={tag}&q={query}")
        assert status == 200, page
        return {
            call["call_connection_id"]: [
                match["text"][start:end]
                for match in call["matches"]
                for start, end in match["ranges"]
            ]
            for call in page["calls"]
        }

    assert await find("hauptstrasse%20guten") == {first: ["Guten", "Hauptstraße"]}
    assert await find("%22die%20uber*%22") == {first: ["Die Überweisung"]}
    assert await find("請求書") == {second: ["請求書"]}
    assert await find("AND%20(") == {}
    status, _, headers = await app.request("GET", f"/api/v1/calls.csv?tag={tag}&q=%C3%BCber*")
    assert (status, headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert (await app.request("DELETE", f"/api/v1/calls/{first}"))[0] == 202
    assert await find("guten") == {}, "from then on"


async def test_a_csv_page_leads_to_the_next_one(app: AppClient, up: Up) -> None:
    tag = new_call_id()
    calls = [await say(up, tag, "said") for _ in range(3)]
    assert app._session is not None
    path, rows = f"/api/v1/calls.csv?tag={tag}&sort=created_at&limit=2", []
    while path:
        async with app._session.get(path) as response:
            content = (await response.read()).decode("utf-8-sig")
            path = response.headers.get("Link", "").partition(">")[0].removeprefix("<")
        rows += list(csv.DictReader(io.StringIO(content, newline="")))
    assert [row["call_connection_id"] for row in rows] == calls
