"""Both engines find the same calls; and how the local one gets to know what was said."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from calls.errors import SearchNotReady
from calls.index.call_index import CallIndex
from calls.index.rows import microseconds
from calls.records.change_log import log_deletion
from calls.records.model import CallRecord
from calls.records.store import change_record, read_record
from calls.search import local_search, transcripts
from calls.search.engine import SearchEngine
from calls.search.local_search import LocalSearch, to_fts5
from calls.search.query import parse_query
from calls.search.transcripts import digest_of
from calls.storage import Storage
from tests.calls.search.said import BEGUN_AT, find, say, write_transcript


def test_a_search_in_fts5_s_syntax() -> None:
    query = parse_query('Invoice "credit ca*" 請求 AND NEAR(x')
    assert to_fts5(query) == '"invoice" AND "credit ca"* AND "請 求" AND "and" AND "near x"'


FOUND: dict[str, list[str]] = {
    "invoice": ["english"],
    "INVOICE refund": ["english"],
    "refund invoice": ["english"],
    "invoice elephant": [],
    '"the invoice"': ["english"],
    '"invoice the"': [],
    '"invoice please"': [],
    "inv*": ["english"],
    "nv*": [],
    "rechnung": ["german"],
    "uberweisung": ["german"],
    "Überweisung": ["german"],
    "ÜBERWEIS*": ["german"],
    "strasse": ["german"],
    "deja": ["french"],
    "déjà cœur": ["french"],
    "l'hôpital": ["french"],
    "hopital": ["french"],
    "請求書": ["japanese"],
    "求書": ["japanese"],
    "請書": [],
    "カード": ["japanese"],
    "card": [],
    "e": [],
    "di*": ["german"],
    "die OR the": [],
    '") OR ("': [],
    "text:invoice": [],
}


async def test_what_is_found(own_storage: Storage, engine: SearchEngine) -> None:
    said = {
        "english": ("Where is the invoice?", "Please, a refund!"),
        "german": ("Die Rechnung, bitte.", "Überweisung an die Hauptstraße, Straße drei."),
        "french": ("C'est déjà payé.", "À l\u2019hôpital, du fond du cœur."),
        "japanese": ("昨日の請求書をお願いします。", "クレジットカードで払います。"),
    }
    for number, (name, texts) in enumerate(said.items()):
        await say(own_storage, engine, name, number, *texts)
    assert {query: await find(engine, query) for query in FOUND} == FOUND


async def test_pages_filters_and_orders(own_storage: Storage, engine: SearchEngine) -> None:
    lengths = {"a": 5, "b": 1, "c": 9, "d": 3, "e": 7, "f": 2}
    for number, (name, seconds) in enumerate(lengths.items()):
        begun_at = BEGUN_AT + timedelta(minutes=number)
        await say(
            own_storage,
            engine,
            name,
            number,
            "everyone said this" if name != "f" else "nothing",
            ended_at=begun_at + timedelta(seconds=seconds),
            tags=["VIP"] if name in "aceb" else [],
        )
    for limit in (1, 2, 3, 100):
        assert await find(engine, "everyone", limit) == ["e", "d", "c", "b", "a"]
        assert await find(engine, "said", limit, sort="created_at") == ["a", "b", "c", "d", "e"]
        assert await find(engine, "said", limit, sort="-duration") == ["c", "e", "a", "d", "b"]
        assert await find(engine, "said", limit, sort="duration") == ["b", "d", "a", "e", "c"]
        assert await find(engine, "every*", limit, tags=("VIP",)) == ["e", "c", "b", "a"]
        assert await find(engine, "said", limit, tags=("VIP",), min_duration=6000) == ["e", "c"]
    moments = [microseconds(BEGUN_AT + timedelta(minutes=number)) for number in range(6)]
    between = {"begun_from": moments[1], "begun_until": moments[3]}
    assert await find(engine, "said", **between) == ["c", "b"]
    assert await find(engine, "said", 1, **between, sort="created_at") == ["b", "c"]


async def test_calls_of_one_moment_are_on_one_page_each(
    own_storage: Storage, engine: SearchEngine
) -> None:
    for name in "cabd":
        await say(own_storage, engine, name, 0, "at once")
    assert await find(engine, "once", 1) == ["d", "c", "b", "a"]
    assert await find(engine, "once", 1, sort="created_at") == ["a", "b", "c", "d"]


def setting(digest: str | None) -> object:
    def apply(record: CallRecord) -> bool:
        record.transcript_digest = digest
        return True

    return apply


async def test_a_transcript_that_is_made_again_is_read_again(
    own_storage: Storage, index: CallIndex
) -> None:
    search = LocalSearch(index)
    call = await say(own_storage, search, "a", 0, "before")
    assert await find(search, "before") == ["a"]
    await write_transcript(own_storage, call, "after")
    assert await find(search, "after") == [], "its record does not say so yet"
    await change_record(own_storage, call, setting(digest_of("after")))  # type: ignore[arg-type]
    assert await find(search, "after") == ["a"]
    assert await find(search, "before") == []
    await change_record(own_storage, call, setting(None))  # type: ignore[arg-type]
    assert await find(search, "after") == [], "it was erased"
    await search.close()


async def test_a_deleted_call_is_not_found(own_storage: Storage, index: CallIndex) -> None:
    search = LocalSearch(index)
    call = await say(own_storage, search, "a", 0, "said")
    assert await find(search, "said") == ["a"]
    await log_deletion(own_storage, call)
    assert await find(search, "said") == []
    assert await index.read(lambda model: model.texts.count()) == 0


async def test_a_transcript_that_is_not_complete_has_no_words(
    own_storage: Storage, index: CallIndex
) -> None:
    search = LocalSearch(index)
    call = await say(own_storage, search, "a", 0, "said")
    await write_transcript(own_storage, call, "said", state="pending")
    await say(own_storage, search, "b", 1, "said")
    assert await find(search, "said") == ["b"]
    assert await index.read(lambda model: model.texts.due(9)) == [], "it is not read twice"
    assert (await read_record(own_storage, call)).transcript_digest is not None


async def test_who_searches_while_many_transcripts_are_read_is_told_how_many(
    own_storage: Storage, index: CallIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = LocalSearch(index)
    await say(own_storage, search, "a", 0, "said")
    await say(own_storage, search, "b", 1, "said")
    go_on = asyncio.Event()

    async def wait_and_read(*arguments: object) -> object:
        await go_on.wait()
        return await transcripts.read_utterances(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(local_search, "read_utterances", wait_and_read)
    monkeypatch.setattr(local_search, "WAIT_SECONDS", 0.01)
    with pytest.raises(SearchNotReady, match="0 of 2 transcripts"):
        await find(search, "said")
    monkeypatch.setattr(local_search, "WAIT_SECONDS", 60.0)
    waiting = [asyncio.create_task(find(search, "said")) for _ in range(3)]
    go_on.set()
    assert await asyncio.gather(*waiting) == [["b", "a"]] * 3
    await search.close()
