"""The audit trail: who did what, from where, when and to which call. Entries are only ever added.

Each entry is a line of JSON in an append blob of its day, ``audit/2026-11-26/0000.jsonl``. Blob
Storage appends a block as a whole or not at all, whoever else appends at the same time, and keeps
the order in which blocks arrived; so instances need no lock and no file each. A blob holds at most
50,000 blocks: the day then continues in ``0001.jsonl``. A response can be lost although the entry
was added, and the client then adds it once more: whoever reads counts each entry's ``id`` once.

An entry has no phone number, token or participant's name in it; ``details`` must have none either.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Literal, NamedTuple

import msgspec
from azure.core.exceptions import AzureError

from acs.json_errors import JSON_ERRORS
from calls import blobs
from calls.principals import Principal
from calls.storage import Storage
from event_log import log_event

_log = logging.getLogger(__name__)

Outcome = Literal["begun", "done", "refused", "failed"]
"""``begun`` is recorded before a change, and another outcome, of the same request, after it."""

_SCAN_BYTES = 1024 * 1024
_MAX_SCANNED_BYTES = 8 * 1024 * 1024
"""A page is short, or even empty, if so much of the trail has been read for it."""

_first_parts: dict[date, int] = {}
"""The part of the current day's trail that this process knows not to be full."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One action.

    Attributes:
        id: Unique: an entry that is there twice was added once.
        time: When it was recorded, in UTC.
        action: What was done, such as ``place_call``, in snake_case.
        outcome: Whether it was begun, done or refused, or failed.
        principal: Who did it.
        request: The same for all entries of one request.
        call: The call connection id.
        address: The address that the request came from.
        details: More about it, without personal data.
    """

    id: str
    time: datetime
    action: str
    outcome: Outcome
    principal: Principal
    request: str | None = None
    call: str | None = None
    address: str | None = None
    details: dict[str, str] = {}


async def record_action(
    storage: Storage,
    action: str,
    principal: Principal,
    *,
    call: str | None = None,
    address: str | None = None,
    outcome: Outcome = "done",
    request: str | None = None,
    details: Mapping[str, str] | None = None,
) -> None:
    """Add an entry to the audit trail.

    What requests do is recorded by ``calls.http.audited``, as ``calls.http.principals`` says for
    each route; call this for what the app does by itself, as ``principals.SYSTEM``.

    Args:
        storage: The storage with the trail.
        action: What was done, in snake_case.
        principal: Who did it.
        call: The call connection id, if it concerns one call.
        address: The address that the request came from.
        outcome: Whether it was begun, done or refused, or failed.
        request: The same for all entries of one request.
        details: More about it: constant words and numbers, never a phone number, token or name.

    Raises AzureError if the entry could not be added.
    """
    now = datetime.now(UTC)
    entry = Entry(
        id=uuid.uuid4().hex,
        time=now,
        action=action,
        outcome=outcome,
        principal=principal,
        request=request,
        call=call,
        address=address,
        details=dict(details or {}),
    )
    line = msgspec.json.encode(entry) + b"\n"
    day = now.date()
    part = _first_parts.get(day, 0)
    while not await storage.append(blobs.AUDIT, blobs.audit_blob(day, part), line):
        part += 1
    if part:
        _first_parts.clear()
        _first_parts[day] = part


async def record_or_log(
    storage: Storage,
    action: str,
    principal: Principal,
    *,
    call: str | None = None,
    address: str | None = None,
    outcome: Outcome = "done",
    request: str | None = None,
    details: Mapping[str, str] | None = None,
) -> None:
    """Record what cannot be undone, as ``record_action``. If that fails, the log has the entry."""
    try:
        await record_action(
            storage,
            action,
            principal,
            call=call,
            address=address,
            outcome=outcome,
            request=request,
            details=details,
        )
    except AzureError as error:
        log_event(
            _log,
            logging.ERROR,
            "audit_entry_lost",
            action=action,
            outcome=outcome,
            kind=principal.kind,
            principal=principal.id,
            call=call,
            request=request,
            error=type(error).__name__,
        )


class Selection(NamedTuple):
    """Which entries to read; None selects all. ``until`` is not included."""

    since: datetime | None = None
    until: datetime | None = None
    call: str | None = None
    principal: str | None = None

    def has(self, entry: Entry) -> bool:
        """Return whether an entry is selected."""
        return (
            (self.since is None or self.since <= entry.time)
            and (self.until is None or entry.time < self.until)
            and self.call in (None, entry.call)
            and self.principal in (None, entry.principal.id)
        )

    def has_day(self, blob: str) -> bool:
        """Return whether a blob of the trail may have entries that are selected."""
        day = blob.partition("/")[0]
        return (self.since is None or day >= _day(self.since)) and (
            self.until is None or day <= _day(self.until)
        )


class Position(NamedTuple):
    """Where in the trail to read on."""

    blob: str
    offset: int


class Page(NamedTuple):
    """Entries in the order in which they were added, and where the next page begins, if any."""

    entries: list[Entry]
    position: Position | None


async def read_entries(
    storage: Storage, selection: Selection, limit: int, position: Position | None
) -> Page:
    """Read the entries that are selected, oldest first.

    A page has at most ``limit`` entries. It has fewer, or none, if it is the last, or if much of
    the trail had to be read for it.

    Raises AzureError.
    """
    entries: dict[str, Entry] = {}
    scanned = 0
    for blob, properties in (await storage.listing(blobs.AUDIT, "")).items():
        if not selection.has_day(blob) or (position is not None and blob < position.blob):
            continue
        offset = position.offset if position is not None and blob == position.blob else 0
        while offset < properties.size:
            length = min(_SCAN_BYTES, properties.size - offset)
            chunk = await storage.read_range(blobs.AUDIT, blob, offset, length)
            for line in chunk[: chunk.rfind(b"\n") + 1].splitlines(keepends=True):
                offset += len(line)
                entry = _parse(blob, line)
                if entry is not None and selection.has(entry):
                    entries[entry.id] = entry
                    if len(entries) == limit:
                        return Page(list(entries.values()), Position(blob, offset))
            scanned += length
            if scanned >= _MAX_SCANNED_BYTES:
                return Page(list(entries.values()), Position(blob, offset))
    return Page(list(entries.values()), None)


def _parse(blob: str, line: bytes) -> Entry | None:
    try:
        return msgspec.json.decode(line, type=Entry)
    except JSON_ERRORS as error:
        log_event(_log, logging.ERROR, "audit_entry_unreadable", blob=blob, error=error)
        return None


def _day(time: datetime) -> str:
    return time.astimezone(UTC).date().isoformat()
