"""The functions on the queues of events and deliveries."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from calls.clients import DELIVERY_QUEUE, Clients
from calls.events.messages import EventMessage
from calls.pipeline import events
from calls.records.model import Milestone
from tests.calls.events.post_office import SECRET, Receiver
from tests.calls.sample_streams import new_call_id
from tests.calls.sent import Sent

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


async def test_an_event_goes_through_both_queues(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: Any = Sent()
    clients._queues[DELIVERY_QUEUE] = sent
    monkeypatch.setattr(events, "get_clients", lambda: clients)
    events._deliverer.cache_clear()
    async with Receiver() as receiver:
        clients.settings = msgspec.structs.replace(
            clients.settings,
            webhooks=f"crm={receiver.url}",
            webhook_secrets=f"crm={SECRET}",
            webhook_addresses="any",
        )
        milestone = Milestone(type="segment.ready", what="blob", time=NOW)
        message = EventMessage(call_connection_id=new_call_id(), milestone=milestone)
        await events.on_event(msgspec.json.encode(message))
        (body,) = sent.bodies
        await events.on_delivery(body)
        (received,) = receiver.received
        assert received.event["type"] == "segment.ready"
    events._deliverer.cache_clear()


@pytest.mark.parametrize("body", [b"", b"{}", b'{"call_connection_id": "../x"}'])
async def test_a_malformed_message_is_logged_and_dropped(
    body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    await events.on_event(body)
    await events.on_delivery(body)
    names = [message.split()[0] for message in caplog.messages]
    assert names == ["event_message_malformed", "delivery_message_malformed"]
