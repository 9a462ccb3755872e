"""Answering incoming calls with media streaming.

Event Grid delivers an IncomingCall event at least once and in no order, and a call rings for only
half a minute. So an instance claims a call before it answers it: of two instances, only one does.
If that instance dies, the next delivery takes over the claim; ACS recognizes the repeated request.
A call that is too old, or that was answered elsewhere, is left without an error, because an error
would only bring the event again. The app never rejects a call: it keeps ringing for others.

Each delivery is logged once: as ``incoming_call`` with the outcome ``answered``, ``left`` (by the
app), ``refused`` (by ACS) or ``failed``; if it is malformed, as ``request_refused
entrance=incoming``.

    traces
    | where message startswith "incoming_call "
    | parse-kv message as (outcome:string, reason:string)
        with (pair_delimiter=" ", kv_delimiter="=", quote='"')
    | summarize count() by outcome, reason, bin(timestamp, 5m)
"""

from __future__ import annotations

import logging
import uuid
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Literal

import azure.functions as func
import msgspec
from azure.core.exceptions import AzureError, HttpResponseError

from acs.errors import MalformedEvent
from acs.events import INCOMING_CALL, IncomingCall, read_incoming_call
from acs.identifiers import display_id
from calls import blobs, refusals
from calls.audit import record_or_log
from calls.clients import Clients
from calls.control.announcement_policy import announcement_endpoint, setting_announcement
from calls.control.announcing import advance
from calls.control.grants import create_grant, withdraw_grant
from calls.control.new_calls import (
    NewCall,
    callback_url,
    media_streaming_options,
    record_new_call,
)
from calls.principals import SYSTEM
from calls.settings import Settings
from calls.storage import Storage
from event_log import log_event

RINGING_TIME = timedelta(seconds=30)
"""How long ACS lets a call ring (``incoming-call-notification.md``)."""

_FINAL_STATUSES = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.CONFLICT,
    HTTPStatus.GONE,
    HTTPStatus.PRECONDITION_FAILED,
}
"""ACS's statuses for a call that was answered elsewhere or has ended: a retry would not help."""

_CLAIM_LIFETIME = timedelta(seconds=8)
"""Event Grid waits ten seconds before it delivers an event again."""

_REPEATABILITY_NAMESPACE = uuid.UUID("0c1d0b0e-5a0e-4c5b-9a35-2f6a1b8a7c42")
_log = logging.getLogger(__name__)

Outcome = Literal["answered", "left", "refused", "failed"]


class IncomingCallClaim(msgspec.Struct, kw_only=True):
    """An instance's claim on an incoming call; ``done`` once the call needs nothing more.

    ``nonce`` tells the claims on one call apart.
    """

    begun_at: datetime
    nonce: str = ""
    done: bool = False


async def handle_incoming_call(clients: Clients, event: func.EventGridEvent, now: datetime) -> None:
    """Answer an incoming call, unless the settings or its age say to leave it.

    Raises CallAudioError, AzureError: Event Grid should deliver the event again.
    """
    begun_at = event.event_time
    try:
        if event.event_type != INCOMING_CALL or begun_at is None or begun_at.tzinfo is None:
            raise MalformedEvent("the type or time of the event is not an IncomingCall's")
        call = read_incoming_call(event.get_json())
    except MalformedEvent as error:
        refusals.log_refused(
            refusals.INCOMING, HTTPStatus.BAD_REQUEST, "malformed_event", str(error)
        )
        return
    reason = _reason_to_leave(clients.settings, call, now - begun_at)
    if reason is not None:
        _log_outcome("left", reason, call)
        return
    storage, blob = clients.storage, blobs.incoming_blob(call.correlation_id)
    claim = IncomingCallClaim(begun_at=now, nonce=uuid.uuid4().hex)
    if not await _write_claim(storage, blob, claim):
        _log_outcome("left", "claimed", call)
        return
    try:
        await _answer(clients, call, now)
    except BaseException as error:
        _log_outcome("failed", type(error).__name__, call)
        await _release_claim(storage, blob, claim)
        raise
    claim.done = True
    await storage.put(blobs.IDEMPOTENCY, blob, msgspec.json.encode(claim))


def _reason_to_leave(settings: Settings, call: IncomingCall, age: timedelta) -> str | None:
    if settings.answer_calls == "off":
        return "off"
    if not settings.answers(call.to.raw_id):
        return "not_listed"
    if settings.announcement == "required" and setting_announcement(settings) is None:
        return "no_announcement"
    return "too_old" if age > RINGING_TIME else None


async def _write_claim(storage: Storage, blob: str, claim: IncomingCallClaim) -> bool:
    """Claim a call; False if another instance has it."""
    content = msgspec.json.encode(claim)
    if await storage.create(blobs.IDEMPOTENCY, blob, content):
        return True
    document = await storage.read(blobs.IDEMPOTENCY, blob)
    if document is None:
        # The other instance has just failed, and Event Grid will deliver its event again.
        return False
    existing = msgspec.json.decode(document.content, type=IncomingCallClaim)
    if existing.done or claim.begun_at - existing.begun_at < _CLAIM_LIFETIME:
        return False
    etag = await storage.replace(blobs.IDEMPOTENCY, blob, content, document.etag)
    return etag is not None


async def _release_claim(storage: Storage, blob: str, claim: IncomingCallClaim) -> None:
    """Delete a claim, unless another instance has taken it over."""
    document = await storage.read(blobs.IDEMPOTENCY, blob)
    if document is not None and document.content == msgspec.json.encode(claim):
        await storage.delete(blobs.IDEMPOTENCY, blob, document.etag)


async def _answer(clients: Clients, call: IncomingCall, now: datetime) -> None:
    settings, storage = clients.settings, clients.storage
    new_call = NewCall(
        to=display_id(call.to.raw_id),
        from_=display_id(call.from_.raw_id),
        names={call.from_.raw_id: call.caller_name} if call.caller_name else {},
        channels=settings.answer_channels,
        sample_rate=settings.answer_sample_rate,
        start_streaming=settings.answer_start_streaming,
        dtmf=settings.dtmf,
        announcement=setting_announcement(settings),
    )
    token = await create_grant(storage, now, new_call.sample_rate, new_call.dtmf)
    # If ACS's response is lost, ACS recognizes the next delivery's request by this id.
    request_id = str(uuid.uuid5(_REPEATABILITY_NAMESPACE, call.incoming_call_context))
    try:
        properties = await clients.call_automation.answer_call(
            call.incoming_call_context,
            callback_url(settings),
            cognitive_services_endpoint=announcement_endpoint(settings, new_call.announcement),
            media_streaming=media_streaming_options(new_call, settings.streamer_url, token),
            headers={"Repeatability-Request-ID": request_id},
        )
    except AzureError as error:
        await withdraw_grant(storage, token)
        if isinstance(error, HttpResponseError) and error.status_code in _FINAL_STATUSES:
            # Only ACS's code: its message may quote the request.
            code = error.error.code if error.error is not None else "-"
            _log_outcome("refused", f"acs_{error.status_code}_{code}", call)
            return
        raise
    record = await record_new_call(clients, new_call, "incoming", properties, token, now)
    await advance(clients, record, now)
    _log_outcome("answered", None, call, record.call_connection_id)
    # It rings for half a minute only: it is answered even while the trail accepts no entries.
    await record_or_log(storage, "answer_call", SYSTEM, call=record.call_connection_id)


def _log_outcome(
    outcome: Outcome,
    reason: str | None,
    call: IncomingCall,
    call_connection_id: str | None = None,
) -> None:
    """Log the outcome of a call, without phone numbers and without its context (a secret)."""
    log_event(
        _log,
        logging.INFO,
        "incoming_call",
        outcome=outcome,
        reason=reason,
        correlation=call.correlation_id,
        call=call_connection_id,
    )
