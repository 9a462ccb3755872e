"""Full-text search by Azure AI Search.

The service has the words of the transcripts, and by what the list is sorted. The filters of the
list are in the read model: hits come from the service in the order of the list, and the read model
says which of them are selected, until the page is full. So a page costs a few requests at most, and
may be short; its cursor is the last hit that was looked at.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from azure.core.exceptions import AzureError

from calls.errors import SearchUnavailable
from calls.index.call_index import CallIndex
from calls.index.rows import row_of
from calls.index.selection import Cursor, Page, Selection, sort_column
from calls.records.model import CallRecord
from calls.search.query import Term
from calls.search.service import MAX_HITS, SearchService
from event_log import log_event

_log = logging.getLogger(__name__)

_MAX_REQUESTS = 8
"""A page looks at up to 8,000 hits; without one of them that is selected, it is empty."""


class AzureSearch:
    """Searches a service, with the filters of an index."""

    def __init__(self, index: CallIndex, service: SearchService) -> None:
        self._index = index
        self._service = service

    async def store(self, record: CallRecord, words: str) -> None:
        """See ``SearchEngine``."""
        row = row_of(record)
        await self._service.upload(
            {
                "id": row.call,
                "created_at": row.created_at,
                "duration": row.duration,
                "duration_last": row.duration_last,
                "words": words,
            }
        )

    async def remove(self, call: str) -> None:
        """See ``SearchEngine``."""
        await self._service.delete(call)

    async def close(self) -> None:
        """See ``SearchEngine``."""
        await self._service.close()

    async def page(
        self, selection: Selection, terms: Sequence[Term], limit: int, cursor: Cursor | None
    ) -> Page:
        """See ``SearchEngine``."""
        await self._index.refresh()
        column = sort_column(selection)
        direction = "desc" if selection.sort.startswith("-") else "asc"
        order = f"{column} {direction}, id {direction}"
        found: list[tuple[Cursor, bytes]] = []
        top = min(MAX_HITS, 2 * limit)
        for _ in range(_MAX_REQUESTS):
            filter_ = to_odata(selection, cursor)
            hits = await self._search(terms, filter_, order, top)
            calls = [str(hit["id"]) for hit in hits]
            selected = await self._index.read(
                lambda model, calls=calls: model.select(selection, calls)  # type: ignore[misc]
            )
            found += [
                (Cursor(int(hit[column]), call), selected[call])
                for hit, call in zip(hits, calls, strict=True)
                if call in selected
            ]
            if len(found) > limit:
                break
            if len(hits) < top:
                return Page([content for _, content in found], None)
            cursor, top = Cursor(int(hits[-1][column]), calls[-1]), MAX_HITS
        else:
            return Page([content for _, content in found], cursor)
        return Page([content for _, content in found[:limit]], found[limit - 1][0])

    async def _search(
        self, terms: Sequence[Term], filter_: str, order: str, top: int
    ) -> list[dict[str, Any]]:
        try:
            return await self._service.search(terms, filter_, order, top)
        except AzureError as error:
            log_event(
                _log, logging.ERROR, "search_failed", error=type(error).__name__, exc_info=error
            )
            raise SearchUnavailable from error


def to_odata(selection: Selection, cursor: Cursor | None) -> str:
    """Return the times of a selection, and what follows on a cursor, as an OData filter."""
    parts = []
    if selection.begun_from is not None:
        parts.append(f"created_at ge {selection.begun_from}")
    if selection.begun_until is not None:
        parts.append(f"created_at lt {selection.begun_until}")
    if cursor is not None:
        column = sort_column(selection)
        operator = "lt" if selection.sort.startswith("-") else "gt"
        value, call = cursor
        # A call's id has no quote.
        parts.append(
            f"({column} {operator} {value} or ({column} eq {value} and id {operator} '{call}'))"
        )
    return " and ".join(parts)
