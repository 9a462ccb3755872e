"""Calls over HTTP: place, start and stop streaming, hang up.

Nothing here loads an audio library: placing a call must not wait for one at a cold start.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import azure.functions as func

from acs.identifiers import (
    MAX_NAME_CHARACTERS,
    is_callable_id,
    is_phone_number,
    is_raw_id,
    one_line,
    phone_number_raw_id,
)
from calls.clients import Clients
from calls.control import hanging_up, placing, streaming
from calls.control.placing import PlaceCall
from calls.control.streaming import Operation
from calls.http import requests
from calls.http.annotations import take_notes, take_tags
from calls.http.announcements import take_announcement
from calls.http.documents import Call, show_record
from calls.http.principals import request_principal
from calls.http.problems import Problem
from calls.http.requests import Fields
from calls.http.respond import json_response
from calls.locales import MAX_CANDIDATES, parse_locales
from calls.retention.policy import MAX_RETENTION_DAYS
from calls.settings import Settings
from contract.grants import DtmfMode

_MAX_KEY_CHARACTERS = 255
_MAX_CONTEXT_CHARACTERS = 1024
MAX_NAMES = 100
_DTMF_MODES: tuple[DtmfMode, ...] = ("off", "times", "digits")


async def place_call(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``POST /api/v1/calls``: 201 with the call; an Idempotency-Key places at most one call."""
    call = parse_place_call(requests.read_json_object(request), clients.settings)
    key = request.headers.get("Idempotency-Key")
    if key is not None and not 1 <= len(key) <= _MAX_KEY_CHARACTERS:
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            f"Idempotency-Key must have 1 to {_MAX_KEY_CHARACTERS} characters",
            code="invalid_request",
            errors=[
                {
                    "field": "Idempotency-Key",
                    "message": f"must have 1 to {_MAX_KEY_CHARACTERS} characters",
                }
            ],
        )
    record, replayed = await placing.place_call(clients, request_principal(request), call, key)
    headers = {"Location": f"/api/v1/calls/{record.call_connection_id}"}
    if replayed:
        headers["Idempotent-Replayed"] = "true"
    return json_response(show_record(Call, record), HTTPStatus.CREATED, headers)


def parse_place_call(members: dict[str, Any], settings: Settings) -> PlaceCall:
    """Parse the body of ``POST /api/v1/calls``. Raises Problem (400) with all faults at once."""
    fields = Fields(members)
    to, caller = fields.take_text("to"), fields.take_text("from")
    if to is None:
        if not fields.errors:
            fields.add_error("to", "is required: an E.164 phone number or a user's raw id")
    elif is_phone_number(to):
        if caller is None and not any(error["field"] == "from" for error in fields.errors):
            fields.add_error("from", "is required to call a phone number: the caller id, E.164")
    elif not is_callable_id(to):
        fields.add_error(
            "to",
            "must be an E.164 phone number or the raw id of a user or Teams app "
            "(8:acs:..., 8:orgid:..., 28:orgid:...)",
        )
    if caller is not None and not is_phone_number(caller):
        fields.add_error("from", "must be an E.164 phone number")
    endpoint = fields.take_text("cognitive_services_endpoint")
    if endpoint is not None and not settings.permits_cognitive_services(endpoint):
        fields.add_error(
            "cognitive_services_endpoint",
            "must be https:// and the host of an Azure AI resource "
            "(*.cognitiveservices.azure.com, *.services.ai.azure.com or COGNITIVE_SERVICES_HOSTS)",
        )
    call = PlaceCall(
        to=to or "",
        from_=caller,
        channels=fields.take_choice("channels", ("mixed", "unmixed")),
        sample_rate=fields.take_choice("sample_rate", (16_000, 24_000)),
        start_streaming=fields.take_choice("start_streaming", (True, False)),
        dtmf=_take_dtmf(fields, settings.dtmf),
        operation_context=fields.take_text("operation_context", _MAX_CONTEXT_CHARACTERS),
        cognitive_services_endpoint=endpoint,
        names=_take_names(fields),
        webhook_url=_take_webhook(fields, settings),
        retention_days=fields.take_number("retention_days", 1, MAX_RETENTION_DAYS),
        locales=_take_locales(fields),
        announcement=take_announcement(fields, settings, endpoint),
        tags=take_tags(fields),
        notes=take_notes(fields),
    )
    fields.check()
    return call


def _take_webhook(fields: Fields, settings: Settings) -> str | None:
    url = fields.take_text("webhook_url")
    if url is not None and not settings.permits_webhook(url):
        fields.add_error(
            "webhook_url", "must be https:// and a path on one of WEBHOOK_HOSTS, without a query"
        )
    return url


def _take_dtmf(fields: Fields, most: DtmfMode) -> DtmfMode:
    """Take ``dtmf``: as much as DTMF permits, or less."""
    permitted = _DTMF_MODES[: _DTMF_MODES.index(most) + 1]
    mode: DtmfMode = fields.take_choice("dtmf", permitted[::-1])
    return mode


def _take_locales(fields: Fields) -> list[str] | None:
    """Take ``locale``: one, or a list of candidates. None if it is absent or null."""
    candidates = fields.take_one_or_more("locale", MAX_CANDIDATES)
    try:
        return parse_locales(candidates) if candidates else None
    except ValueError as error:
        fields.add_error("locale", str(error))
        return None


def _take_names(fields: Fields) -> dict[str, str]:
    """Take the participants' display names, by raw id and sorted: the order means nothing."""
    names: dict[str, str] = {}
    for key, name in sorted((fields.take_map("names", MAX_NAMES) or {}).items()):
        raw_id = phone_number_raw_id(key) if is_phone_number(key) else key
        if not is_raw_id(raw_id):
            fields.add_error("names", "each key must be an E.164 phone number or a raw id")
        elif not 1 <= len(name) <= MAX_NAME_CHARACTERS or one_line(name) != name:
            fields.add_error(
                "names", f"each name must be one line of 1 to {MAX_NAME_CHARACTERS} characters"
            )
        elif raw_id in names:
            fields.add_error("names", "each participant must have only one name")
        names[raw_id] = name
    return names


async def start_streaming(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``POST /api/v1/calls/{id}/streaming/start``: 202 with the call."""
    return await _change_streaming(clients, request, "start")


async def stop_streaming(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``POST /api/v1/calls/{id}/streaming/stop``: 202 with the call."""
    return await _change_streaming(clients, request, "stop")


async def _change_streaming(
    clients: Clients, request: func.HttpRequest, operation: Operation
) -> func.HttpResponse:
    call = requests.call_connection_id(request)
    fields = Fields(requests.read_json_object(request))
    operation_context = fields.take_text("operation_context", _MAX_CONTEXT_CHARACTERS)
    fields.check()
    record = await streaming.change_streaming(
        clients, call, operation, operation_context, request_principal(request)
    )
    return json_response(show_record(Call, record), HTTPStatus.ACCEPTED)


async def hang_up(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``POST /api/v1/calls/{id}/hangup``: hangs up for everyone; 204, also if it has ended."""
    call = requests.call_connection_id(request)
    Fields(requests.read_json_object(request)).check()
    await hanging_up.hang_up(clients, call)
    return func.HttpResponse(status_code=HTTPStatus.NO_CONTENT)
