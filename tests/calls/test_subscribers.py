"""Telling the queue of events: what is derived from a record may be lost, a deletion may not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from azure.core.exceptions import ServiceRequestError

from calls.clients import EVENT_QUEUE, Clients
from calls.events.messages import decode_event
from calls.settings import Settings
from calls.subscribers import DeletedCall, Subscribers
from tests.calls.sent import Sent

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
DELETED = DeletedCall(deletion_id="d", deleted_at=NOW)


async def test_a_report_names_the_call() -> None:
    sent: Any = Sent()
    await Subscribers(lambda: sent).report("c1")
    await Subscribers(lambda: sent).report_deletion("c2", DELETED)
    first, second = (decode_event(body) for body in sent.bodies)
    assert (first.call_connection_id, first.milestone, first.deleted) == ("c1", None, None)
    assert (second.call_connection_id, second.deleted) == ("c2", DELETED)


async def test_a_queue_that_does_not_answer_stops_only_what_nobody_would_find(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sent: Any = Sent(ServiceRequestError("away"))
    await Subscribers(lambda: sent).report("c1")
    assert "event_not_queued call=c1 error=ServiceRequestError" in caplog.messages
    with pytest.raises(ServiceRequestError):
        await Subscribers(lambda: sent).report_deletion("c1", DELETED)


async def test_storage_reports_only_where_somebody_wants_to_know() -> None:
    queues: Any = Clients(Settings(audio_storage="UseDevelopmentStorage=true", **CLIENT))
    assert queues.storage.subscribers is None
    await queues.close()
    clients: Any = Clients(
        Settings(audio_storage="UseDevelopmentStorage=true", webhooks="crm=x", **CLIENT)
    )
    sent = clients._queues[EVENT_QUEUE] = Sent()
    await clients.storage.subscribers.report("c1")
    assert len(sent.bodies) == 1
    await clients.close()


CLIENT: dict[str, Any] = {
    "acs_endpoint": "http://127.0.0.1:9",
    "acs_access_key": "AAAA",
    "callback_token_check": "off",
}
