"""``python -m benchmarks.full_text``: how long a search in transcripts takes, with SQLite's FTS5.

The calls are made, and not waited for: they are in the index as its own timer writes them, and
their words go into the read model. Some of the transcripts are in Azurite, in memory: those that
are read to see how fast that is, and those on the pages that are read, which show what matches.

A time is that of the whole handler of ``GET /api/v1/calls``, with its requests to Azurite, without
the Functions host and the network. Words are drawn by Zipf's law, as in a language.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

import azure.functions as func
import msgspec

from calls import blobs
from calls.clients import Clients
from calls.http.call_list import list_calls
from calls.http.respond import respond_with
from calls.index.call_index import CallIndex, get_index
from calls.index.day_files import join_lines, write_day
from calls.index.rows import Row, day_of, microseconds, row_of
from calls.index.selection import Selection
from calls.index.texts import Text
from calls.records.change_log import Checkpoint
from calls.records.model import CallRecord
from calls.search.local_search import to_fts5
from calls.search.query import parse_query
from calls.search.transcripts import digest_of
from calls.search.words import join_utterances
from calls.settings import Settings
from calls.storage import Storage
from local.azurite import Azurite

WORDS_PER_CALL = 300
_WORDS_PER_UTTERANCE = 12
_TEXTS = 5000
"""So many different transcripts; the calls have them in turn."""

_VOCABULARY = 30_000
_BATCH = 5000
_AT_ONCE = 32
_BEGUN_AT = datetime(2026, 1, 1, tzinfo=UTC)
_MINUTES_APART = 5
_OK, _NOT_READY = 200, 503
_RARE = "xylophone"
_TAGGED = 100
"""Every so many calls have the rare tag, and every 5,000th the rare word."""


class Measurement(NamedTuple):
    """The times of one search in milliseconds, and how many calls were on its page.

    ``cpu_ms`` is the median of this process's CPU time: what it costs on a busy machine, too.
    """

    name: str
    calls: int
    p50_ms: float
    p95_ms: float
    cpu_ms: float


class Corpus:
    """What was said in each of many calls. The same for the same number."""

    def __init__(self) -> None:
        source = random.Random(16)
        letters = "abcdefghijklmnopqrstuvwxyz"
        self.words = ["".join(source.choices(letters, k=2 + n % 8)) for n in range(_VOCABULARY)]
        weights = list(itertools.accumulate(1 / rank for rank in range(1, _VOCABULARY + 1)))
        self._texts = [
            [
                " ".join(source.choices(self.words, cum_weights=weights, k=_WORDS_PER_UTTERANCE))
                for _ in range(WORDS_PER_CALL // _WORDS_PER_UTTERANCE)
            ]
            for _ in range(_TEXTS)
        ]
        self._joined = [join_utterances(texts) for texts in self._texts]

    def utterances(self, number: int) -> list[str]:
        """Return what was said in a call."""
        rare = [_RARE] if number % 5000 == 0 else []
        return [*self._texts[number % _TEXTS], *rare]

    def joined(self, number: int) -> str:
        """Return the same as the engine stores it."""
        words = self._joined[number % _TEXTS]
        return words if number % 5000 else join_utterances(self.utterances(number))

    def searches(self) -> dict[str, dict[str, str]]:
        """Return the searches by their names: the queries of requests."""
        common, often, seldom = self.words[0], self.words[10], self.words[2000]
        return {
            "a word of a few calls": {"q": _RARE},
            "a word of nearly all calls": {"q": common},
            "a word of some hundred calls": {"q": seldom},
            "two common words": {"q": f"{common} {often}"},
            "a common and a rare word": {"q": f"{common} {_RARE}"},
            "a phrase of two common words": {"q": f'"{common} {often}"'},
            "a prefix": {"q": f"{common[:2]}*"},
            "a common word and a rare tag": {"q": common, "tag": "rare"},
            "a common word in one day": {
                "q": common,
                "from": "2026-01-05T00:00:00Z",
                "until": "2026-01-06T00:00:00Z",
            },
            "a common word, the longest calls first": {"q": common, "sort": "-duration"},
            "a word that nobody has said": {"q": "zzzzzzzzzz"},
            "no search, for comparison": {},
        }


def call_of(number: int) -> str:
    """Return a call's id."""
    return f"call-{number:07d}"


def number_of(call: str) -> int:
    """Return the number of a call of this id."""
    return int(call.removeprefix("call-"))


def rows_of(count: int, corpus: Corpus) -> Iterator[Row]:
    """Yield the rows of so many calls."""
    for number in range(count):
        begun_at = _BEGUN_AT + timedelta(minutes=_MINUTES_APART * number)
        record = CallRecord(
            call_connection_id=call_of(number),
            created_at=begun_at,
            state="disconnected",
            result_state="final",
            direction="incoming",
            from_=f"+1555{number % 10_000:07d}",
            to="+15559990000",
            connected_at=begun_at,
            ended_at=begun_at + timedelta(seconds=30 + number * 7 % 600),
            tags=["rare"] if number % _TAGGED == 0 else ["common"],
            transcript_digest=digest_of(corpus.joined(number)),
        )
        yield row_of(record)


async def write_index(storage: Storage, rows: Iterator[Row]) -> None:
    """Write the index of calls, as compaction does."""
    days = []
    for day, of_day in itertools.groupby(rows, key=lambda row: day_of(row.created_at)):
        lines = join_lines([row.content for row in of_day])
        await write_day(storage, day, lines, None)
        days.append(day)
    content = msgspec.json.encode(Checkpoint(position=0, days=days))
    await storage.put(blobs.INDEX, blobs.CHECKPOINT, content)


async def write_transcripts(storage: Storage, numbers: set[int], corpus: Corpus) -> None:
    """Write the transcripts of calls."""
    limit = asyncio.Semaphore(_AT_ONCE)

    async def write(number: int) -> None:
        utterances = [
            {
                "track": "p1",
                "participant": "4:+15559990000",
                "start_ms": at * 4000,
                "end_ms": at * 4000 + 3900,
                "text": text,
                "words": [[at * 4000, at * 4000 + 300, word] for word in text.split()],
            }
            for at, text in enumerate(corpus.utterances(number))
        ]
        content = msgspec.json.encode({"state": "complete", "utterances": utterances})
        async with limit:
            await storage.put(blobs.RESULTS, blobs.transcript_blob(call_of(number)), content)

    await asyncio.gather(*map(write, sorted(numbers)))


async def fill(index: CallIndex, corpus: Corpus, first: int) -> float:
    """Put the words of all calls from a number on into the read model; return texts a second."""
    await index.refresh()
    due = await index.read(lambda model: model.texts.due(10**9))
    due = [text for text in due if text.call >= call_of(first)]
    started = time.perf_counter()
    for batch in itertools.batched(due, _BATCH, strict=False):
        texts = [Text(*text, corpus.joined(number_of(text.call))) for text in batch]
        await index.read(lambda model, texts=texts: model.put_texts(texts))  # type: ignore[misc]
    return len(due) / (time.perf_counter() - started)


async def search(clients: Clients, query: dict[str, str]) -> list[str]:
    """Send a request; return the calls of its page. Raises RuntimeError if it fails."""
    text = urlencode(query)
    request = func.HttpRequest(
        "GET", f"/api/v1/calls?{text}", params=dict(parse_qsl(text)), body=b""
    )
    response = await respond_with(list_calls, lambda: clients, request)
    while response.status_code == _NOT_READY:
        # Transcripts are still being read.
        response = await respond_with(list_calls, lambda: clients, request)
    if response.status_code != _OK:
        raise RuntimeError(response.get_body().decode())
    return [
        call["call_connection_id"] for call in msgspec.json.decode(response.get_body())["calls"]
    ]


async def measure(clients: Clients, corpus: Corpus, runs: int) -> list[Measurement]:
    """Measure each search; its first run, which fills caches, is not counted."""
    measurements = []
    for name, query in corpus.searches().items():
        calls = await search(clients, query)
        times, cpu = [], []
        for _ in range(runs):
            started, cpu_started = time.perf_counter(), time.process_time()
            await search(clients, query)
            times.append((time.perf_counter() - started) * 1000)
            cpu.append((time.process_time() - cpu_started) * 1000)
        p50, p95 = statistics.median(times), statistics.quantiles(times, n=20)[-1]
        measurements.append(Measurement(name, len(calls), p50, p95, statistics.median(cpu)))
    return measurements


async def pages_of(index: CallIndex, corpus: Corpus) -> set[int]:
    """Return the numbers of the calls on the pages that are measured."""
    calls: set[int] = set()
    for query in corpus.searches().values():
        selection = Selection(
            words=to_fts5(parse_query(query["q"])) if "q" in query else None,
            tags=(query["tag"],) if "tag" in query else (),
            begun_from=_moment(query.get("from")),
            begun_until=_moment(query.get("until")),
            sort="-duration" if "sort" in query else "-created_at",
        )
        page = await index.page(selection, 20)
        for content in page.contents:
            record = msgspec.json.decode(content, type=CallRecord)
            calls.add(number_of(record.call_connection_id))
    return calls


def _moment(text: str | None) -> int | None:
    return None if text is None else microseconds(datetime.fromisoformat(text))


async def run(connection: str, count: int, read: int, runs: int) -> str:
    """Measure with so many calls, of which ``read`` transcripts are read from Azurite."""
    clients = Clients(
        Settings(
            audio_storage=connection,
            acs_endpoint="http://127.0.0.1:9",
            acs_access_key="AAAA",
            callback_token_check="off",  # noqa: S106 (not a password)
            search="local",
        )
    )
    try:
        await clients.storage.create_containers()
        corpus, index = Corpus(), get_index(clients)
        await write_index(clients.storage, rows_of(count, corpus))
        texts_a_second = await fill(index, corpus, read)
        await write_transcripts(clients.storage, set(range(read)), corpus)
        started = time.perf_counter()
        await search(clients, {"q": _RARE})
        read_a_second = read / (time.perf_counter() - started)
        await write_transcripts(clients.storage, await pages_of(index, corpus), corpus)
        measurements = await measure(clients, corpus, runs)
        size = len(await index.read(lambda model: model.serialize()))
        started = time.perf_counter()
        await index.read(lambda model: model.texts.erase_deleted())
        erased_in = time.perf_counter() - started
    finally:
        await clients.close()
    lines = [
        f"{count:,} calls with transcripts of {WORDS_PER_CALL} words; "
        f"read model {size / 1e6:.0f} MB",
        f"{read_a_second:,.0f} transcripts a second read from Azurite; "
        f"{texts_a_second:,.0f} a second into FTS5; deleted words erased in {erased_in:.1f} s",
        f"{'search':42}{'calls':>6}{'p50 ms':>9}{'p95 ms':>9}{'CPU ms':>9}",
        *(
            f"{m.name:42}{m.calls:>6}{m.p50_ms:>9.1f}{m.p95_ms:>9.1f}{m.cpu_ms:>9.1f}"
            for m in measurements
        ),
    ]
    return "\n".join(lines)


def main() -> None:
    """Run, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.full_text")
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--read", type=int, default=2000, help="transcripts to read from Azurite")
    parser.add_argument("--runs", type=int, default=50, help="of each search")
    options = parser.parse_args()
    with Azurite() as azurite:
        table = run(azurite.connection_string, options.calls, options.read, options.runs)
        print(asyncio.run(table))


if __name__ == "__main__":
    main()
