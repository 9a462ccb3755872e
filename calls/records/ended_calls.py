"""The messages of the queue of ended calls: each asks for the assembly of one call.

While a call goes on, the assemblies after its streams are mostly postponed
(``results/coalescing.py``). So the callback of its end sends a message if something was left.
"""

from __future__ import annotations

import msgspec

from acs.identifiers import is_call_connection_id


class _Message(msgspec.Struct):
    call_connection_id: str


def encode_message(call: str) -> str:
    """Encode a call connection id as a message."""
    # An object: the host might take a bare id for JSON of another type.
    return msgspec.json.encode(_Message(call)).decode()


def decode_message(body: bytes) -> str:
    """Decode a message to its call connection id. Raises ValueError."""
    try:
        call = msgspec.json.decode(body, type=_Message).call_connection_id
    except msgspec.DecodeError as error:
        raise ValueError(f"not a message of the queue of ended calls: {error}") from error
    if not is_call_connection_id(call):
        raise ValueError("not a message of the queue of ended calls: its call's id is invalid")
    return call
