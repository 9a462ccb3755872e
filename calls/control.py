"""Call control: placing a call with media streaming, starting and stopping the stream, hanging up.

Source of the options: Microsoft's audio streaming quickstart, and ``MediaStreamingOptions`` of
``azure-communication-callautomation`` 1.6.0.
"""

from __future__ import annotations

import hashlib
import logging
import uuid
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Literal

import azure.functions as func
import msgspec
from azure.communication.callautomation import (
    AudioFormat,
    CallConnectionProperties,
    CommunicationUserIdentifier,
    MediaStreamingAudioChannelType,
    MediaStreamingContentType,
    MediaStreamingOptions,
    PhoneNumberIdentifier,
    StreamingTransportType,
)
from azure.core.exceptions import AzureError

from acs.identifiers import is_communication_user_id, is_phone_number
from calls import blobs, refusals, store, web
from calls.belonging import place
from calls.clients import Clients
from calls.problems import Problem, from_acs
from calls.records import CallRecord, Direction, RequestRecord, add_request, remove_request
from calls.settings import Settings
from calls.storage import Storage
from contract import names
from contract.grants import (
    MEDIA_PATH,
    StreamGrant,
    decode_grant,
    encode_grant,
    new_grant,
    new_token,
)

CALLBACK_PATH = "/api/callbacks"

_log = logging.getLogger(__name__)
_IN_FLIGHT = timedelta(seconds=60)
_GRANT_TRIES = 5
_REPEATABILITY = uuid.UUID("4f0f2c43-2b7b-4f5c-9c0a-6f2a3d1f9a10")
_FORMATS = {16_000: AudioFormat.PCM16_K_MONO, 24_000: AudioFormat.PCM24_K_MONO}


class NewCall(msgspec.Struct, kw_only=True, frozen=True):
    """Who calls whom, and how that is to be streamed."""

    to: str
    from_: str | None
    channels: str
    sample_rate: int
    start_streaming: bool
    operation_context: str | None = None


class PlaceCall(NewCall, kw_only=True, frozen=True):
    """What ``POST /api/calls`` asks for, found right."""

    cognitive_services_endpoint: str | None


class IdempotencyRecord(msgspec.Struct, kw_only=True):
    """What an Idempotency-Key placed, or is placing."""

    request: str
    begun_at: datetime
    call_connection_id: str | None = None


def parse_place_call(members: dict[str, Any]) -> PlaceCall:
    """Check the body of ``POST /api/calls``. Raises Problem (400) with every fault at once."""
    fields = web.Fields(members)
    to, caller = fields.text("to"), fields.text("from")
    if to is None:
        if not fields.errors:
            fields.fault("to", "is required: an E.164 phone number or a communication user id")
    elif is_phone_number(to):
        if caller is None and not any(error["field"] == "from" for error in fields.errors):
            fields.fault("from", "is required to call a phone number: the caller id, E.164")
    elif not is_communication_user_id(to):
        fields.fault("to", "must be an E.164 phone number or a communication user id (8:acs:...)")
    if caller is not None and not is_phone_number(caller):
        fields.fault("from", "must be an E.164 phone number")
    endpoint = fields.text("cognitive_services_endpoint")
    if endpoint is not None and not endpoint.startswith("https://"):
        fields.fault("cognitive_services_endpoint", "must begin with https://")
    asked = PlaceCall(
        to=to or "",
        from_=caller,
        channels=fields.one_of("channels", ("mixed", "unmixed")),
        sample_rate=fields.one_of("sample_rate", (16_000, 24_000)),
        start_streaming=fields.one_of("start_streaming", (True, False)),
        operation_context=fields.text("operation_context", 1024),
        cognitive_services_endpoint=endpoint,
    )
    fields.done()
    return asked


async def place_call(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``POST /api/calls``: 201 with the record; with an Idempotency-Key, one phone call ever."""
    asked = parse_place_call(web.json_object(request))
    key = request.headers.get("Idempotency-Key")
    if key is None:
        record = await _place(clients, asked, None)
        return _created(record)
    if not 1 <= len(key) <= 255:
        raise Problem(HTTPStatus.BAD_REQUEST, "Idempotency-Key must have 1 to 255 characters")
    known = await _begin(clients.storage, key, asked)
    if known is not None:
        return _created(await store.find(clients.storage, known), replayed=True)
    try:
        record = await _place(clients, asked, key)
    except Problem:
        await _give_back(clients.storage, key, asked)
        raise
    return _created(record)


def _created(record: CallRecord, *, replayed: bool = False) -> func.HttpResponse:
    headers = {"Location": f"/api/calls/{record.call_connection_id}"}
    if replayed:
        headers["Idempotent-Replayed"] = "true"
    return web.document(record, HTTPStatus.CREATED, headers)


async def _begin(storage: Storage, key: str, asked: PlaceCall) -> str | None:
    """Take the key for this request; the call that it placed before, if it did."""
    blob = blobs.idempotency_blob(key)
    fingerprint = _fingerprint(asked)
    now = datetime.now(UTC)
    fresh = msgspec.json.encode(IdempotencyRecord(request=fingerprint, begun_at=now))
    if await storage.create(blobs.IDEMPOTENCY, blob, fresh):
        return None
    document = await storage.read(blobs.IDEMPOTENCY, blob)
    if document is None:
        raise _in_flight()
    known = msgspec.json.decode(document.content, type=IdempotencyRecord)
    if known.request != fingerprint:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "this Idempotency-Key was used with another body; use a new key for a new call",
        )
    if known.call_connection_id is not None:
        return known.call_connection_id
    # An attempt that died may be taken over: ACS knows the repeated request by its id.
    if now - known.begun_at < _IN_FLIGHT or not await storage.replace(
        blobs.IDEMPOTENCY, blob, fresh, document.etag
    ):
        raise _in_flight()
    return None


async def _give_back(storage: Storage, key: str, asked: PlaceCall) -> None:
    """The call was not placed: the same request may be sent again at once."""
    known = IdempotencyRecord(request=_fingerprint(asked), begun_at=datetime.fromtimestamp(0, UTC))
    await storage.put(blobs.IDEMPOTENCY, blobs.idempotency_blob(key), msgspec.json.encode(known))


def _fingerprint(asked: PlaceCall) -> str:
    return hashlib.sha256(msgspec.json.encode(asked)).hexdigest()


def _in_flight() -> Problem:
    return Problem(
        HTTPStatus.CONFLICT,
        "the call of this Idempotency-Key is being placed; ask again",
        headers={"Retry-After": "2"},
    )


async def _place(clients: Clients, asked: PlaceCall, key: str | None) -> CallRecord:
    settings, storage = clients.settings, clients.storage
    now = datetime.now(UTC)
    token = await grant_stream(storage, now)
    headers = {}
    if key is not None:
        headers["Repeatability-Request-ID"] = str(uuid.uuid5(_REPEATABILITY, key))
    try:
        placed = await clients.call_automation.create_call(
            PhoneNumberIdentifier(asked.to)
            if is_phone_number(asked.to)
            else CommunicationUserIdentifier(asked.to),
            callback_url(settings),
            source_caller_id_number=PhoneNumberIdentifier(asked.from_) if asked.from_ else None,
            operation_context=asked.operation_context,
            cognitive_services_endpoint=asked.cognitive_services_endpoint,
            media_streaming=media_streaming(asked, settings.streamer_url, token),
            headers=headers,
        )
    except AzureError as error:
        raise from_acs("the call was not placed", error) from error
    record = await take_up(clients, asked, "outgoing", placed, token, now)
    if key is not None:
        done = IdempotencyRecord(
            request=_fingerprint(asked),
            begun_at=now,
            call_connection_id=record.call_connection_id,
        )
        await storage.put(blobs.IDEMPOTENCY, blobs.idempotency_blob(key), msgspec.json.encode(done))
    return record


async def grant_stream(storage: Storage, now: datetime) -> str:
    """A new stream token, and the grant that it opens; bound when the call is taken up."""
    token = new_token()
    await storage.put(names.GRANTS, names.grant_blob(token), encode_grant(new_grant(now)))
    return token


async def take_up(
    clients: Clients,
    asked: NewCall,
    direction: Direction,
    made: CallConnectionProperties,
    token: str,
    now: datetime,
) -> CallRecord:
    """Write the record of a call that ACS has placed or answered, and bind its grant to it."""
    call = made.call_connection_id
    if not call:
        raise Problem(HTTPStatus.BAD_GATEWAY, "ACS gave a call without a call connection id")
    check, foreign = clients.settings.callback_ids_check, 0

    def know(record: CallRecord) -> bool:
        nonlocal foreign
        record.direction = direction
        foreign = _describe(record, asked, made, keep_others=check != "require")
        return True

    record = await store.change(clients.storage, call, know, create_at=now)
    if foreign and check != "off":
        tell = refusals.refused if check == "require" else refusals.warned
        detail = f"{foreign} events that came before call {call} was placed"
        tell(refusals.CALLBACKS, HTTPStatus.FORBIDDEN, "placed_otherwise", detail)
    await _bind(clients.storage, token, call, record.correlation_id)
    return record


def callback_url(settings: Settings) -> str:
    """Where ACS posts a call's events."""
    return settings.callback_url.rstrip("/") + CALLBACK_PATH


def media_streaming(asked: NewCall, streamer_url: str, token: str) -> MediaStreamingOptions:
    """The media streaming options of a call: WebSocket transport, audio content."""
    return MediaStreamingOptions(
        transport_url=streamer_url.rstrip("/") + MEDIA_PATH + token,
        transport_type=StreamingTransportType.WEBSOCKET,
        content_type=MediaStreamingContentType.AUDIO,
        audio_channel_type=MediaStreamingAudioChannelType(asked.channels),
        start_media_streaming=asked.start_streaming,
        enable_dtmf_tones=True,
        audio_format=_FORMATS[asked.sample_rate],
    )


def _describe(
    record: CallRecord, asked: NewCall, placed: CallConnectionProperties, *, keep_others: bool
) -> int:
    """Fill the record; how many of the events that came before are not of this call's ids."""
    record.to, record.from_ = asked.to, asked.from_
    record.channels, record.sample_rate = asked.channels, asked.sample_rate
    record.start_streaming = asked.start_streaming
    record.operation_context = asked.operation_context
    return place(record, placed.server_call_id, placed.correlation_id, keep_others=keep_others)


async def _bind(storage: Storage, token: str, call: str, correlation: str | None) -> None:
    """Bind the grant to its call, unless the call's first socket has done so already."""
    blob = names.grant_blob(token)
    for _ in range(_GRANT_TRIES):
        document = await storage.read(names.GRANTS, blob)
        grant = decode_grant(document.content) if document else new_grant(datetime.now(UTC))
        if grant.call_connection_id not in (None, call):
            _log.error("the stream token of call %s was used by another call first", call)
            return
        if correlation and grant.correlation_id not in (None, correlation):
            _log.error("call %s streams under another correlation id than it was placed with", call)
            return
        bound: StreamGrant = msgspec.structs.replace(
            grant, call_connection_id=call, correlation_id=correlation or grant.correlation_id
        )
        if bound == grant:
            return
        if document is None or await storage.replace(
            names.GRANTS, blob, encode_grant(bound), document.etag
        ):
            return


# Streaming and hanging up.


async def start_streaming(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``POST /api/calls/{id}/streaming/start``: 202 with the record."""
    return await _stream(clients, request, "start")


async def stop_streaming(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``POST /api/calls/{id}/streaming/stop``: 202 with the record."""
    return await _stream(clients, request, "stop")


async def _stream(
    clients: Clients, request: func.HttpRequest, operation: Literal["start", "stop"]
) -> func.HttpResponse:
    call = web.call_connection_id(request)
    fields = web.Fields(web.json_object(request))
    context = fields.text("operation_context", 1024)
    fields.done()
    noted = RequestRecord(id=uuid.uuid4().hex, operation=operation, time=datetime.now(UTC))

    def take(record: CallRecord) -> bool:
        _guard(record, operation)
        add_request(record, noted)
        return True

    # The record takes the request before ACS does: of two at once, only one gets to ACS.
    record = await store.change(clients.storage, call, take)
    connection = clients.call_automation.get_call_connection(call)
    send = (
        connection.start_media_streaming
        if operation == "start"
        else connection.stop_media_streaming
    )
    try:
        # ACS does not recognize these when they are repeated, so the client must not repeat them.
        await send(
            operation_callback_url=callback_url(clients.settings),
            operation_context=context,
            retry_total=0,
        )
    except AzureError as error:

        def give_back(record: CallRecord) -> bool:
            remove_request(record, noted.id)
            return True

        await store.change(clients.storage, call, give_back)
        raise from_acs(f"the media streaming did not {operation}", error) from error
    return web.document(record, HTTPStatus.ACCEPTED)


def _guard(record: CallRecord, operation: Literal["start", "stop"]) -> None:
    if record.is_over:
        raise Problem(HTTPStatus.CONFLICT, "the call is over")
    state = record.streaming.state
    if (state in ("starting", "active")) == (operation == "start"):
        raise Problem(HTTPStatus.CONFLICT, f"the media streaming is {state}")


async def hang_up(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``DELETE /api/calls/{id}``: hangs up for everyone; 204."""
    call = web.call_connection_id(request)
    record = await store.find(clients.storage, call)
    if record.is_over:
        raise Problem(HTTPStatus.CONFLICT, "the call is over")
    try:
        await clients.call_automation.get_call_connection(call).hang_up(True)
    except AzureError as error:
        raise from_acs("the call was not hung up", error) from error
    return func.HttpResponse(status_code=HTTPStatus.NO_CONTENT)
