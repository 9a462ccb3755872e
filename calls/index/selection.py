"""Which calls a list has, in which order, and from where on. Pure."""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec

from calls.records.model import CallState, Direction, ResultState

Sort = Literal["-created_at", "created_at", "-duration", "duration"]
"""``-``: the newest or longest first. Calls whose duration is not known are last in both orders."""


class Selection(msgspec.Struct, kw_only=True, frozen=True):
    """The calls of a list; None and the empty tuple select all.

    Attributes:
        state: Their state.
        result_state: How far their result is.
        direction: Their direction.
        participant: The phone number, raw id or name of one of their participants.
        begun_from: When they began at the earliest, in microseconds since 1970.
        begun_until: When they began; before this time.
        tags: The tags that each of them has.
        min_duration: How long they were at least, in milliseconds.
        words: What they have in the words of their transcripts, as FTS5 has it.
        sort: Their order.
    """

    state: CallState | None = None
    result_state: ResultState | None = None
    direction: Direction | None = None
    participant: str | None = None
    begun_from: int | None = None
    begun_until: int | None = None
    tags: tuple[str, ...] = ()
    min_duration: int | None = None
    words: str | None = None
    sort: Sort = "-created_at"


def sort_column(selection: Selection) -> str:
    """Return the column of the order; calls without a duration are last in both directions."""
    if selection.sort == "duration":
        return "duration_last"
    return selection.sort.removeprefix("-")


class Cursor(NamedTuple):
    """The last call of a page: the value by which it was sorted, and its id."""

    value: int
    call: str


class Page(NamedTuple):
    """The contents of the rows of a page, and where the next one begins (None at the end)."""

    contents: list[bytes]
    cursor: Cursor | None
