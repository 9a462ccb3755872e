"""Telling the queue of events that something has happened to a call.

Storage has this where it changes calls: ``None`` if the settings name nobody who wants to know. The
functions on the queue decide who is told what (``calls/events``).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from azure.core.exceptions import AzureError

from calls.queue_messages import encode_queue_message
from event_log import log_event

if TYPE_CHECKING:
    from azure.storage.queue.aio import QueueClient

_log = logging.getLogger(__name__)


class DeletedCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call that was deleted, by which deletion and when; ``webhook_url`` was its own."""

    deletion_id: str
    deleted_at: datetime
    webhook_url: str | None = None


class CallNews(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Says that a call's record has reached new milestones, or that the call was deleted."""

    call_connection_id: str
    deleted: DeletedCall | None = None


class Subscribers:
    """Those who want to know.

    Args:
        queue: Returns the queue of events.
    """

    def __init__(self, queue: Callable[[], QueueClient]) -> None:
        self._queue = queue

    async def report(self, call: str) -> None:
        """Report that a call's record has reached new milestones.

        A queue that does not answer is logged: the reconciler finds what was not told.
        """
        try:
            await self._send(CallNews(call_connection_id=call))
        except AzureError as error:
            cause = type(error).__name__
            log_event(_log, logging.ERROR, "event_not_queued", call=call, error=cause)

    async def report_deletion(self, call: str, deleted: DeletedCall) -> None:
        """Report that a call was deleted. Raises AzureError: nothing else would find that."""
        await self._send(CallNews(call_connection_id=call, deleted=deleted))

    async def _send(self, news: CallNews) -> None:
        await self._queue().send_message(encode_queue_message(news))
