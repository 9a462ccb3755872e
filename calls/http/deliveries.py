"""Deliveries of events over HTTP: list those that have failed, and send them again."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus

import azure.functions as func

from calls.clients import Clients
from calls.events import dead_letters
from calls.http import requests
from calls.http.documents import show
from calls.http.event_documents import Delivery, DeliveryPage
from calls.http.query_parameters import takes_query
from calls.http.respond import json_response

_DEFAULT_LIMIT = 100
_MAX_LIMIT = 1000


@takes_query("state", "limit", "cursor")
async def list_deliveries(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``GET /api/v1/deliveries?state=dead&limit=&cursor=``: what could not be delivered."""
    requests.take_choice(request, "state", ("dead",))
    limit = requests.take_limit(request, _DEFAULT_LIMIT, _MAX_LIMIT)
    cursor = requests.decode_cursor(request.params.get("cursor"))
    page = await dead_letters.list_letters(clients.storage, limit, cursor)
    return json_response(
        DeliveryPage(
            deliveries=[show(Delivery, letter, state="dead") for letter in page.letters],
            cursor=requests.encode_cursor(page.cursor),
        )
    )


async def retry_delivery(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``POST /api/v1/deliveries/{id}/retry``: 202; the event is sent again."""
    delivery_id = request.route_params.get("id") or ""
    letter = await dead_letters.retry_letter(clients, delivery_id, datetime.now(UTC))
    return json_response(show(Delivery, letter, state="dead"), HTTPStatus.ACCEPTED)
