"""The messages of the queue of transcriptions: each asks for the transcript of one call."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import msgspec

from calls.clients import Clients
from calls.queue_messages import decode_call_message

Send = Callable[[str], None]
"""Sends a message to the queue when the function has succeeded: the output binding's ``set``."""


class TranscriptionMessage(msgspec.Struct, frozen=True):
    """Asks for a call's transcript. The id stays the same when the host runs it again."""

    call_connection_id: str
    id: str


def request_transcript(clients: Clients, call: str, send: Send) -> None:
    """Ask for a call's transcript, unless TRANSCRIPTION is off."""
    if clients.settings.transcription != "off":
        message = TranscriptionMessage(call_connection_id=call, id=uuid.uuid4().hex)
        # An object: the host might take a bare id for JSON of another type.
        send(msgspec.json.encode(message).decode())


def decode_message(body: bytes) -> TranscriptionMessage:
    """Decode a message. Raises ValueError."""
    return decode_call_message(body, TranscriptionMessage, "transcriptions")
