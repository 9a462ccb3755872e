"""Calls in which something was said: their records and transcripts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from calls import blobs
from calls.index.selection import Cursor, Selection
from calls.records.model import CallRecord
from calls.records.store import change_record, decode_record
from calls.search.engine import SearchEngine
from calls.search.query import parse_query
from calls.search.transcripts import digest_of
from calls.search.words import join_utterances
from calls.storage import Storage
from tests.calls.sample_streams import new_call_id

BEGUN_AT = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)


async def write_transcript(
    storage: Storage, call: str, *texts: str, state: str = "complete"
) -> None:
    """Write a call's transcript: one utterance a second."""
    utterances = [
        {
            "track": "p1",
            "participant": "4:+15550000001",
            "start_ms": number * 1000,
            "end_ms": number * 1000 + 900,
            "text": text,
            "words": [],
        }
        for number, text in enumerate(texts)
    ]
    transcript = {"schema": 1, "state": state, "utterances": utterances}
    content = msgspec.json.encode(transcript)
    await storage.put(blobs.RESULTS, blobs.transcript_blob(call), content)


async def say(
    storage: Storage, engine: SearchEngine, name: str, number: int, *texts: str, **members: Any
) -> str:
    """Create an ended call in which something was said, as the app does; return its id.

    Each number's call begins a minute after the one before it, and is so many seconds long. The id
    begins with the name: all tests share the container of transcripts.
    """
    call, begun_at = f"{name}-{new_call_id()}", BEGUN_AT + timedelta(minutes=number)
    await write_transcript(storage, call, *texts)
    words = join_utterances(texts)

    def apply(record: CallRecord) -> bool:
        record.state = "disconnected"
        record.connected_at = begun_at
        record.ended_at = begun_at + timedelta(seconds=number)
        record.transcript_digest = digest_of(words)
        for member, value in members.items():
            setattr(record, member, value)
        return True

    record = await change_record(storage, call, apply, create_at=begun_at)
    await engine.store(record, words)
    return call


async def find(engine: SearchEngine, query: str, limit: int = 100, **selection: Any) -> list[str]:
    """The names of the calls on all pages of a search."""
    names: list[str] = []
    cursor: Cursor | None = None
    while True:
        page = await engine.page(Selection(**selection), parse_query(query), limit, cursor)
        calls = [decode_record(content).call_connection_id for content in page.contents]
        names += [call.partition("-")[0] for call in calls]
        cursor = page.cursor
        if cursor is None:
            return names
