"""Pausing a call's recording, and resuming it: for a card number, or anything that nobody may keep.

ACS stops streaming in a pause, so nothing of it reaches the streamer. A pause that has a time limit
ends by itself: see ``deadlines``.

Where ACS's answer is lost, the request may have reached it or not. A pause then stays in the
record, and after a while without an event the request is sent again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from calls import audit
from calls.clients import Clients
from calls.control.acs_errors import is_refusal
from calls.control.deadlines import schedule
from calls.control.streaming import (
    ANSWER_TIME,
    is_overdue,
    new_request,
    require_announced,
    send_request,
)
from calls.errors import AcsError, CallEnded, StreamingStateConflict
from calls.principals import SYSTEM, Principal
from calls.records.model import CallRecord, RequestRecord
from calls.records.pauses import is_resumed, open_pause
from calls.records.store import read_record
from event_log import log_event

_log = logging.getLogger(__name__)


async def pause_call(
    clients: Clients, call: str, by: Principal, *, max_seconds: int | None, reason: str | None
) -> CallRecord:
    """Pause the recording of a call that is being streamed. A paused call stays as it is.

    Args:
        clients: The app's clients.
        call: The call connection id.
        by: Who pauses it.
        max_seconds: After this time the recording resumes by itself; None: only on request.
        reason: Why, in the principal's words.

    Raises CallNotFound, CallEnded, StreamingStateConflict, AcsError, Contended, AzureError.
    """
    request = new_request("stop", by, datetime.now(UTC))
    resume_at = request.time + timedelta(seconds=max_seconds) if max_seconds is not None else None
    request = msgspec.structs.replace(request, is_pause=True, resume_at=resume_at, reason=reason)

    def begin(record: CallRecord) -> RequestRecord:
        if record.streaming.state != "active":
            raise StreamingStateConflict(
                record.streaming.state, "only a call that is being streamed can be paused"
            )
        return request

    if resume_at is None:
        return await _pause(clients, call, request, begin)
    # At the same time: ACS stops though the queue does not answer, and a message without a pause
    # does no harm.
    scheduling = asyncio.ensure_future(schedule(clients, call, resume_at, request.time))
    try:
        return await _pause(clients, call, request, begin)
    finally:
        await scheduling


async def resume_call(clients: Clients, call: str, by: Principal) -> CallRecord:
    """Resume the recording of a paused call. A call that is being streamed stays as it is.

    Raises CallNotFound, CallEnded, StreamingStateConflict, AnnouncementNotPlayed, AcsError,
    Contended, AzureError.
    """
    return await _resume(clients, call, new_request("start", by, datetime.now(UTC)), lambda _: True)


async def meet_pause_deadlines(clients: Clients, record: CallRecord, now: datetime) -> None:
    """Resume a call whose pause is over, and send again what ACS has not answered for a while.

    Raises CallNotFound, AcsError, Contended, AzureError.
    """
    call, pause = record.call_connection_id, open_pause(record)
    if pause is None:
        if is_resumed(record) and is_overdue(record, now):
            await _resume(clients, call, new_request("start", SYSTEM, now), lambda _: False)
    elif pause.resume_at is not None and pause.resume_at <= now:
        due_at = pause.resume_at
        request = new_request("start", SYSTEM, now)
        # What cannot be recorded is not done.
        await audit.record_action(
            clients.storage, "resume_call", SYSTEM, call=call, outcome="begun"
        )
        await _resume(clients, call, request, lambda p: p.resume_at == due_at)
        await audit.record_action(clients.storage, "resume_call", SYSTEM, call=call)
    elif is_overdue(record, now):
        await _pause(clients, call, new_request("stop", SYSTEM, now), lambda _: None)
    elif pause.resume_at is not None:
        await schedule(clients, call, pause.resume_at, now)


async def _pause(
    clients: Clients,
    call: str,
    request: RequestRecord,
    begin: Callable[[CallRecord], RequestRecord | None],
) -> CallRecord:
    """Begin a pause; where there is one that ACS has not answered, ask again."""
    is_repeat = False

    def decide(record: CallRecord) -> RequestRecord | None:
        nonlocal is_repeat
        _require_running(record)
        pause = open_pause(record)
        is_repeat = pause is not None
        if pause is None:
            return begin(record)
        if not is_overdue(record, request.time):
            return None
        return msgspec.structs.replace(pause, id=request.id, time=request.time)

    return await _send(clients, call, decide, lambda: is_repeat, request.time)


async def _resume(
    clients: Clients, call: str, request: RequestRecord, ends: Callable[[RequestRecord], bool]
) -> CallRecord:
    """End the pause that a call is in if ``ends`` says so, or ask again for an unanswered end."""
    is_repeat = False

    def decide(record: CallRecord) -> RequestRecord | None:
        nonlocal is_repeat
        _require_running(record)
        pause = open_pause(record)
        is_repeat = pause is None
        if pause is not None:
            if not ends(pause):
                return None
            require_announced(record)
            return request
        if is_resumed(record) and is_overdue(record, request.time):
            return request
        if record.streaming.state not in ("active", "starting"):
            raise StreamingStateConflict(
                record.streaming.state, "the call is not paused; start its streaming instead"
            )
        return None

    return await _send(clients, call, decide, lambda: is_repeat, request.time)


async def _send(
    clients: Clients,
    call: str,
    decide: Callable[[CallRecord], RequestRecord | None],
    is_repeat: Callable[[], bool],
    now: datetime,
) -> CallRecord:
    def undo_on(error: AcsError) -> bool:
        return is_refusal(error) and not is_repeat()

    try:
        return await send_request(clients, call, decide, undo_on=undo_on)
    except AcsError as error:
        if not is_refusal(error):
            await schedule(clients, call, now + ANSWER_TIME, now)
            raise
        if not is_repeat():
            raise
        # ACS carried out the first request, and only its event was lost.
        log_event(_log, logging.WARNING, "streaming_repeat_refused", call=call, error=error)
        return await read_record(clients.storage, call)


def _require_running(record: CallRecord) -> None:
    if record.has_ended:
        raise CallEnded
