"""The audit trail: who did what, from where, when and to which call. Entries are only ever added.

Each entry is a line of JSON in an append blob of its day, ``audit/2026-11-26/0000.jsonl``. Blob
Storage appends a block as a whole or not at all, whoever else appends at the same time, and keeps
the order in which blocks arrived; so instances need no lock and no file each. A blob holds at most
50,000 blocks: the day then continues in ``0001.jsonl``. A response can be lost although the entry
was added, and the client then adds it once more: whoever reads counts each entry's ``id`` once.

An entry has no phone number, token or participant's name in it; ``details`` must have none either.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Literal

import msgspec

from calls import blobs
from calls.principals import Principal
from calls.storage import Storage

Outcome = Literal["done", "refused", "failed"]

_first_parts: dict[date, int] = {}
"""The part of the current day's trail that this process knows not to be full."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One action.

    Attributes:
        id: Unique: an entry that is there twice was added once.
        time: When it was recorded, in UTC.
        action: What was done, such as ``place_call``, in snake_case.
        outcome: Whether it was done, refused or failed.
        principal: Who did it.
        call: The call connection id.
        address: The address that the request came from.
        details: More about it, without personal data.
    """

    id: str
    time: datetime
    action: str
    outcome: Outcome
    principal: Principal
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
    details: Mapping[str, str] | None = None,
) -> None:
    """Add an entry to the audit trail.

    What requests do is recorded by ``calls.http.respond``, as ``calls.http.principals`` says for
    each route; call this for what the app does by itself, as ``principals.SYSTEM``.

    Args:
        storage: The storage with the trail.
        action: What was done, in snake_case.
        principal: Who did it.
        call: The call connection id, if it concerns one call.
        address: The address that the request came from.
        outcome: Whether it was done, refused or failed.
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
