"""The messages of the queues of events and deliveries."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import msgspec
import pytest
from azure.storage.queue import QueueClient

import functions
from calls import clients as app_clients
from calls.clients import Clients
from calls.events import messages
from calls.events.cloud_events import build_event
from calls.events.messages import (
    DeliveryMessage,
    EventMessage,
    decode_delivery,
    decode_event,
    send_delivery,
    send_event,
)
from calls.records.model import Milestone
from calls.settings import Settings
from tests.calls.sent import Sent

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
MILESTONE = Milestone(type="call.connected", time=NOW)


def delivery(**fields: object) -> DeliveryMessage:
    event = build_event(Settings(callback_url="https://app.example"), "c1", MILESTONE)
    values = {"call_connection_id": "c1", "endpoint": "crm", "event": event, "first_at": NOW}
    return DeliveryMessage(**values | fields)  # type: ignore[arg-type]


def test_the_queues_are_those_of_the_functions() -> None:
    assert app_clients.EVENT_QUEUE == functions.EVENT_QUEUE
    assert app_clients.DELIVERY_QUEUE == functions.DELIVERY_QUEUE


def test_a_message_is_read_as_it_was_sent() -> None:
    event = EventMessage(call_connection_id="c1", milestone=MILESTONE)
    assert decode_event(msgspec.json.encode(event)) == event
    message = delivery(url="https://a.example/hook", attempts=3)
    assert decode_delivery(msgspec.json.encode(message)) == message
    for decode in (decode_event, decode_delivery):
        with pytest.raises(ValueError, match="not a message of the queue of"):
            decode(b"{}")


def test_a_delivery_s_id_is_that_of_its_event_and_endpoint() -> None:
    assert delivery().id == delivery(attempts=7, first_at=NOW.replace(hour=1)).id
    others = {delivery(endpoint="ops").id, delivery(url="https://a.example/x").id, delivery().id}
    assert len(others) == 3
    assert delivery().id.startswith("c1.")


async def test_a_delay_is_whole_seconds_and_never_too_short(clients: Clients) -> None:
    sent = clients._queues[app_clients.DELIVERY_QUEUE] = Sent()  # type: ignore[assignment]
    await send_delivery(clients, delivery(), 2.1)
    await send_delivery(clients, delivery())
    assert sent.delays == [3, 0]


async def test_a_message_is_in_the_storage_s_queue(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"events-{uuid.uuid4().hex}"
    monkeypatch.setattr(messages, "EVENT_QUEUE", name)
    with QueueClient.from_connection_string(clients.settings.audio_storage, name) as queue:
        queue.create_queue()
        await send_event(clients, EventMessage(call_connection_id="c1"))
        (message,) = queue.receive_messages()
        queue.delete_queue()
    assert message.content == "eyJjYWxsX2Nvbm5lY3Rpb25faWQiOiJjMSJ9"
