"""ACS's callback events: verified, taken once each, in any order."""

from __future__ import annotations

import logging
from http import HTTPStatus

import azure.functions as func

from acs.events import CallbackEvent, MalformedEvent, decode_callback_events
from acs.identifiers import is_call_connection_id
from acs.tokens import InvalidToken, KeysUnavailable
from calls import store, web
from calls.clients import Clients
from calls.problems import Problem
from calls.records import CallRecord, add_event

_log = logging.getLogger(__name__)


async def receive(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``POST /api/callbacks``: 200 when every event was taken (or was known).

    The events that are right are taken even where others in the array are not; the 400 then names
    those, and sending all again does no harm.
    """
    await _verify(clients, request)
    try:
        events, faults = decode_callback_events(web.body(request))
    except MalformedEvent as error:
        raise Problem(HTTPStatus.BAD_REQUEST, str(error)) from error
    for event in events:
        call = event.data.call_connection_id
        if is_call_connection_id(call):
            await _take(clients, call, event)
        else:
            faults.append(f"event {event.id!r}: callConnectionId: not a call connection id")
    if faults:
        _log.warning("%d callback events were refused: %s", len(faults), "; ".join(faults))
        errors = [{"field": fault.split(":")[0], "message": fault} for fault in faults]
        raise Problem(HTTPStatus.BAD_REQUEST, "some events are malformed", errors=errors)
    return func.HttpResponse(status_code=HTTPStatus.OK)


async def _take(clients: Clients, call: str, event: CallbackEvent) -> None:
    def apply(record: CallRecord) -> bool:
        known = record.correlation_id
        if known and event.data.correlation_id and event.data.correlation_id != known:
            raise Problem(HTTPStatus.FORBIDDEN, "an event's correlation id is not that of its call")
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
        _log.warning("a callback's token is refused: %s", error.reason)
        if clients.settings.callback_token_check == "warn":
            return
        if isinstance(error, KeysUnavailable):
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "the token cannot be verified now",
                headers={"Retry-After": "5"},
            ) from error
        raise Problem(
            HTTPStatus.UNAUTHORIZED, "the bearer token is not one that ACS signed for this app"
        ) from error
