"""Placing a call with media streaming; an Idempotency-Key places at most one phone call."""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime

import msgspec
from azure.communication.callautomation import CallConnectionProperties, PhoneNumberIdentifier

# The SDK does not export it, and has no other way from a raw id to an identifier.
from azure.communication.callautomation._shared.models import identifier_from_raw_id
from azure.core.exceptions import AzureError, ServiceRequestError

from acs.identifiers import is_phone_number, phone_number_raw_id
from calls.clients import Clients
from calls.control.acs_errors import acs_error
from calls.control.announcement_policy import announcement_endpoint
from calls.control.announcing import advance
from calls.control.call_limits import CallLimits, Reservation
from calls.control.grants import create_grant
from calls.control.idempotency import KeyClaim, claim_key, complete_key, release_key
from calls.control.new_calls import (
    NewCall,
    callback_url,
    media_streaming_options,
    record_new_call,
)
from calls.destinations import require_allowed
from calls.errors import (
    AcsError,
    AcsUnavailable,
    DestinationNotAllowed,
    MissingCallConnectionId,
    TooManyCallsToday,
    TooManyConcurrentCalls,
)
from calls.principals import Principal
from calls.records.model import CallRecord
from calls.records.store import read_record
from contract import names
from contract.grants import new_token

_REPEATABILITY_NAMESPACE = uuid.UUID("4f0f2c43-2b7b-4f5c-9c0a-6f2a3d1f9a10")

_NOT_PLACED = (
    AcsError,
    DestinationNotAllowed,
    MissingCallConnectionId,
    TooManyCallsToday,
    TooManyConcurrentCalls,
)
"""After these errors, the same Idempotency-Key may be sent again at once."""


class PlaceCall(NewCall, kw_only=True, frozen=True):
    """The call that ``POST /api/v1/calls`` asks for, validated."""

    cognitive_services_endpoint: str | None


async def place_call(
    clients: Clients, principal: Principal, call: PlaceCall, idempotency_key: str | None
) -> tuple[CallRecord, bool]:
    """Place a call for a principal, or return the one that their key has already placed.

    Returns:
        The call's record, and whether an earlier request had placed it.

    Raises DestinationNotAllowed, TooManyConcurrentCalls, TooManyCallsToday, IdempotencyKeyReused,
    IdempotencyKeyInUse, CallDeleted (the key placed a call, and is about to be deleted with it),
    AcsError, MissingCallConnectionId, Contended, AzureError.
    """
    if idempotency_key is None:
        return await _place(clients, principal, call, str(uuid.uuid4())), False
    fingerprint = _fingerprint(call)
    claim = await claim_key(clients.storage, principal, idempotency_key, fingerprint)
    if not isinstance(claim, KeyClaim):
        return await read_record(clients.storage, claim), True
    # ACS recognizes a repeated request by this id, and knows nothing of principals.
    request_id = str(uuid.uuid5(_REPEATABILITY_NAMESPACE, claim.blob + claim.record.seed))
    try:
        record = await _place(clients, principal, call, request_id)
    except _NOT_PLACED:
        await release_key(clients.storage, claim)
        raise
    await complete_key(clients.storage, claim, record.call_connection_id)
    return record, False


async def _place(
    clients: Clients, principal: Principal, call: PlaceCall, request_id: str
) -> CallRecord:
    settings, storage = clients.settings, clients.storage
    require_allowed(settings.allowed_destinations, call.to)
    now, token = datetime.now(UTC), new_token()
    limits = CallLimits(storage, settings, principal)
    reservation = Reservation(id=request_id, grant=names.grant_blob(token), begun_at=now)
    await limits.reserve(reservation)
    try:
        await create_grant(storage, now, call.sample_rate, call.dtmf, token)
        properties = await _create_call(clients, call, token, request_id)
    except (AcsError, AzureError) as error:
        if not _may_have_been_placed(error):
            await limits.release(reservation)
        raise
    record = await record_new_call(clients, call, "outgoing", properties, token, now)
    # The event that the call has connected may have come first.
    await advance(clients, record, now)
    return record


async def _create_call(
    clients: Clients, call: PlaceCall, token: str, request_id: str
) -> CallConnectionProperties:
    try:
        return await clients.call_automation.create_call(
            identifier_from_raw_id(
                phone_number_raw_id(call.to) if is_phone_number(call.to) else call.to
            ),
            callback_url(clients.settings),
            source_caller_id_number=PhoneNumberIdentifier(call.from_) if call.from_ else None,
            operation_context=call.operation_context,
            cognitive_services_endpoint=call.cognitive_services_endpoint
            or announcement_endpoint(clients.settings, call.announcement),
            media_streaming=media_streaming_options(call, clients.settings.streamer_url, token),
            headers={"Repeatability-Request-ID": request_id},
        )
    except AzureError as error:
        raise acs_error("the call was not placed", error) from error


def _may_have_been_placed(error: Exception) -> bool:
    """Whether ACS got the request, and its response was lost."""
    return isinstance(error, AcsUnavailable) and not isinstance(
        error.__cause__, ServiceRequestError
    )


def _fingerprint(call: PlaceCall) -> str:
    return hashlib.sha256(msgspec.json.encode(call)).hexdigest()
