"""ACS's callback events: verified, taken once each, in any order."""

from __future__ import annotations

import logging
from http import HTTPStatus

import azure.functions as func

from acs.events import CallbackEvent, MalformedEvent, decode_callback_events
from acs.identifiers import is_call_connection_id
from acs.tokens import InvalidToken, KeysUnavailable
from calls import refusals, store, web
from calls.belonging import contradiction
from calls.clients import Clients
from calls.problems import Problem
from calls.records import CallRecord, add_event

_LONGEST_MESSAGE = 300
_log = logging.getLogger(__name__)


class _Foreign(Exception):
    """Raised inside when an event is not of the call that it names; the text says why."""


async def receive(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``POST /api/callbacks``: 200 when every event was taken (or was known).

    Each event is taken or refused on its own, so that one that is wrong costs none of the others:
    the 400 (malformed) or 403 (not of the call it names) then tells which were refused. Sending all
    again does no harm.
    """
    await _verify(clients, request)
    try:
        events, faults = decode_callback_events(web.body(request))
    except MalformedEvent as error:
        refusals.refused(refusals.CALLBACKS, HTTPStatus.BAD_REQUEST, "malformed", str(error))
        raise Problem(HTTPStatus.BAD_REQUEST, str(error)) from error
    foreign: list[str] = []
    for event in events:
        call = event.data.call_connection_id
        if not is_call_connection_id(call):
            faults.append(f"event {event.id!r}: callConnectionId: not a call connection id")
            continue
        try:
            await _take(clients, call, event)
        except _Foreign as error:
            refusals.refused(
                refusals.CALLBACKS, HTTPStatus.FORBIDDEN, str(error), f"{event.name} {call}"
            )
            foreign.append(f"event {event.id!r}: is not of the call that it names ({error})")
    for fault in faults:
        refusals.refused(refusals.CALLBACKS, HTTPStatus.BAD_REQUEST, "malformed_event", fault)
    if foreign or faults:
        errors = [
            {"field": text.split(":")[0], "message": text[:_LONGEST_MESSAGE]}
            for text in [*foreign, *faults]
        ]
        if foreign:
            raise Problem(HTTPStatus.FORBIDDEN, "some events are not of their call", errors=errors)
        raise Problem(HTTPStatus.BAD_REQUEST, "some events are malformed", errors=errors)
    return func.HttpResponse(status_code=HTTPStatus.OK)


async def _take(clients: Clients, call: str, event: CallbackEvent) -> None:
    check = clients.settings.callback_ids_check

    def apply(record: CallRecord) -> bool:
        reason = contradiction(record, event) if check != "off" else None
        if reason is not None:
            if check == "require":
                raise _Foreign(reason)
            refusals.warned(
                refusals.CALLBACKS, HTTPStatus.FORBIDDEN, reason, f"{event.name} {call}"
            )
        return add_event(record, event)

    # An event may come before the answer that tells the call's id: it must not be lost.
    await store.change(clients.storage, call, apply, create_at=event.time)
    _log.info("call %s: %s", call, event.name)


async def _verify(clients: Clients, request: func.HttpRequest) -> None:
    """Whether the sender is ACS. Raises Problem (401, or 503 where that cannot be told now)."""
    if clients.verifier is None:
        return
    try:
        await clients.verifier.verify(request.headers.get("Authorization"))
    except InvalidToken as error:
        unavailable = isinstance(error, KeysUnavailable)
        status = HTTPStatus.SERVICE_UNAVAILABLE if unavailable else HTTPStatus.UNAUTHORIZED
        if clients.settings.callback_token_check == "warn":
            refusals.warned(refusals.CALLBACKS, status, f"token_{error.reason}")
            return
        refusals.refused(refusals.CALLBACKS, status, f"token_{error.reason}")
        if unavailable:
            raise Problem(
                status, "the token cannot be verified now", headers={"Retry-After": "5"}
            ) from error
        raise Problem(status, "the bearer token is not one that ACS signed for this app") from error
