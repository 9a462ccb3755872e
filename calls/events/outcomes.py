"""What became of an attempt to deliver an event."""

from __future__ import annotations

from http import HTTPStatus
from typing import NamedTuple


class Outcome(NamedTuple):
    """The outcome of one attempt.

    Attributes:
        error: What went wrong, in a few constant words; None: the endpoint has taken the event.
        is_gone: The endpoint says that it wants no further events (410).
        retry_after: The seconds for which it asks to be left alone.
    """

    error: str | None = None
    is_gone: bool = False
    retry_after: float = 0.0


DELIVERED = Outcome()

_MAX_RETRY_AFTER = 7200


def outcome_of(status: int, retry_after: str | None) -> Outcome:
    """Return the outcome that a response's status stands for."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return DELIVERED
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return Outcome(f"status {status}: redirects are not followed")
    text = (retry_after or "").strip()
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(_MAX_RETRY_AFTER))
    return Outcome(
        f"status {status}",
        is_gone=status == HTTPStatus.GONE,
        retry_after=min(int(text), _MAX_RETRY_AFTER) if is_number else 0,
    )
