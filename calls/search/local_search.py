"""Full-text search in the read model: SQLite's FTS5, filled from the transcripts' blobs.

The index of calls says which transcripts there are, and which have changed or gone. They are read
when somebody searches. A process that starts has to read all of them once: some hundred a second.
For many calls in Azure, where processes come and go, there is Azure AI Search.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence

import msgspec

from calls.errors import SearchNotReady
from calls.index.call_index import CallIndex
from calls.index.selection import Cursor, Page, Selection
from calls.index.texts import DueText, Text
from calls.records.model import CallRecord
from calls.search.query import Term
from calls.search.transcripts import read_utterances
from calls.search.words import join_utterances
from event_log import log_event

WAIT_SECONDS = 10.0
"""So long a request waits for transcripts to be read; they are read on after that."""

_AT_ONCE = 32
_BATCH = 256

_log = logging.getLogger(__name__)


class LocalSearch:
    """Searches the read model of an index."""

    def __init__(self, index: CallIndex) -> None:
        self._index = index
        self._reading: asyncio.Task[None] | None = None

    async def store(self, record: CallRecord, words: str) -> None:
        """Do nothing: the record has the digest of the words, and so the index knows of them."""

    async def remove(self, call: str) -> None:
        """Do nothing: the index knows of deleted calls, and of records that lost their digest."""

    async def close(self) -> None:
        """Stop reading."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading})

    async def page(
        self, selection: Selection, terms: Sequence[Term], limit: int, cursor: Cursor | None
    ) -> Page:
        """See ``SearchEngine``. Raises SearchNotReady if transcripts are still being read."""
        await self._index.refresh()
        await self._catch_up()
        selection = msgspec.structs.replace(selection, words=to_fts5(terms))
        return await self._index.read(lambda model: model.page(selection, limit, cursor))

    async def _catch_up(self) -> None:
        """Have the transcripts read that are due, and wait for it. Raises SearchNotReady."""
        if not await self._index.read(lambda model: model.texts.due(1)):
            return
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read_due())
        reading = self._reading
        done, _ = await asyncio.wait({reading}, timeout=WAIT_SECONDS)
        if not done:
            read, due = await self._index.read(
                lambda model: (model.texts.count(), model.texts.count_due())
            )
            raise SearchNotReady(read, read + due)
        # A task's error is for everybody who has waited for it.
        reading.result()

    async def _read_due(self) -> None:
        started, count = time.monotonic(), 0
        while due := await self._index.read(lambda model: model.texts.due(_BATCH)):
            texts = await self._read(due)
            await self._index.read(lambda model, texts=texts: model.put_texts(texts))  # type: ignore[misc]
            count += len(texts)
        log_event(
            _log,
            logging.INFO,
            "transcripts_indexed",
            count=count,
            ms=round((time.monotonic() - started) * 1000),
        )

    async def _read(self, due: list[DueText]) -> list[Text]:
        storage = self._index.storage
        transcripts = await read_utterances(storage, [text.call for text in due], _AT_ONCE)
        return await asyncio.to_thread(
            lambda: [
                Text(*entry, join_utterances(utterance.text for utterance in utterances or ()))
                for entry, utterances in zip(due, transcripts, strict=True)
            ]
        )


def to_fts5(terms: Sequence[Term]) -> str:
    """Return terms in the syntax of FTS5: phrases in quotes, of words that have no quotes."""
    return " AND ".join(f'"{" ".join(words)}"{"*" * is_prefix}' for words, is_prefix in terms)
