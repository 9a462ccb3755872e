"""Messages of the app's queues that name a call."""

from __future__ import annotations

import base64
from typing import Protocol

import msgspec

from acs.identifiers import is_call_connection_id


class CallMessage(Protocol):
    """A message about one call."""

    @property
    def call_connection_id(self) -> str:
        """The call."""


def encode_queue_message(message: msgspec.Struct) -> str:
    """Encode a message for a queue, as host.json says (messageEncoding)."""
    return base64.b64encode(msgspec.json.encode(message)).decode()


def decode_call_message[Message: CallMessage](
    body: bytes, message_type: type[Message], queue: str
) -> Message:
    """Decode a message of a queue. Raises ValueError.

    Args:
        body: The message.
        message_type: Its type, a msgspec struct.
        queue: What the queue is of, for the error: ``ended calls``.
    """
    try:
        message = msgspec.json.decode(body, type=message_type)
    except msgspec.DecodeError as error:
        raise ValueError(f"not a message of the queue of {queue}: {error}") from error
    if not is_call_connection_id(message.call_connection_id):
        raise ValueError(f"not a message of the queue of {queue}: its call's id is invalid")
    return message
