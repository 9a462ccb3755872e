"""Legal holds over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus

import azure.functions as func

from acs.identifiers import one_line
from calls.clients import Clients
from calls.http import requests
from calls.http.documents import Hold, show
from calls.http.principals import request_principal
from calls.http.requests import Fields
from calls.http.respond import json_response
from calls.retention import holds


async def place_hold(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``PUT /api/v1/calls/{id}/hold`` with a ``reason``: 200 with the hold."""
    call = requests.call_connection_id(request)
    fields = Fields(requests.read_json_object(request))
    reason = fields.take_text("reason", holds.MAX_REASON_CHARACTERS)
    if reason is None and not fields.errors:
        fields.add_error("reason", "is required")
    elif reason is not None and (one_line(reason) != reason or not reason.strip()):
        fields.add_error("reason", "must be one line of text")
    fields.check()
    hold = await holds.place_hold(
        clients.storage, call, str(reason), request_principal(request), datetime.now(UTC)
    )
    return json_response(show(Hold, hold))


async def release_hold(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``DELETE /api/v1/calls/{id}/hold``: 204, also if the call is not on hold."""
    call = requests.call_connection_id(request)
    principal = request_principal(request)
    await holds.release_hold(clients.storage, call, principal, datetime.now(UTC))
    return func.HttpResponse(status_code=HTTPStatus.NO_CONTENT)
