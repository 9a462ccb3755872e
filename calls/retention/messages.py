"""The messages of the queue of deletions: each asks for a run of one deletion."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

Send = Callable[[str], None]
"""Sends a message to the queue when the function has succeeded: the output binding's ``set``."""


class DeletionMessage(msgspec.Struct, frozen=True):
    """Asks for a run of a deletion."""

    deletion: str


def request_run(id_: str, send: Send) -> None:
    """Ask for a run of a deletion."""
    send(msgspec.json.encode(DeletionMessage(id_)).decode())


def decode_message(body: bytes) -> DeletionMessage:
    """Decode a message. Raises ValueError."""
    try:
        return msgspec.json.decode(body, type=DeletionMessage)
    except msgspec.DecodeError as error:
        raise ValueError(f"not a message of the queue of deletions: {error}") from error
