"""Answering: a call that rings at the ACS resource is answered, with media streaming.

Event Grid tells of it, at least once and in no order, and a call rings for half a minute only. So
who takes a call first writes that down, and of two only one answers. An instance that dies with it
is followed by the next delivery, whose request ACS knows as the same. What is too late, or answered
elsewhere, is let go without an error, which would only bring the event again. Nothing is ever
rejected: a call that this app leaves rings on for whoever else is told of it.

Every event ends in one log line, which Application Insights counts: ``answered``, ``left`` (by us),
``refused`` (by ACS) or ``failed``. A malformed one is a ``refused entrance=incoming``.

    traces
    | parse message with "incoming outcome=" outcome " reason=" reason " " *
    | summarize count() by outcome, reason, bin(timestamp, 5m)
"""

from __future__ import annotations

import logging
import uuid
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import azure.functions as func
import msgspec
from azure.core.exceptions import AzureError, HttpResponseError

from acs.events import INCOMING_CALL, IncomingCall, MalformedEvent, read_incoming_call
from acs.identifiers import shown
from calls import blobs, control, refusals
from calls.clients import Clients, clients
from calls.control import NewCall
from calls.settings import Settings
from calls.storage import Storage
from contract import names
from contract.grants import decode_grant

RINGS = timedelta(seconds=30)
"""How long ACS lets a call ring (``incoming-call-notification.md``)."""

# ACS's no: the call is answered already, or over. Asking again changes nothing.
_REFUSALS = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.CONFLICT,
    HTTPStatus.GONE,
    HTTPStatus.PRECONDITION_FAILED,
}

# Event Grid waits for ten seconds before it tells again.
_IN_FLIGHT = timedelta(seconds=8)

_log = logging.getLogger(__name__)
_REPEATABILITY = uuid.UUID("0c1d0b0e-5a0e-4c5b-9a35-2f6a1b8a7c42")


class Taken(msgspec.Struct, kw_only=True):
    """An incoming call that an instance is answering, or is done with."""

    begun_at: datetime
    done: bool = False


async def ring(event: func.EventGridEvent) -> None:
    """Event Grid tells of a call that rings. Raises where it should tell of it again."""
    await take(clients(), event, datetime.now(UTC))


async def take(clients: Clients, event: func.EventGridEvent, now: datetime) -> None:
    """Answer the call, unless it is to be left. Raises AzureError, Problem: to be tried again."""
    begun = event.event_time
    try:
        if event.event_type != INCOMING_CALL or begun is None or begun.tzinfo is None:
            raise MalformedEvent("the event is no IncomingCall: its type or its time")
        call = read_incoming_call(event.get_json())
    except MalformedEvent as error:
        refusals.refused(refusals.INCOMING, HTTPStatus.BAD_REQUEST, "malformed_event", str(error))
        return
    reason = _why_not(clients.settings, call, now - begun)
    if reason is not None:
        _tell("left", reason, call)
        return
    storage, blob = clients.storage, blobs.incoming_blob(call.correlation_id)
    if not await _begin(storage, blob, now):
        _tell("left", "taken", call)
        return
    try:
        await _answer(clients, call, now)
    except BaseException as error:
        _tell("failed", type(error).__name__, call)
        await storage.delete(blobs.IDEMPOTENCY, blob)
        raise
    done = msgspec.json.encode(Taken(begun_at=now, done=True))
    await storage.put(blobs.IDEMPOTENCY, blob, done)


async def _begin(storage: Storage, blob: str, now: datetime) -> bool:
    """Take the call; False where it is another's."""
    fresh = msgspec.json.encode(Taken(begun_at=now))
    if await storage.create(blobs.IDEMPOTENCY, blob, fresh):
        return True
    document = await storage.read(blobs.IDEMPOTENCY, blob)
    if document is None:
        # The other has failed just now, and Event Grid tells it again.
        return False
    known = msgspec.json.decode(document.content, type=Taken)
    if known.done or now - known.begun_at < _IN_FLIGHT:
        return False
    return await storage.replace(blobs.IDEMPOTENCY, blob, fresh, document.etag)


def _why_not(settings: Settings, call: IncomingCall, age: timedelta) -> str | None:
    if settings.answer_calls == "off":
        return "off"
    if not settings.answers(call.to.raw_id):
        return "not_listed"
    return "too_old" if age > RINGS else None


async def _answer(clients: Clients, call: IncomingCall, now: datetime) -> None:
    settings, storage = clients.settings, clients.storage
    asked = NewCall(
        to=shown(call.to.raw_id),
        from_=shown(call.from_.raw_id),
        channels=settings.answer_channels,
        sample_rate=settings.answer_sample_rate,
        start_streaming=settings.answer_start_streaming,
    )
    token = await control.grant_stream(storage, now)
    # If an answer is lost, ACS knows the next delivery's request as the same by this.
    repeatability = str(uuid.uuid5(_REPEATABILITY, call.incoming_call_context))
    try:
        answered = await clients.call_automation.answer_call(
            call.incoming_call_context,
            control.callback_url(settings),
            media_streaming=control.media_streaming(asked, settings.streamer_url, token),
            headers={"Repeatability-Request-ID": repeatability},
        )
    except AzureError as error:
        await _withdraw(storage, token)
        if isinstance(error, HttpResponseError) and error.status_code in _REFUSALS:
            # Its code only: its message may quote what it was sent.
            code = error.error.code if error.error is not None else "-"
            _tell("refused", f"acs_{error.status_code}_{code}", call)
            return
        raise
    record = await control.take_up(clients, asked, "incoming", answered, token, now)
    _tell("answered", "-", call, record.call_connection_id)


async def _withdraw(storage: Storage, token: str) -> None:
    """Delete the grant of a call that was not answered.

    Where a socket has bound it, ACS did answer, and only its word was lost: the audio goes on.
    """
    blob = names.grant_blob(token)
    document = await storage.read(names.GRANTS, blob)
    if document is not None and decode_grant(document.content).call_connection_id is None:
        await storage.delete(names.GRANTS, blob, document.etag)


def _tell(outcome: str, reason: str, call: IncomingCall, answered: str = "-") -> None:
    """No phone number and no context: neither belongs into a log."""
    _log.info(
        "incoming outcome=%s reason=%s correlation=%s call=%s",
        outcome,
        reason,
        call.correlation_id,
        answered,
    )
