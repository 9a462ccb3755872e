"""Distributing events: which endpoints get one, each in a delivery of its own.

It may run twice for the same milestone: its event then goes out twice, with the same id. The record
notes how many of its milestones the queue of deliveries has taken, and is changed only after that.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from calls.clients import Clients
from calls.errors import CallDeleted, CallNotFound
from calls.events.cloud_events import build_event, deletion_milestone
from calls.events.messages import DeliveryMessage, EventMessage, send_delivery, send_event
from calls.records.model import CallRecord
from calls.records.store import change_record, read_record
from calls.webhook_settings import CALL, TOPIC, parse_webhooks
from event_log import log_event

_PLACING_SECONDS = 3.0
_PLACING_AT_MOST = timedelta(minutes=5)
"""After this time, nobody is still placing the call: that process has died."""

_log = logging.getLogger(__name__)


async def distribute(clients: Clients, message: EventMessage, clock: Callable[[], datetime]) -> int:
    """Send the deliveries of a message's events; return how many those are.

    Raises Contended, AzureError: run the message again.
    """
    call, deleted, milestone = message.call_connection_id, message.deleted, message.milestone
    if deleted is not None:
        milestone = deletion_milestone(deleted)
    record: CallRecord | None = None
    try:
        record = await read_record(clients.storage, call)
    except CallDeleted:
        if deleted is None:
            log_event(_log, logging.INFO, "events_dropped", call=call, reason="call_deleted")
            return 0
    except CallNotFound:
        # A stream of a call that this app did not place.
        pass
    if record is not None and _may_get_webhook(clients, record, clock()):
        await send_event(clients, message, _PLACING_SECONDS)
        return 0
    url = deleted.webhook_url if deleted else record.webhook_url if record else None
    milestones = [milestone] if milestone else []
    if milestone is None and record is not None:
        milestones = record.milestones[record.milestones_sent :]
    deliveries = [
        DeliveryMessage(
            call_connection_id=call,
            endpoint=endpoint,
            url=url if endpoint == CALL else None,
            event=build_event(clients.settings, call, each),
            first_at=clock(),
        )
        for each in milestones
        for endpoint in _endpoints(clients, url)
    ]
    for delivery in deliveries:
        await send_delivery(clients, delivery)
    if milestone is None and record is not None and milestones:
        await _note_sent(clients, call, len(record.milestones))
    return len(deliveries)


def _may_get_webhook(clients: Clients, record: CallRecord, now: datetime) -> bool:
    """Whether a call's own webhook may not be known yet: its events came before ACS's response."""
    is_known = record.origin_known or not clients.settings.webhook_hosts
    return not is_known and now - record.created_at < _PLACING_AT_MOST


def _endpoints(clients: Clients, url: str | None) -> list[str]:
    settings = clients.settings
    endpoints = list(parse_webhooks(settings.webhooks, settings.webhook_addresses))
    endpoints += [CALL] if url else []
    return endpoints + ([TOPIC] if settings.event_grid_topic_endpoint else [])


async def _note_sent(clients: Clients, call: str, count: int) -> None:
    def apply(record: CallRecord) -> bool:
        if record.milestones_sent >= count:
            return False
        record.milestones_sent = count
        return True

    try:
        await change_record(clients.storage, call, apply)
    except CallNotFound:
        # It was deleted meanwhile.
        return
