"""Announcing a call: plays its announcement, then starts its streaming.

``advance`` does what is due, and may run any number of times, at the same time, too: after each
event that changes something, when a deadline is due, and by the reconciler. Each step is written to
the call's record before ACS gets it, so that only one of two instances takes it.
"""

from __future__ import annotations

import logging
import uuid
from datetime import datetime, timedelta

import msgspec
from azure.communication.callautomation import FileSource, TextSource, VoiceKind
from azure.communication.callautomation._shared.models import identifier_from_raw_id
from azure.core.exceptions import AzureError

from acs import events
from calls.clients import Clients
from calls.control.acs_errors import acs_error, is_refusal
from calls.control.deadlines import schedule
from calls.control.new_calls import callback_url
from calls.control.streaming import ANSWER_TIME, is_overdue, new_request, send_request
from calls.errors import AcsError
from calls.principals import SYSTEM
from calls.records.announcement import (
    Announcement,
    Play,
    fail_play,
    find_play,
    forbids_streaming,
    next_play,
    note_participants,
)
from calls.records.derive import derive_state
from calls.records.model import CallRecord, RequestRecord
from calls.records.store import change_record
from event_log import log_event

ADVANCING_EVENTS = frozenset(
    {
        events.CALL_CONNECTED,
        events.PARTICIPANTS_UPDATED,
        events.PLAY_COMPLETED,
        events.PLAY_FAILED,
        events.PLAY_CANCELED,
    }
)
"""After these events, something may be due."""

_MAX_STEPS = 4
"""A play that ACS refuses is tried once more, for the beginning and for those who join later."""

_log = logging.getLogger(__name__)


async def advance(clients: Clients, record: CallRecord, now: datetime) -> None:
    """Do what is due in a call with an announcement: play it, start the streaming, or stop it.

    Args:
        clients: The app's clients.
        record: The call's record; it may have changed since.
        now: The current time.

    Raises CallNotFound, Contended, AzureError. What ACS refuses or does not answer is logged: the
    record says so, or a deadline follows.
    """
    if record.announcement is None or record.has_ended or record.connected_at is None:
        return
    call = record.call_connection_id
    for _ in range(_MAX_STEPS):
        play, record = await _claim_play(clients, call, now)
        if play is None:
            break
        await _play(clients, record, play, now)
    await _change_streaming(clients, call, now)


async def _claim_play(clients: Clients, call: str, now: datetime) -> tuple[Play | None, CallRecord]:
    """Write the play that is due to the call's record; returns it, and the record."""
    play_id, limit = uuid.uuid4().hex, timedelta(seconds=clients.settings.announcement_seconds)

    def apply(record: CallRecord) -> bool:
        announcement = record.announcement
        if announcement is None or record.has_ended or record.connected_at is None:
            return False
        if find_play(announcement, play_id) is not None:
            # An earlier attempt has written it; only its response was lost.
            return False
        before = msgspec.json.encode(announcement)
        for play in announcement.plays:
            if play.is_open and now - play.requested_at >= limit:
                seconds = round(limit.total_seconds())
                fail_play(play, now, f"ACS did not say within {seconds} s that it was played")
        note_participants(announcement, record.participants)
        due = next_play(announcement, record.participants, play_id, now)
        if due is not None:
            announcement.plays.append(due)
        derive_state(record)
        return msgspec.json.encode(announcement) != before

    record = await change_record(clients.storage, call, apply)
    return (find_play(record.announcement, play_id) if record.announcement else None), record


async def _play(clients: Clients, record: CallRecord, play: Play, now: datetime) -> None:
    """Have ACS play the announcement."""
    announcement, call = record.announcement, record.call_connection_id
    assert announcement is not None
    due_at = now + timedelta(seconds=clients.settings.announcement_seconds)
    await schedule(clients, call, due_at, now)
    connection = clients.call_automation.get_call_connection(call)
    audience = "all" if play.to_all else str(len(play.to))
    try:
        await connection.play_media(
            _source(announcement),
            "all" if play.to_all else [identifier_from_raw_id(raw_id) for raw_id in play.to],
            operation_context=play.id,
            operation_callback_url=callback_url(clients.settings),
        )
    except AzureError as error:
        failure = acs_error("the announcement was not played", error)
        log_event(
            _log, logging.WARNING, "announcement_refused", call=call, to=audience, error=failure
        )
        if is_refusal(failure):
            # Else ACS may have got the request: its events, or the time limit, decide.
            await _fail(clients, call, play.id, now, failure)
    else:
        log_event(_log, logging.INFO, "announcement_requested", call=call, to=audience)


def _source(announcement: Announcement) -> FileSource | TextSource:
    if announcement.url is not None:
        return FileSource(url=announcement.url)
    return TextSource(
        text=announcement.text or "",
        source_locale=announcement.locale,
        voice_name=announcement.voice,
        # Without a voice, ACS needs to know which one to choose.
        voice_kind=None if announcement.voice else VoiceKind.FEMALE,
    )


async def _fail(
    clients: Clients, call: str, play_id: str, now: datetime, failure: AcsError
) -> None:
    message = getattr(failure, "message", None)
    reason = f"{failure} ({message})" if message else str(failure)

    def apply(record: CallRecord) -> bool:
        play = find_play(record.announcement, play_id) if record.announcement else None
        if play is None or not play.is_open:
            return False
        fail_play(play, now, reason)
        derive_state(record)
        return True

    await change_record(clients.storage, call, apply)


async def _change_streaming(clients: Clients, call: str, now: datetime) -> None:
    """Start the streaming when the announcement permits it, and stop it when it forbids it."""
    start, stop = new_request("start", SYSTEM, now), new_request("stop", SYSTEM, now)
    is_repeat = False

    def decide(record: CallRecord) -> RequestRecord | None:
        nonlocal is_repeat
        announcement = record.announcement
        if announcement is None or record.has_ended or record.connected_at is None:
            return None
        reason = forbids_streaming(announcement, record.participants)
        if reason is not None:
            if record.streaming.state != "active":
                return None
            return msgspec.structs.replace(stop, reason=reason)
        is_own = all(r.by == SYSTEM and r.operation == "start" for r in record.requests)
        is_repeat = bool(record.requests) and is_own and is_overdue(record, now)
        is_first = not record.requests and record.streaming.state == "starting"
        return start if is_first or is_repeat else None

    try:
        record = await send_request(
            clients, call, decide, undo_on=lambda error: is_refusal(error) and not is_repeat
        )
    except AcsError as error:
        log_event(_log, logging.WARNING, "announced_streaming_failed", call=call, error=error)
        await schedule(clients, call, now + ANSWER_TIME, now)
        return
    if record.requests and record.requests[-1].id == stop.id:
        log_event(_log, logging.WARNING, "unannounced_streaming_stopped", call=call)
