"""The events of a call over HTTP, for whoever follows it: long polling."""

from __future__ import annotations

import azure.functions as func

from calls.clients import Clients
from calls.events.live import Position, follow_call
from calls.http import requests
from calls.http.event_documents import EventList
from calls.http.principals import request_principal
from calls.http.query_parameters import takes_query
from calls.http.respond import json_response

MAX_WAIT_SECONDS = 25
RETRY_AFTER_SECONDS = 2
"""After this time, a request that was not allowed to wait, or no longer, may be repeated."""


@takes_query("after", "wait_s")
async def list_events(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``GET /api/v1/calls/{id}/events?after=&wait_s=``: the events after a position."""
    call = requests.call_connection_id(request)
    after = Position.parse(request.params.get("after"))
    wait_seconds = requests.take_number(request, "wait_s", 0, MAX_WAIT_SECONDS, default=0)
    principal = request_principal(request)
    news = await follow_call(
        clients.storage,
        clients.settings,
        call,
        after,
        wait_seconds,
        owner=(principal.kind, principal.id),
    )
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if news.is_busy else None
    document = EventList(
        events=news.events,
        call_changed=news.has_changed,
        cursor=news.position.cursor,
    )
    return json_response(document, headers=headers)
