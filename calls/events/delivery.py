"""Delivering one event to one endpoint: an attempt, and what follows from its outcome."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from calls.clients import Clients, managed_identity
from calls.events import dead_letters
from calls.events.backoff import EndpointGate, retry_delay
from calls.events.cloud_events import CONTENT_TYPE
from calls.events.messages import DeliveryMessage, send_delivery
from calls.events.outcomes import Outcome
from calls.events.sender import WebhookSender
from calls.events.signature import signed_headers
from calls.events.topic import TopicPublisher
from calls.records.dispositions import is_deleted
from calls.webhook_settings import CALL, TOPIC, parse_secrets
from event_log import log_event

GONE = "the endpoint answered 410: it gets nothing until a delivery is sent again"
NOT_CONFIGURED = "the settings no longer have this endpoint"
NOT_PERMITTED = "WEBHOOK_HOSTS no longer permits the call's URL"

Clock = Callable[[], datetime]

_log = logging.getLogger(__name__)


class Deliverer:
    """Delivers events. One for each process: it knows which endpoints have to wait.

    Args:
        clients: The app's clients.
        sender: Sends to webhooks.
        topic: Publishes to the topic; None: there is none.
        clock: Returns the current time.
        monotonic: Returns a time in seconds, for endpoints that rest.
    """

    def __init__(
        self,
        clients: Clients,
        sender: WebhookSender,
        topic: TopicPublisher | None,
        *,
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clients = clients
        self._sender = sender
        self._topic = topic
        self._clock = clock
        self._monotonic = monotonic
        self._gate = EndpointGate()

    async def deliver(self, message: DeliveryMessage) -> None:
        """Make an attempt at a delivery, and send what follows from it.

        Raises AzureError: run the message again.
        """
        storage, call = self._clients.storage, message.call_connection_id
        if message.event.type != "call.deleted" and await is_deleted(storage, call):
            _log_delivery(logging.INFO, "delivery_dropped", message, "the call was deleted")
            return
        url = dead_letters.endpoint_url(self._clients.settings, message)
        if url is not None and await dead_letters.is_gone(storage, url):
            await self._bury(message, GONE)
            return
        endpoint = f"{message.endpoint} {message.url or ''}"
        started = self._monotonic()
        seconds = self._gate.admit(endpoint, started)
        if seconds is not None:
            # Not an attempt: the message comes back, and others get their turn meanwhile.
            await self._postpone(message, seconds)
            return
        outcome = Outcome("interrupted")
        try:
            outcome = await self._attempt(message, url)
        finally:
            is_taken = outcome.error is None
            self._gate.finish(endpoint, started, self._monotonic(), succeeded=is_taken)
        if outcome.is_gone and url is not None:
            await dead_letters.mark_gone(storage, url)
        await self._conclude(message, outcome)

    async def _attempt(self, message: DeliveryMessage, url: str | None) -> Outcome:
        """Send an event to its endpoint, if the settings still have that."""
        settings, body = self._clients.settings, msgspec.json.encode(message.event)
        if message.endpoint == TOPIC:
            return await self._topic.publish(body) if self._topic else Outcome(NOT_CONFIGURED)
        keys = parse_secrets(settings.webhook_secrets).get(message.endpoint)
        if url is None or not keys:
            return Outcome(NOT_PERMITTED if message.endpoint == CALL else NOT_CONFIGURED)
        headers = signed_headers(message.event.id, body, keys, self._clock())
        return await self._sender.send(url, body, headers | {"Content-Type": CONTENT_TYPE})

    async def _conclude(self, message: DeliveryMessage, outcome: Outcome) -> None:
        """Have a failed delivery tried again, or make it a dead letter."""
        message = msgspec.structs.replace(message, attempts=message.attempts + 1)
        if outcome.error is None:
            _log_delivery(logging.INFO, "event_delivered", message)
            return
        if outcome.is_gone:
            _log_delivery(logging.ERROR, "webhook_endpoint_disabled", message, outcome.error)
            await self._bury(message, GONE)
            return
        delay = None
        if outcome.error not in (NOT_CONFIGURED, NOT_PERMITTED):
            delay = retry_delay(
                message.attempts,
                message.first_at,
                self._clock(),
                least_seconds=outcome.retry_after,
            )
        if delay is None:
            await self._bury(message, outcome.error)
            return
        _log_delivery(logging.WARNING, "delivery_failed", message, outcome.error)
        await send_delivery(self._clients, message, delay)

    async def _postpone(self, message: DeliveryMessage, seconds: float) -> None:
        """Put a message back that was not attempted.

        Its time runs on: an endpoint that is always busy does not keep a message for ever.
        """
        is_late = self._clock() - message.first_at > timedelta(hours=25)
        if is_late:
            await self._bury(message, "the endpoint had no time for it within 25 hours")
        else:
            # What waits for the same endpoint does not come back all at once.
            spread = random.uniform(1, 1.5)  # noqa: S311  # not a secret
            await send_delivery(self._clients, message, seconds * spread)

    async def _bury(self, message: DeliveryMessage, error: str) -> None:
        storage, call = self._clients.storage, message.call_connection_id
        letter = await dead_letters.write_letter(storage, message, error, self._clock())
        if message.event.type != "call.deleted" and await is_deleted(storage, call):
            # Between the look for the tombstone and the write.
            await dead_letters.delete_letter(storage, letter)
        _log_delivery(logging.ERROR, "delivery_dead", message, error)


def create_deliverer(clients: Clients, clock: Clock) -> Deliverer:
    """Create the process's deliverer. Must be called on its event loop."""
    settings = clients.settings
    sender = WebhookSender(settings.webhook_addresses)
    clients.on_close(sender.close)
    topic = None
    if settings.event_grid_topic_endpoint:
        credential = managed_identity(settings)
        topic = TopicPublisher(settings.event_grid_topic_endpoint, credential)
        clients.on_close(credential.close)
        clients.on_close(topic.close)
    return Deliverer(clients, sender, topic, clock=clock)


def _log_delivery(
    level: int, event: str, message: DeliveryMessage, error: str | None = None
) -> None:
    log_event(
        _log,
        level,
        event,
        call=message.call_connection_id,
        delivery=message.id,
        endpoint=message.endpoint,
        type=message.event.type,
        attempts=message.attempts,
        error=error,
    )
