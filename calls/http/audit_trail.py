"""The audit trail over HTTP, for auditors."""

from __future__ import annotations

import re

import azure.functions as func

from calls.audit import Position, Selection, read_entries
from calls.clients import Clients
from calls.errors import InvalidCursor
from calls.http import requests
from calls.http.documents import AuditEntry, AuditPage, show
from calls.http.query_parameters import takes_query
from calls.http.respond import json_response

_DEFAULT_LIMIT = 100
_MAX_LIMIT = 1000
_CURSOR = re.compile(r"(\d{4}-\d\d-\d\d/\d{4}\.jsonl):(\d{1,12})", re.ASCII)


@takes_query("from", "until", "call", "principal", "limit", "cursor")
async def read_audit(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``GET /api/v1/audit?from=&until=&call=&principal=&limit=&cursor=``: oldest first.

    Raises Problem (400), InvalidCursor, AzureError.
    """
    selection = Selection(
        since=requests.take_time(request, "from"),
        until=requests.take_time(request, "until"),
        call=request.params.get("call"),
        principal=request.params.get("principal"),
    )
    limit = requests.take_limit(request, _DEFAULT_LIMIT, _MAX_LIMIT)
    position = _decode_position(request.params.get("cursor"))
    page = await read_entries(clients.storage, selection, limit, position)
    cursor = f"{page.position.blob}:{page.position.offset}" if page.position else None
    entries = [show(AuditEntry, entry) for entry in page.entries]
    return json_response(AuditPage(entries=entries, cursor=requests.encode_cursor(cursor)))


def _decode_position(text: str | None) -> Position | None:
    cursor = requests.decode_cursor(text)
    if cursor is None:
        return None
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise InvalidCursor
    return Position(match[1], int(match[2]))
