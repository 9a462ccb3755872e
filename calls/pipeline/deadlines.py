"""Meeting the deadlines of calls that are running: what is due is in their records.

A message of the queue of deadlines names a call when one of its deadlines is due; the reconciler
visits all running calls.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from calls.clients import Clients, get_clients
from calls.control.announcing import advance
from calls.control.deadlines import decode_message
from calls.control.pausing import meet_pause_deadlines
from calls.errors import (
    AcsError,
    AnnouncementNotPlayed,
    CallEnded,
    CallNotFound,
    StreamingStateConflict,
)
from calls.records.model import CallRecord
from calls.records.store import read_record
from event_log import log_event

_log = logging.getLogger(__name__)


async def on_message(body: bytes) -> None:
    """Meet the deadlines of a message's call.

    Raises AcsError, Contended, AzureError: the host runs the message again later.
    """
    try:
        call = decode_message(body).call_connection_id
    except ValueError as error:
        log_event(_log, logging.ERROR, "deadline_message_malformed", error=error)
        return
    clients = get_clients()
    try:
        record = await read_record(clients.storage, call)
    except CallNotFound:
        log_event(_log, logging.WARNING, "deadline_without_call", call=call)
        return
    await meet_deadlines(clients, record, datetime.now(UTC))


async def meet_deadlines(clients: Clients, record: CallRecord, now: datetime) -> None:
    """Do what is due in a running call.

    Raises AcsError, Contended, AzureError.
    """
    if record.has_ended:
        return
    try:
        await advance(clients, record, now)
        await meet_pause_deadlines(clients, record, now)
    except (AnnouncementNotPlayed, CallEnded, CallNotFound, StreamingStateConflict) as error:
        # Somebody was faster, or a participant has not heard the announcement.
        _log_missed(record, error)
    except AcsError as error:
        _log_missed(record, error)
        raise


def _log_missed(record: CallRecord, error: Exception) -> None:
    log_event(
        _log,
        logging.WARNING,
        "deadline_missed",
        call=record.call_connection_id,
        error=type(error).__name__,
        reason=error,
    )
