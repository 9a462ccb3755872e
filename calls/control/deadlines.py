"""Deadlines of calls: a message in a queue that becomes visible when one is due.

So a deadline is met even if the app is restarted, by whatever instance there is. A message only
says which call to look at: what is due is in the call's record. A message that comes late, early or
twice does no harm, and the reconciler looks at the calls of lost ones.
"""

from __future__ import annotations

import logging
import math
from datetime import datetime, timedelta

import msgspec
from azure.core.exceptions import AzureError

from calls.clients import Clients
from calls.queue_messages import decode_call_message, encode_queue_message
from event_log import log_event

LATEST = timedelta(days=6)
"""A message can be invisible for less than the seven days for which a queue keeps it."""

_log = logging.getLogger(__name__)


class DeadlineMessage(msgspec.Struct, frozen=True):
    """Asks to look at a call."""

    call_connection_id: str


async def schedule(clients: Clients, call: str, due_at: datetime, now: datetime) -> None:
    """Have ``calls.pipeline.deadlines`` look at a call when a deadline is due.

    A queue that does not answer is logged: the reconciler looks at the call a few minutes later.
    """
    seconds = max(0, math.ceil(min(due_at - now, LATEST).total_seconds()))
    content = encode_queue_message(DeadlineMessage(call))
    try:
        await clients.deadline_queue().send_message(content, visibility_timeout=seconds)
    except AzureError as error:
        cause = type(error).__name__
        log_event(_log, logging.ERROR, "deadline_not_scheduled", call=call, error=cause)


def decode_message(body: bytes) -> DeadlineMessage:
    """Decode a message. Raises ValueError."""
    return decode_call_message(body, DeadlineMessage, "deadlines")
