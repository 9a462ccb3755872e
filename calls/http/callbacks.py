"""ACS's callback events over HTTP: verifies the sender, and records or refuses each event."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial, update_wrapper
from http import HTTPStatus

import azure.functions as func

from acs.errors import KeysUnavailable, MalformedEvent, TokenError
from acs.events import CALL_ENDS, CallbackEvent, decode_callback_events
from acs.identifiers import is_call_connection_id
from acs.tokens import Examination
from calls import refusals
from calls.clients import Clients
from calls.control.announcing import ADVANCING_EVENTS, advance
from calls.control.grants import end_grants
from calls.errors import CallDeleted, EventMismatch, OriginUnknown
from calls.http import requests
from calls.http.problems import Problem
from calls.http.query_parameters import takes_any_query
from calls.http.respond import Handler
from calls.records.callback_events import record_callback_event, record_event_of_known_call
from calls.records.ended_calls import encode_message
from calls.records.result_state import update_result_state
from calls.settings import TokenCheck
from event_log import log_event

_log = logging.getLogger(__name__)
_MAX_MESSAGE_CHARACTERS = 300
_MAX_ERRORS = 100


def callback_handler(send: Callable[[list[str]], None]) -> Handler:
    """Return the handler of callbacks that sends messages to the queue of ended calls."""
    handler = partial(receive_callbacks, send=send)
    update_wrapper(handler, receive_callbacks)
    return handler


@takes_any_query
async def receive_callbacks(
    clients: Clients, request: func.HttpRequest, *, send: Callable[[list[str]], None]
) -> func.HttpResponse:
    """``POST /api/v1/callbacks``: 200 when every event is in its call's record.

    Each event is recorded or refused on its own, so a wrong one does not affect the others. A 400
    (malformed) or 403 (ids of another call) says which were refused. It is safe to send all of them
    again. ``send`` sends messages to the queue of ended calls.
    """
    # First, so that a stranger's large body costs no check of a signature.
    body = requests.read_body(request)
    examination = await _examine_sender(clients, request)
    is_as_documented = examination is None or examination.refusal is None
    try:
        events, faults = decode_callback_events(body)
    except MalformedEvent as error:
        raise Problem(
            HTTPStatus.BAD_REQUEST, str(error), code="malformed_events", reason="malformed"
        ) from error
    mismatches: list[str] = []
    messages: list[str] = []
    recorded = 0
    for event in events:
        call = event.data.call_connection_id
        if not is_call_connection_id(call):
            faults.append(f"event {event.id!r}: callConnectionId: not a call connection id")
            continue
        try:
            if await _record_event(clients, event, is_as_documented=is_as_documented):
                messages.append(encode_message(call))
            recorded += 1
        except CallDeleted:
            # It came late: ACS must not send it again.
            log_event(_log, logging.INFO, "callback_event_dropped", call=call, type=event.name)
        except OriginUnknown:
            refusals.log_refused(
                refusals.CALLBACKS,
                HTTPStatus.SERVICE_UNAVAILABLE,
                "origin_unknown",
                f"{event.name} {call}",
            )
            raise
        except EventMismatch as error:
            refusals.log_refused(
                refusals.CALLBACKS, HTTPStatus.FORBIDDEN, error.reason, f"{event.name} {call}"
            )
            mismatches.append(
                f"event {event.id!r}: does not belong to the call that it names ({error.reason})"
            )
    if messages:
        send(messages)
    if examination is not None and recorded:
        # Only now: any customer of ACS can send what ACS has signed.
        await clients.token_findings.report(examination)
    _refuse_some(mismatches, faults)
    return func.HttpResponse(status_code=HTTPStatus.OK)


def _refuse_some(mismatches: list[str], faults: list[str]) -> None:
    """Raise the Problem of events that were refused, if any were."""
    if faults:
        detail = f"{len(faults)} events: {faults[0]}"
        refusals.log_refused(refusals.CALLBACKS, HTTPStatus.BAD_REQUEST, "malformed_event", detail)
    if mismatches or faults:
        errors = [
            {"field": text.split(":")[0], "message": text[:_MAX_MESSAGE_CHARACTERS]}
            for text in [*mismatches, *faults][:_MAX_ERRORS]
        ]
        detail = "some events were refused"
        if mismatches:
            raise Problem(
                HTTPStatus.FORBIDDEN, detail, code="event_mismatch", errors=errors, reason=None
            )
        raise Problem(
            HTTPStatus.BAD_REQUEST, detail, code="malformed_events", errors=errors, reason=None
        )


async def _record_event(clients: Clients, event: CallbackEvent, *, is_as_documented: bool) -> bool:
    """Record an event, and do what it leads to: the announcement, or the end of the call.

    Returns:
        Whether the call has ended, and must be assembled with its last streams.

    Raises EventMismatch, OriginUnknown, CallDeleted, Contended, AzureError.
    """
    storage, settings = clients.storage, clients.settings
    call, now = event.data.call_connection_id, datetime.now(UTC)
    if is_as_documented:
        record = await record_callback_event(storage, event, settings.callback_ids_check)
    else:
        record = await record_event_of_known_call(storage, event)
    if event.type in CALL_ENDS:
        await end_grants(storage, call, now)
    if event.type in ADVANCING_EVENTS:
        await advance(clients, record, now)
    if not record.has_ended:
        return False
    # The call may have been assembled already, or never had any audio.
    update = await update_result_state(
        storage, call, now, settings.partial_after_seconds, known=record
    )
    return update.is_outdated


async def _examine_sender(clients: Clients, request: func.HttpRequest) -> Examination | None:
    """Check that the sender is ACS. Raises Problem: 401, or 503 if that cannot be checked.

    Returns:
        In the mode ``learn``, what the token is. One that ACS has signed is let in although it is
        not as documented: perhaps it was made for another customer's resource. So its events may
        change only calls that they name by an id that strangers do not know.
    """
    if clients.verifier is None:
        return None
    examination = await clients.verifier.examine(request.headers.get("Authorization"))
    check, error = clients.settings.callback_token_check, examination.refusal
    if check == "learn" and examination.is_signed:
        return examination
    if error is not None:
        _refuse_sender(check, error)
    return None


def _refuse_sender(check: TokenCheck, error: TokenError) -> None:
    """Raise the Problem of a token that is not accepted, unless the check only warns."""
    unavailable = isinstance(error, KeysUnavailable)
    status = HTTPStatus.SERVICE_UNAVAILABLE if unavailable else HTTPStatus.UNAUTHORIZED
    if check == "warn":
        refusals.log_warned(refusals.CALLBACKS, status, f"token_{error.reason}")
        return
    refusals.log_refused(refusals.CALLBACKS, status, f"token_{error.reason}")
    if unavailable:
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "the token cannot be verified now; try again",
            code="keys_unavailable",
            headers={"Retry-After": "5"},
            reason=None,
        ) from error
    raise Problem(
        HTTPStatus.UNAUTHORIZED,
        "the bearer token is not one that ACS signed for this app",
        code="invalid_token",
        reason=None,
    ) from error
