"""The messages of the queue of ended calls: each asks for the assembly of one call.

While a call goes on, the assemblies after its streams are mostly postponed
(``results/coalescing.py``). So the callback of its end sends a message if something was left.
"""

from __future__ import annotations

import msgspec

from calls.queue_messages import decode_call_message


class _Message(msgspec.Struct):
    call_connection_id: str


def encode_message(call: str) -> str:
    """Encode a call connection id as a message."""
    # An object: the host might take a bare id for JSON of another type.
    return msgspec.json.encode(_Message(call)).decode()


def decode_message(body: bytes) -> str:
    """Decode a message to its call connection id. Raises ValueError."""
    return decode_call_message(body, _Message, "ended calls").call_connection_id
