"""Pausing and resuming a call's recording over HTTP."""

from __future__ import annotations

from http import HTTPStatus

import azure.functions as func

from acs.identifiers import one_line
from calls.clients import Clients
from calls.control import pausing
from calls.http import requests
from calls.http.documents import Call, show_record
from calls.http.principals import request_principal
from calls.http.requests import Fields
from calls.http.respond import json_response

MAX_PAUSE_SECONDS = 86_400
MAX_REASON_CHARACTERS = 256


async def pause_call(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``POST /api/v1/calls/{id}/pause``: 202 with the call, also if it is paused."""
    call = requests.call_connection_id(request)
    fields = Fields(requests.read_json_object(request))
    reason = fields.take_text("reason", MAX_REASON_CHARACTERS)
    if reason is not None and one_line(reason) != reason:
        fields.add_error("reason", "must be one line without spaces around it")
    max_seconds = fields.take_number("max_seconds", 1, MAX_PAUSE_SECONDS)
    fields.check()
    record = await pausing.pause_call(
        clients, call, request_principal(request), max_seconds=max_seconds, reason=reason
    )
    return json_response(show_record(Call, record), HTTPStatus.ACCEPTED)


async def resume_call(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``POST /api/v1/calls/{id}/resume``: 202 with the call, also if it is being streamed."""
    call = requests.call_connection_id(request)
    Fields(requests.read_json_object(request)).check()
    record = await pausing.resume_call(clients, call, request_principal(request))
    return json_response(show_record(Call, record), HTTPStatus.ACCEPTED)
