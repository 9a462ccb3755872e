"""A call's pauses, derived from our requests: a stop that is a pause, and the start after it. Pure.

While a call is paused, ACS streams nothing of it. The next start is another stream, whose
timestamps say where it belongs: in the recording, a pause is silence of its own length.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from calls.principals import Principal
from calls.records.model import CallRecord, RequestRecord


class Pause(msgspec.Struct, kw_only=True, frozen=True):
    """One pause, by our clock: from the request to pause until the one to resume.

    ``resume_at`` is when it ends by itself (None: only on request); ``resumed_at`` is None while it
    lasts, and if the call ended in it.
    """

    paused_at: datetime
    paused_by: Principal | None
    reason: str | None
    resume_at: datetime | None
    resumed_at: datetime | None = None
    resumed_by: Principal | None = None


class PauseSpan(Pause, kw_only=True, frozen=True):
    """A pause in a recording; ``start_ms`` and ``end_ms`` are from its start."""

    start_ms: int
    end_ms: int


def open_pause(record: CallRecord) -> RequestRecord | None:
    """Return the request of the pause that a call is in; None if it is in none."""
    last = record.requests[-1] if record.requests else None
    return last if last is not None and last.is_pause and not record.has_ended else None


def is_resumed(record: CallRecord) -> bool:
    """Return whether the call's last request, however often it was sent, ended a pause."""
    is_start = False
    for request in reversed(record.requests):
        if request.operation != "start":
            return is_start and request.is_pause
        is_start = True
    return False


def list_pauses(record: CallRecord) -> list[Pause]:
    """List a call's pauses, the first first. A request that was sent again is one pause."""
    pauses: list[Pause] = []
    is_open = False
    for request in record.requests:
        if is_open and not request.is_pause:
            pauses[-1] = msgspec.structs.replace(
                pauses[-1], resumed_at=request.time, resumed_by=request.by
            )
        elif request.is_pause and not is_open:
            pauses.append(
                Pause(
                    paused_at=request.time,
                    paused_by=request.by,
                    reason=request.reason,
                    resume_at=request.resume_at,
                )
            )
        is_open = request.is_pause
    return pauses


def locate_pauses(record: CallRecord, started_at: datetime, duration_ms: int) -> list[PauseSpan]:
    """Return where a call's pauses lie in a recording that began at ``started_at``."""

    def position(time: datetime) -> int:
        return min(max(0, round((time - started_at).total_seconds() * 1000)), duration_ms)

    return [
        PauseSpan(
            **msgspec.structs.asdict(pause),
            start_ms=position(pause.paused_at),
            end_ms=position(pause.resumed_at) if pause.resumed_at else duration_ms,
        )
        for pause in list_pauses(record)
    ]
