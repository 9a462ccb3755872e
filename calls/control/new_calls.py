"""What placing and answering a call have in common: how it is streamed, and its first record.

Source of the options: Microsoft's audio streaming quickstart, and ``MediaStreamingOptions`` of
``azure-communication-callautomation`` 1.6.0.
"""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus

import msgspec
from azure.communication.callautomation import (
    AudioFormat,
    CallConnectionProperties,
    MediaStreamingAudioChannelType,
    MediaStreamingContentType,
    MediaStreamingOptions,
    StreamingTransportType,
)

from calls import refusals
from calls.clients import Clients
from calls.control.grants import bind_grant, end_grants, note_grant
from calls.errors import MissingCallConnectionId
from calls.locales import parse_setting
from calls.records.announcement import Announcement
from calls.records.event_matching import set_origin
from calls.records.model import CallRecord, Direction
from calls.records.store import change_record
from calls.settings import Settings
from contract.grants import MEDIA_PATH, DtmfMode

CALLBACK_PATH = "/api/v1/callbacks"

_FORMATS = {16_000: AudioFormat.PCM16_K_MONO, 24_000: AudioFormat.PCM24_K_MONO}


class NewCall(msgspec.Struct, kw_only=True, frozen=True):
    """Who calls whom, and how the call's audio is streamed. ``sample_rate`` is in Hz.

    ``dtmf`` says what is kept of DTMF tones. With ``off``, ACS is not asked for them.

    ``names`` has participants' display names by raw id. Without ``locales``, TRANSCRIPTION_LOCALE
    says what the call's language is; without ``retention_days``, RETENTION_DAYS how long it is
    kept.
    """

    to: str
    from_: str | None
    channels: str
    sample_rate: int
    start_streaming: bool
    dtmf: DtmfMode = "off"
    operation_context: str | None = None
    names: dict[str, str] = {}
    locales: list[str] | None = None
    announcement: Announcement | None = None
    retention_days: int | None = None
    webhook_url: str | None = None
    tags: list[str] = []
    notes: str | None = None


def callback_url(settings: Settings) -> str:
    """Return the URL to which ACS posts a call's events."""
    return settings.callback_url.rstrip("/") + CALLBACK_PATH


def media_streaming_options(call: NewCall, streamer_url: str, token: str) -> MediaStreamingOptions:
    """Return the media streaming options of a call: WebSocket transport, audio content.

    Args:
        call: The call.
        streamer_url: The streamer's public address, ``wss://...``.
        token: The stream token that opens the call's grant.
    """
    return MediaStreamingOptions(
        transport_url=streamer_url.rstrip("/") + MEDIA_PATH + token,
        transport_type=StreamingTransportType.WEBSOCKET,
        content_type=MediaStreamingContentType.AUDIO,
        audio_channel_type=MediaStreamingAudioChannelType(call.channels),
        # Nothing is streamed before the announcement has been played.
        start_media_streaming=call.start_streaming and call.announcement is None,
        enable_dtmf_tones=call.dtmf != "off",
        audio_format=_FORMATS[call.sample_rate],
    )


async def record_new_call(
    clients: Clients,
    call: NewCall,
    direction: Direction,
    properties: CallConnectionProperties,
    token: str,
    now: datetime,
) -> CallRecord:
    """Write the record of a call that ACS has placed or answered, and bind its grant to it.

    Args:
        clients: The app's clients.
        call: The call that ACS was requested to place or answer.
        direction: Whether the call was placed or answered.
        properties: ACS's response.
        token: The call's stream token.
        now: When the request to ACS began.

    Raises MissingCallConnectionId, Contended, AzureError.
    """
    call_connection_id = properties.call_connection_id
    if not call_connection_id:
        raise MissingCallConnectionId
    check, mismatches = clients.settings.callback_ids_check, 0

    def apply(record: CallRecord) -> bool:
        nonlocal mismatches
        record.direction = direction
        record.to, record.from_ = call.to, call.from_
        record.names = call.names
        record.locales = call.locales or parse_setting(clients.settings.transcription_locale)
        record.retention_days, record.webhook_url = call.retention_days, call.webhook_url
        # Somebody may have tagged the call already: its first event may have created the record.
        record.tags = record.tags or call.tags
        record.notes = record.notes or call.notes
        record.channels, record.sample_rate = call.channels, call.sample_rate
        record.start_streaming = call.start_streaming
        record.dtmf = call.dtmf
        if record.announcement is None:
            record.announcement = call.announcement
        record.operation_context = call.operation_context
        mismatches = set_origin(
            record,
            properties.server_call_id,
            properties.correlation_id,
            keep_mismatched=check != "require",
        )
        return True

    # Before the record: an event that ends the call finds one or the other.
    await note_grant(clients.storage, token, call_connection_id)
    record = await change_record(clients.storage, call_connection_id, apply, create_at=now)
    if mismatches and check != "off":
        log = refusals.log_refused if check == "require" else refusals.log_warned
        detail = f"{mismatches} events that arrived before call {call_connection_id} was recorded"
        log(refusals.CALLBACKS, HTTPStatus.FORBIDDEN, "placed_with_other_ids", detail)
    await bind_grant(clients.storage, token, call_connection_id, record.correlation_id)
    if record.ended_at is not None:
        await end_grants(clients.storage, call_connection_id, record.ended_at)
    return record
