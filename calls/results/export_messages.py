"""The messages of the queue of exports: each asks for one zip file."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from calls.queue_messages import decode_call_message

Send = Callable[[str], None]
"""Sends a message to the queue when the function has succeeded: the output binding's ``set``."""


class ExportMessage(msgspec.Struct, frozen=True):
    """Asks for the zip file of an order."""

    call_connection_id: str
    source: str


def request_export(call: str, source: str, send: Send) -> None:
    """Ask for the zip file of an order."""
    send(msgspec.json.encode(ExportMessage(call, source)).decode())


def decode_message(body: bytes) -> ExportMessage:
    """Decode a message. Raises ValueError."""
    return decode_call_message(body, ExportMessage, "exports")
