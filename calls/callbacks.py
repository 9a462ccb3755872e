"""ACS's callback events: verified, taken once each, in any order."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
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
_MOST_ERRORS = 100
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
        raise Problem(HTTPStatus.BAD_REQUEST, str(error), reason="malformed") from error
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
    if faults:
        told = f"{len(faults)} of them: {faults[0]}"
        refusals.refused(refusals.CALLBACKS, HTTPStatus.BAD_REQUEST, "malformed_event", told)
    if foreign or faults:
        errors = [
            {"field": text.split(":")[0], "message": text[:_LONGEST_MESSAGE]}
            for text in [*foreign, *faults][:_MOST_ERRORS]
        ]
        status = HTTPStatus.FORBIDDEN if foreign else HTTPStatus.BAD_REQUEST
        raise Problem(status, "some events were refused", errors=errors, reason=None)
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

    # An event may come before the answer that tells the call's id: it must not be lost. A call
    # cannot have begun later than now, whatever its event says: the list goes by that.
    begun = min(event.time, datetime.now(UTC))
    await store.change(clients.storage, call, apply, create_at=begun)
    _log.info("call %s: %r", call, event.name)


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
            detail, headers = "the token cannot be verified now", {"Retry-After": "5"}
        else:
            detail, headers = "the bearer token is not one that ACS signed for this app", {}
        raise Problem(status, detail, headers=headers, reason=None) from error
