"""The part of the list of calls that searches in transcripts: ``q``."""

from __future__ import annotations

from http import HTTPStatus

import azure.functions as func

from calls.clients import Clients
from calls.http import requests
from calls.http.principals import request_roles
from calls.http.problems import Problem
from calls.index.call_index import get_index
from calls.index.selection import Cursor, Page, Selection
from calls.records.model import CallRecord
from calls.search.engines import get_search
from calls.search.matches import Match, find_matches
from calls.search.query import InvalidQuery, Term, parse_query
from calls.search.transcripts import read_utterances

QUERY = "q"
_ROLES = frozenset({"Listener", "Admin"})
"""Who may search: those who may read transcripts."""


def take_terms(clients: Clients, request: func.HttpRequest) -> list[Term] | None:
    """Return the terms of ``q``; None if it is absent or blank.

    Raises Problem: 400; 403, for those who may not read transcripts; 409 if SEARCH is off.
    """
    text = (request.params.get(QUERY) or "").strip()
    if not text:
        return None
    if not request_roles(request) & _ROLES:
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "q searches in transcripts: it needs the role Listener",
            code="role_required",
            reason="role",
        )
    if clients.settings.search == "off":
        raise Problem(
            HTTPStatus.CONFLICT,
            "SEARCH is off: set it to local or azure to search in transcripts",
            code="search_off",
        )
    try:
        return parse_query(text)
    except InvalidQuery as error:
        raise requests.invalid_parameter(QUERY, str(error)) from error


async def read_page(
    clients: Clients,
    selection: Selection,
    terms: list[Term] | None,
    limit: int,
    cursor: Cursor | None,
) -> Page:
    """Return a page of the selected calls; with ``terms``, of those that have them all.

    Raises SearchNotReady, SearchUnavailable, AzureError, sqlite3.Error.
    """
    search = get_search(clients)
    if terms is None or search is None:
        return await get_index(clients).page(selection, limit, cursor)
    if not terms:
        # No word, and so none that a call could have.
        return Page([], None)
    return await search.page(selection, terms, limit, cursor)


async def match_calls(
    clients: Clients, records: list[CallRecord], terms: list[Term]
) -> list[tuple[CallRecord, list[Match]]]:
    """Return what matches in the calls' transcripts, without calls in which nothing does.

    The engine may not know yet that a transcript was deleted, erased or made again.

    Raises AzureError.
    """
    calls = [record.call_connection_id for record in records]
    transcripts = await read_utterances(clients.storage, calls)
    found = [
        (record, find_matches(terms, utterances or []))
        for record, utterances in zip(records, transcripts, strict=True)
    ]
    return [(record, matches) for record, matches in found if matches]
