"""The list of calls over HTTP: filtered, sorted, in pages."""

from __future__ import annotations

import re
from typing import NamedTuple, get_args
from urllib.parse import urlencode

import azure.functions as func

from acs.identifiers import CALL_CONNECTION_ID_PATTERN, MAX_NAME_CHARACTERS, is_raw_id
from calls.clients import Clients
from calls.errors import InvalidCursor
from calls.http import requests
from calls.http.annotations import MAX_TAG_CHARACTERS, MAX_TAGS, is_tag
from calls.http.call_search import QUERY, match_calls, read_page, take_terms
from calls.http.documents import Call, CallPage, show_record
from calls.http.query_parameters import takes_query
from calls.http.respond import json_response
from calls.index.rows import decode_records, microseconds
from calls.index.selection import Cursor, Selection, Sort
from calls.records.model import CallRecord, CallState, Direction, ResultState
from calls.search.matches import Match

FILTERS = (
    "state",
    "result_state",
    "direction",
    "participant",
    "from",
    "until",
    "tag",
    "min_duration",
)
"""The query parameters that select calls."""

MAX_LIMIT = 100
MAX_DURATION_SECONDS = 999_999
_DEFAULT_LIMIT = 20
_DEFAULT_SORT: Sort = "-created_at"
_CURSOR = re.compile(f"(-?[a-z_]+):(-?[0-9]{{1,19}}):({CALL_CONNECTION_ID_PATTERN})", re.ASCII)


class SelectedCalls(NamedTuple):
    """A page of calls, each with what matches in its transcript (None without ``q``)."""

    selection: Selection
    limit: int
    calls: list[tuple[CallRecord, list[Match] | None]]
    cursor: Cursor | None


@takes_query(*FILTERS, QUERY, "sort", "limit", "cursor")
async def list_calls(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``GET /api/v1/calls``: calls without events, and the next page's cursor.

    With ``q``, each call has what matches in its transcript, and a page may be short.

    Raises Problem (400, 403, 409), InvalidCursor, SearchNotReady, SearchUnavailable, AzureError.
    """
    selected = await read_selected(clients, request, _DEFAULT_LIMIT, MAX_LIMIT)
    calls = [
        show_record(Call, record, **({} if matches is None else {"matches": matches}))
        for record, matches in selected.calls
    ]
    cursor = encode_cursor(selected.cursor, selected.selection.sort)
    headers = {}
    if cursor:
        headers["Link"] = next_link(request, "/api/v1/calls", selected.limit, cursor)
    return json_response(CallPage(calls=calls, cursor=cursor), headers=headers)


async def read_selected(
    clients: Clients, request: func.HttpRequest, default_limit: int, max_limit: int
) -> SelectedCalls:
    """Read the page of calls that a request asks for.

    Raises Problem (400, 403, 409), InvalidCursor, SearchNotReady, SearchUnavailable, AzureError.
    """
    selection, terms = take_selection(request), take_terms(clients, request)
    limit = requests.take_limit(request, default_limit, max_limit)
    cursor = decode_cursor(request.params.get("cursor"), selection.sort)
    page = await read_page(clients, selection, terms, limit, cursor)
    records = decode_records(page.contents)
    calls: list[tuple[CallRecord, list[Match] | None]] = [(record, None) for record in records]
    if terms is not None:
        calls = [*await match_calls(clients, records, terms)]
    return SelectedCalls(selection, limit, calls, page.cursor)


def next_link(request: func.HttpRequest, path: str, limit: int, cursor: str | None) -> str:
    """Return the ``Link`` to the page at a cursor, with the filters and the order of a request."""
    query = [
        (name, value)
        for name in (*FILTERS, QUERY, "sort")
        for value in requests.take_all(request, name)
    ]
    query += [("limit", str(limit)), ("cursor", cursor or "")]
    return f'<{path}?{urlencode(query)}>; rel="next"'


def take_selection(request: func.HttpRequest) -> Selection:
    """Take the parameters of ``FILTERS``, and ``sort``. Raises Problem (400)."""
    begun_from, begun_until = (requests.take_time(request, name) for name in ("from", "until"))
    return Selection(
        state=requests.take_choice(request, "state", get_args(CallState)),
        result_state=requests.take_choice(request, "result_state", get_args(ResultState)),
        direction=requests.take_choice(request, "direction", get_args(Direction)),
        participant=_take_participant(request),
        begun_from=None if begun_from is None else microseconds(begun_from),
        begun_until=None if begun_until is None else microseconds(begun_until),
        tags=_take_tags(request),
        min_duration=_take_min_duration(request),
        sort=requests.take_choice(request, "sort", get_args(Sort)) or _DEFAULT_SORT,
    )


def _take_min_duration(request: func.HttpRequest) -> int | None:
    if not request.params.get("min_duration"):
        return None
    return 1000 * requests.take_number(request, "min_duration", 0, MAX_DURATION_SECONDS, 0)


def _take_participant(request: func.HttpRequest) -> str | None:
    participant: str | None = request.params.get("participant")
    # A name has as many characters as a raw id at most.
    if participant is not None and not is_raw_id(participant):
        raise requests.invalid_parameter(
            "participant",
            f"must be a phone number, raw id or name of 1 to {MAX_NAME_CHARACTERS} characters",
        )
    return participant


def _take_tags(request: func.HttpRequest) -> tuple[str, ...]:
    tags = requests.take_all(request, "tag")
    if len(tags) > MAX_TAGS or not all(map(is_tag, tags)):
        raise requests.invalid_parameter(
            "tag", f"must be up to {MAX_TAGS} tags of 1 to {MAX_TAG_CHARACTERS} characters"
        )
    return tuple(dict.fromkeys(tags))


def encode_cursor(cursor: Cursor | None, sort: Sort) -> str | None:
    """Return a cursor as a request has it; None without one."""
    return requests.encode_cursor(f"{sort}:{cursor.value}:{cursor.call}" if cursor else None)


def decode_cursor(text: str | None, sort: Sort) -> Cursor | None:
    """Return the cursor of a request, if it has one. Raises InvalidCursor."""
    decoded = requests.decode_cursor(text)
    if decoded is None:
        return None
    match = _CURSOR.fullmatch(decoded)
    # A cursor of another order would skip calls.
    if match is None or match[1] != sort or not -(2**63) <= int(match[2]) < 2**63:
        raise InvalidCursor
    return Cursor(int(match[2]), match[3])
