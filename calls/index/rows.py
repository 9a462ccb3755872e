"""What the index keeps of a call's record."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from acs.identifiers import is_phone_number, phone_number_raw_id
from calls.records.model import CallRecord, CallState, Direction, ResultState
from calls.records.store import decode_record
from event_log import log_event

UNKNOWN_DURATION = -1
_LAST = 2**62
_NAME_PREFIX = "\n"
"""Keeps names apart from raw ids, which have no line end."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MILLISECOND = timedelta(milliseconds=1)
_LEFT_OUT = ("events", "milestones")
"""Members of a record that no list shows."""

_log = logging.getLogger(__name__)


class _Line(msgspec.Struct, kw_only=True, gc=False):
    """The members of a record from which its row is made. Whatever is a record is a line, too.

    A process that starts decodes all calls: half of its time would go into what no row has. ``gc``:
    nor does the garbage collector go through them all again and again.
    """

    revision: int
    call_connection_id: str
    created_at: datetime
    state: CallState
    result_state: ResultState
    direction: Direction | None = None
    to: str | None = None
    from_: str | None = msgspec.field(default=None, name="from")
    names: dict[str, str] = msgspec.field(default_factory=dict)
    participants: list[str] = msgspec.field(default_factory=list)
    tags: list[str] = msgspec.field(default_factory=list)
    connected_at: datetime | None = None
    ended_at: datetime | None = None
    transcript_digest: str | None = None


_decode_line = msgspec.json.Decoder(_Line).decode


class Row(NamedTuple):
    """One call in the index.

    Attributes:
        call: The call connection id.
        revision: That of its record.
        created_at: When it began, in microseconds since 1970.
        state: Its state.
        result_state: How far its result is.
        direction: Its direction; empty as long as it is not known.
        duration: From its connection to its end, in milliseconds; ``UNKNOWN_DURATION`` for a call
            that has not ended, or was never connected.
        participants: The keys by which its participants are found.
        tags: Its tags.
        content: Its record without its events, a line of JSON.
        transcript: The digest of the words of its transcript; empty without a complete one.
    """

    call: str
    revision: int
    created_at: int
    state: str
    result_state: str
    direction: str
    duration: int
    participants: list[str]
    tags: list[str]
    content: bytes
    transcript: str = ""

    @property
    def duration_last(self) -> int:
        """The duration, by which calls are last whose duration is not known."""
        return _LAST if self.duration == UNKNOWN_DURATION else self.duration


def row_of(record: CallRecord) -> Row:
    """Return the row of a record."""
    return _make_row(record, _encode(record))


def _make_row(record: CallRecord | _Line, content: bytes) -> Row:
    return Row(
        call=record.call_connection_id,
        revision=record.revision,
        created_at=microseconds(record.created_at),
        state=record.state,
        result_state=record.result_state,
        direction=record.direction or "",
        duration=_duration(record),
        participants=sorted(_participant_keys(record)),
        tags=record.tags,
        content=content,
        transcript=record.transcript_digest or "",
    )


def parse_row(content: bytes, **source: str) -> Row | None:
    """Return the row of a stored record; None, and a log event, if it cannot be read.

    Args:
        content: The record, as it is stored.
        source: The log event's fields that say whose record it is.
    """
    try:
        return row_of(decode_record(content))
    except msgspec.DecodeError as error:
        log_event(_log, logging.ERROR, "record_unreadable", exc_info=None, **source, error=error)
        return None


def decode_rows(lines: bytes) -> list[Row]:
    """Return the rows of lines of JSON. Raises msgspec.DecodeError."""
    contents = lines.splitlines()
    return list(map(_make_row, map(_decode_line, contents), contents))


def decode_records(contents: Iterable[bytes]) -> list[CallRecord]:
    """Return the records of rows, but for those that cannot be read: they are logged.

    An older version may have written a line, and ``decode_rows`` looks at some members only.
    """
    records = []
    for content in contents:
        try:
            records.append(decode_record(content))
        except msgspec.DecodeError as error:
            (row,) = decode_rows(content)
            log_event(
                _log, logging.ERROR, "record_unreadable", exc_info=None, call=row.call, error=error
            )
    return records


def day_of(created_at: int) -> str:
    """Return the day (UTC) of a row's ``created_at``: ``2026-11-26``."""
    return (_EPOCH + created_at * _MICROSECOND).date().isoformat()


def span_of(day: str) -> tuple[int, int]:
    """Return when a day (UTC) begins, and when the next one does, in microseconds since 1970."""
    begin = microseconds(datetime.fromisoformat(day).replace(tzinfo=UTC))
    return begin, begin + timedelta(days=1) // _MICROSECOND


def microseconds(time: datetime) -> int:
    """Return a time in microseconds since 1970."""
    return (time - _EPOCH) // _MICROSECOND


def search_keys(participant: str) -> list[str]:
    """Return the keys of a participant who is searched for: the first that any call has counts."""
    if is_phone_number(participant):
        return [phone_number_raw_id(participant)]
    return [participant, _NAME_PREFIX + participant.casefold()]


def _participant_keys(record: CallRecord | _Line) -> set[str]:
    keys = {*record.participants, *record.names}
    for end in (record.to, record.from_):
        if end:
            keys.add(phone_number_raw_id(end) if is_phone_number(end) else end)
    for name in record.names.values():
        keys.add(_NAME_PREFIX + name.casefold())
    return keys


def _duration(record: CallRecord | _Line) -> int:
    if record.connected_at is None or record.ended_at is None:
        return UNKNOWN_DURATION
    return max(0, (record.ended_at - record.connected_at) // _MILLISECOND)


def _encode(record: CallRecord) -> bytes:
    """Return a record as the index keeps it, without what it need not know."""
    members: dict[str, Any] = msgspec.to_builtins(record)
    return msgspec.json.encode(
        {
            name: value
            for name, value in members.items()
            if name not in _LEFT_OUT and value not in (None, [], {})
        }
    )
