"""The messages of the two queues: events to distribute, and deliveries of one to one endpoint.

A message about a call's milestones has only the call's id: which of them are due is in the record.
What is in no record, a segment or a deletion, is in the message itself.
"""

from __future__ import annotations

import hashlib
import math
from datetime import datetime

import msgspec

from calls.clients import DELIVERY_QUEUE, EVENT_QUEUE, Clients
from calls.events.cloud_events import CloudEvent
from calls.queue_messages import decode_call_message, encode_queue_message
from calls.records.model import Milestone
from calls.subscribers import DeletedCall


class EventMessage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Asks to tell others of a call's milestones, or of the one that it has.

    It may also be a message of ``calls.subscribers``.
    """

    call_connection_id: str
    milestone: Milestone | None = None
    deleted: DeletedCall | None = None


class DeliveryMessage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Asks to send one event to one endpoint.

    ``endpoint`` is its name in WEBHOOKS; ``call`` for the call's own, whose ``url`` is here; or
    ``event-grid``. ``attempts`` have failed, since ``first_at``.
    """

    call_connection_id: str
    endpoint: str
    url: str | None = None
    event: CloudEvent
    attempts: int = 0
    first_at: datetime

    @property
    def id(self) -> str:
        """The delivery's id: the same for the same event and endpoint."""
        text = f"{self.event.id}\n{self.endpoint}\n{self.url or ''}"
        return f"{self.call_connection_id}.{hashlib.sha256(text.encode()).hexdigest()[:16]}"


async def send_event(clients: Clients, message: EventMessage, delay_seconds: float = 0) -> None:
    """Send a message to the queue of events, visible after some seconds. Raises AzureError."""
    await _send(clients, EVENT_QUEUE, message, math.ceil(delay_seconds))


async def send_delivery(
    clients: Clients, message: DeliveryMessage, delay_seconds: float = 0
) -> None:
    """Send a message to the queue of deliveries, visible after some seconds. Raises AzureError."""
    await _send(clients, DELIVERY_QUEUE, message, math.ceil(delay_seconds))


async def _send(
    clients: Clients, queue: str, message: EventMessage | DeliveryMessage, delay_seconds: int
) -> None:
    content = encode_queue_message(message)
    await clients.queue(queue).send_message(content, visibility_timeout=delay_seconds)


def decode_event(body: bytes) -> EventMessage:
    """Decode a message of the queue of events. Raises ValueError."""
    return decode_call_message(body, EventMessage, "events")


def decode_delivery(body: bytes) -> DeliveryMessage:
    """Decode a message of the queue of deliveries. Raises ValueError."""
    return decode_call_message(body, DeliveryMessage, "deliveries")
