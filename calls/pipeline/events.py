"""The queues of events and of deliveries: others are told of calls, each endpoint on its own.

The messages of both queues may come twice, late or out of order. One that fails runs again, and
finally comes back from the poison queue every ten minutes, for as long as a queue keeps it: a week.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from functools import cache

from calls.clients import get_clients
from calls.events.delivery import Deliverer, create_deliverer
from calls.events.dispatch import distribute
from calls.events.messages import decode_delivery, decode_event
from event_log import log_event

_log = logging.getLogger(__name__)


async def on_event(body: bytes) -> None:
    """Distribute the events of a message. Raises Contended, AzureError."""
    try:
        message = decode_event(body)
    except ValueError as error:
        log_event(_log, logging.ERROR, "event_message_malformed", error=error)
        return
    await distribute(get_clients(), message, _now)


async def on_delivery(body: bytes) -> None:
    """Deliver the event of a message to its endpoint. Raises Contended, AzureError."""
    try:
        message = decode_delivery(body)
    except ValueError as error:
        log_event(_log, logging.ERROR, "delivery_message_malformed", error=error)
        return
    await _deliverer().deliver(message)


@cache
def _deliverer() -> Deliverer:
    """The process's deliverer."""
    return create_deliverer(get_clients(), _now)


def _now() -> datetime:
    return datetime.now(UTC)
