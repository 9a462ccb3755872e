"""Callback events of Call Automation, and Event Grid's IncomingCall, as typed structs.

Callback events are CloudEvents 1.0. Source: the event models of
``azure-communication-callautomation`` 1.6.0 (not public there) and the payloads in the Java SDK's
parser tests; of IncomingCall, ``communication-services-voice-video-events.md``. Unknown types and
members are ignored, not refused.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from acs.errors import MalformedEvent
from acs.identifiers import MAX_NAME_CHARACTERS, is_raw_id, one_line
from acs.json_errors import JSON_ERRORS

TYPE_PREFIX = "Microsoft.Communication."

CALL_CONNECTED = TYPE_PREFIX + "CallConnected"
CALL_DISCONNECTED = TYPE_PREFIX + "CallDisconnected"
CREATE_CALL_FAILED = TYPE_PREFIX + "CreateCallFailed"
ANSWER_FAILED = TYPE_PREFIX + "AnswerFailed"
CONNECT_FAILED = TYPE_PREFIX + "ConnectFailed"
PARTICIPANTS_UPDATED = TYPE_PREFIX + "ParticipantsUpdated"
MEDIA_STREAMING_STARTED = TYPE_PREFIX + "MediaStreamingStarted"
MEDIA_STREAMING_STOPPED = TYPE_PREFIX + "MediaStreamingStopped"
MEDIA_STREAMING_FAILED = TYPE_PREFIX + "MediaStreamingFailed"
PLAY_STARTED = TYPE_PREFIX + "PlayStarted"
PLAY_COMPLETED = TYPE_PREFIX + "PlayCompleted"
PLAY_FAILED = TYPE_PREFIX + "PlayFailed"
PLAY_CANCELED = TYPE_PREFIX + "PlayCanceled"
INCOMING_CALL = TYPE_PREFIX + "IncomingCall"

CALL_ENDS = frozenset({CALL_DISCONNECTED, CREATE_CALL_FAILED, ANSWER_FAILED, CONNECT_FAILED})
"""After one of these, ACS streams no audio of the call."""

MOST_INCOMING_CALL_BYTES = 64 * 1024


class ResultInformation(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """The result of an operation: ``code`` is like an HTTP status, ``sub_code`` is ACS's own."""

    code: int | None = None
    sub_code: int | None = None
    message: str | None = None


class MediaStreamingUpdate(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """The state of media streaming, in a MediaStreaming event."""

    content_type: str | None = None
    media_streaming_status: str | None = None
    media_streaming_status_details: str | None = None


class Identifier(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """A communication identifier. Media packets name participants by their ``raw_id``."""

    raw_id: str
    kind: str | None = None


class Participant(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """One participant of a ParticipantsUpdated event."""

    identifier: Identifier
    is_muted: bool = False
    is_on_hold: bool = False


class EventData(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """The members that all callback events share, and those of the types that are used."""

    call_connection_id: str
    server_call_id: str | None = None
    correlation_id: str | None = None
    operation_context: str | None = None
    result_information: ResultInformation | None = None
    media_streaming_update: MediaStreamingUpdate | None = None
    participants: list[Participant] | None = None
    sequence_number: int | None = None


class CallbackEvent(msgspec.Struct, frozen=True):
    """One CloudEvent; ``time`` is UTC, with up to seven fractional digits on the wire."""

    id: str
    type: str
    time: Annotated[datetime, msgspec.Meta(tz=True)]
    data: EventData
    source: str = ""
    subject: str | None = None
    specversion: str = "1.0"

    @property
    def name(self) -> str:
        """The type without its prefix: ``CallConnected``."""
        return self.type.removeprefix(TYPE_PREFIX)


class IncomingCall(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """The data of an IncomingCall event.

    ``incoming_call_context`` is a secret: whoever has it can answer the call. ``correlation_id``
    appears in logs, so only printable characters without spaces are accepted. Whatever the display
    name is, the call can be answered: see ``caller_name``.
    """

    to: Identifier
    from_: Identifier = msgspec.field(name="from")
    incoming_call_context: Annotated[str, msgspec.Meta(min_length=1)]
    correlation_id: Annotated[str, msgspec.Meta(pattern=r"^[!-~]{1,128}\Z")]
    caller_display_name: Any = None

    @property
    def caller_name(self) -> str | None:
        """The caller's display name as one line of at most 256 characters; None if it has none."""
        if not isinstance(self.caller_display_name, str):
            return None
        return one_line(self.caller_display_name)[:MAX_NAME_CHARACTERS] or None


_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_event = msgspec.json.Decoder(CallbackEvent).decode


def decode_callback_events(body: bytes) -> tuple[list[CallbackEvent], list[str]]:
    """Decode a callback's body.

    Returns:
        The events that could be decoded, and a message for each of the others.

    Raises:
        MalformedEvent: The body is not a JSON array.
    """
    try:
        raws = _decode_array(body)
    except JSON_ERRORS as error:
        raise MalformedEvent(f"the body is not a JSON array of CloudEvents: {error}") from error
    events: list[CallbackEvent] = []
    faults: list[str] = []
    for index, raw in enumerate(raws):
        try:
            event = _decode_event(raw)
            # On the first and last day of the calendar, some times do not exist in UTC.
            event.time.astimezone(UTC)
            events.append(event)
        except (*JSON_ERRORS, OverflowError) as error:
            faults.append(f"event {index}: {error}")
    return events, faults


def read_incoming_call(data: object) -> IncomingCall:
    """Decode the data of an IncomingCall event. Raises MalformedEvent, which never quotes it.

    Half a surrogate pair, such as a display name that was cut has, becomes a question mark.
    """
    try:
        body = json.dumps(data, ensure_ascii=False).encode(errors="replace")
        if len(body) > MOST_INCOMING_CALL_BYTES:
            raise MalformedEvent(
                f"the event has {len(body)} bytes, more than {MOST_INCOMING_CALL_BYTES}"
            )
        call = msgspec.json.decode(body, type=IncomingCall)
    except JSON_ERRORS as error:
        raise MalformedEvent(f"the event is not an IncomingCall: {error}") from error
    for name, identifier in (("to", call.to), ("from", call.from_)):
        if not is_raw_id(identifier.raw_id):
            raise MalformedEvent(
                f"the event is not an IncomingCall: invalid raw id - at `$.{name}.rawId`"
            )
    return call
