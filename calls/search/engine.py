"""The protocol of the engines of full-text search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from calls.index.selection import Cursor, Page, Selection
from calls.records.model import CallRecord
from calls.search.query import Term


class SearchEngine(Protocol):
    """Finds calls by the words of their transcripts."""

    async def store(self, record: CallRecord, words: str) -> None:
        """Store the words of a call's transcript, instead of those that it has. Raises AzureError.

        ``words`` are as ``calls.search.words.join_utterances`` returns them.
        """
        ...

    async def remove(self, call: str) -> None:
        """Remove what is stored of a call. Raises AzureError."""
        ...

    async def page(
        self, selection: Selection, terms: Sequence[Term], limit: int, cursor: Cursor | None
    ) -> Page:
        """Return a page of those of the selected calls that have all terms in their transcripts.

        A page may be short although there are more: it then has a cursor. A call may be on it whose
        transcript has just changed: whoever reads that sees it.

        Raises SearchNotReady, AzureError, sqlite3.Error.
        """
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...
