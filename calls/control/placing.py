"""Placing a call with media streaming; an Idempotency-Key places at most one phone call."""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime

import msgspec
from azure.communication.callautomation import PhoneNumberIdentifier

# The SDK does not export it, and has no other way from a raw id to an identifier.
from azure.communication.callautomation._shared.models import identifier_from_raw_id
from azure.core.exceptions import AzureError

from acs.identifiers import is_phone_number, phone_number_raw_id
from calls.clients import Clients
from calls.control.acs_errors import acs_error
from calls.control.grants import create_grant
from calls.control.idempotency import KeyClaim, claim_key, complete_key, release_key
from calls.control.new_calls import (
    NewCall,
    callback_url,
    media_streaming_options,
    record_new_call,
)
from calls.destinations import require_allowed
from calls.errors import AcsError, DestinationNotAllowed, MissingCallConnectionId
from calls.records.model import CallRecord
from calls.records.store import read_record

_REPEATABILITY_NAMESPACE = uuid.UUID("4f0f2c43-2b7b-4f5c-9c0a-6f2a3d1f9a10")


class PlaceCall(NewCall, kw_only=True, frozen=True):
    """The call that ``POST /api/v1/calls`` asks for, validated."""

    cognitive_services_endpoint: str | None


async def place_call(
    clients: Clients, call: PlaceCall, idempotency_key: str | None
) -> tuple[CallRecord, bool]:
    """Place a call, or return the one that the key has already placed.

    Returns:
        The call's record, and whether an earlier request had placed it.

    Raises DestinationNotAllowed, IdempotencyKeyReused, IdempotencyKeyInUse, AcsError,
    MissingCallConnectionId, Contended, AzureError.
    """
    if idempotency_key is None:
        return await _place(clients, call, None), False
    claim = await claim_key(clients.storage, idempotency_key, _fingerprint(call))
    if not isinstance(claim, KeyClaim):
        return await read_record(clients.storage, claim), True
    try:
        record = await _place(clients, call, idempotency_key)
    except (AcsError, DestinationNotAllowed, MissingCallConnectionId):
        await release_key(clients.storage, claim)
        raise
    await complete_key(clients.storage, claim, record.call_connection_id)
    return record, False


async def _place(clients: Clients, call: PlaceCall, idempotency_key: str | None) -> CallRecord:
    require_allowed(clients.settings.allowed_destinations, call.to)
    now = datetime.now(UTC)
    token = await create_grant(clients.storage, now, call.sample_rate, call.dtmf)
    headers = {}
    if idempotency_key is not None:
        # ACS recognizes a repeated request by this id.
        request_id = uuid.uuid5(_REPEATABILITY_NAMESPACE, idempotency_key)
        headers["Repeatability-Request-ID"] = str(request_id)
    try:
        properties = await clients.call_automation.create_call(
            identifier_from_raw_id(
                phone_number_raw_id(call.to) if is_phone_number(call.to) else call.to
            ),
            callback_url(clients.settings),
            source_caller_id_number=PhoneNumberIdentifier(call.from_) if call.from_ else None,
            operation_context=call.operation_context,
            cognitive_services_endpoint=call.cognitive_services_endpoint,
            media_streaming=media_streaming_options(call, clients.settings.streamer_url, token),
            headers=headers,
        )
    except AzureError as error:
        raise acs_error("the call was not placed", error) from error
    return await record_new_call(clients, call, "outgoing", properties, token, now)


def _fingerprint(call: PlaceCall) -> str:
    return hashlib.sha256(msgspec.json.encode(call)).hexdigest()
