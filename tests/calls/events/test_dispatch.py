"""Distributing events: to whom, and never lost, whatever process dies in between."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import ServiceRequestError

from calls.events import dispatch
from calls.events.messages import EventMessage, decode_delivery, send_delivery, send_event
from calls.pipeline.reconciler import reconcile_call
from calls.records.model import Milestone
from calls.records.store import change_record, read_record
from calls.retention.deletions import begin_deletion
from tests.calls.call_events import record_events
from tests.calls.events.post_office import SECRET, PostOffice, Receiver
from tests.calls.handler_requests import create_record
from tests.calls.retention.calls_to_delete import ADMIN
from tests.calls.sample_streams import new_call_id
from tests.calls.stream_uploader import send_nothing

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def queued(office: PostOffice) -> list[tuple[str, str, str]]:
    """The type, endpoint and event id of each delivery in the queue."""
    messages = [decode_delivery(message.body) for message in office.deliveries.messages]
    return [(m.event.type, m.endpoint, m.event.id) for m in messages]


async def test_every_endpoint_gets_each_milestone_once(office: PostOffice) -> None:
    office.configure(
        webhooks="crm=https://a.example,ops=https://b.example",
        event_grid_topic_endpoint="https://t.example/api/events",
    )
    call, storage = new_call_id(), office.clients.storage
    await record_events(storage, call, NOW, "CallConnected", webhook_url="https://c.example/hook")
    await office.distribute_events()
    assert [(t, endpoint) for t, endpoint, _ in queued(office)] == [
        ("call.connected", "crm"),
        ("call.connected", "ops"),
        ("call.connected", "call"),
        ("call.connected", "event-grid"),
    ]
    await record_events(storage, call, NOW, "CallConnected", "MediaStreamingStarted")
    await send_event(office.clients, EventMessage(call_connection_id=call))
    await office.distribute_events()
    assert [t for t, _, _ in queued(office)[4:]] == ["call.streaming"] * 4
    assert (await read_record(storage, call)).milestones_sent == 2


async def test_events_that_come_before_the_response_to_placing_reach_the_call_s_own_webhook(
    office: PostOffice,
) -> None:
    """The record is created by the first event, and gets the webhook a moment later."""
    office.configure(webhook_hosts="c.example")
    call, storage = new_call_id(), office.clients.storage
    await record_events(storage, call, office.now, "CallConnected")
    await office.distribute_due()
    assert queued(office) == []
    fields = {"origin_known": True, "webhook_url": "https://c.example/hook"}
    await record_events(storage, call, office.now, **fields)
    office.now += timedelta(seconds=5)
    await office.distribute_due()
    assert [endpoint for _, endpoint, _ in queued(office)] == ["crm", "call"]


async def test_a_call_whose_placing_was_never_recorded_is_told_after_a_while(
    office: PostOffice,
) -> None:
    office.configure(webhook_hosts="c.example")
    call, storage = new_call_id(), office.clients.storage
    await record_events(storage, call, office.now, "CallConnected")
    for _ in range(120):
        await office.distribute_due()
        office.now += timedelta(seconds=3)
    assert [endpoint for _, endpoint, _ in queued(office)] == ["crm"]


async def test_a_change_without_a_milestone_tells_nobody(office: PostOffice) -> None:
    call, storage = new_call_id(), office.clients.storage
    await create_record(office.clients, call)
    await change_record(storage, call, lambda _: True)
    assert office.events.messages == []


async def test_what_died_before_the_queue_took_it_is_found_by_the_reconciler(
    office: PostOffice, receiver: Receiver
) -> None:
    call, storage = new_call_id(), office.clients.storage
    office.events.is_away = True
    await record_events(
        storage,
        call,
        NOW,
        "CallConnected",
        "CallDisconnected",
        result_state="none",
    )
    assert office.events.messages == []
    office.events.is_away = False
    assert not await reconcile_call(office.clients, call, office.now, send_nothing)
    await office.run(seconds=5)
    assert {each.event["type"] for each in receiver.received} == {"call.connected", "call.final"}
    assert await reconcile_call(office.clients, call, office.now, send_nothing), "it is settled"
    assert (await read_record(storage, call)).finalized


async def test_a_process_that_dies_between_the_queue_and_the_record_repeats_the_same_events(
    office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    call, storage = new_call_id(), office.clients.storage
    await record_events(storage, call, NOW, "CallConnected", "MediaStreamingStarted")
    message = office.events.messages[0]

    async def die(*_: object) -> None:
        raise ServiceRequestError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(dispatch, "change_record", die)
        with pytest.raises(ServiceRequestError):
            await office.distribute_events()
    before = queued(office)
    office.events.messages.append(message)
    await office.distribute_events()
    assert len(before) == 2
    assert queued(office) == before * 2


async def test_a_segment_has_no_record_and_its_message_has_it_all(office: PostOffice) -> None:
    milestone = Milestone(type="segment.ready", what="blob", time=NOW, data={"track": "p1"})
    with_record, without = new_call_id(), new_call_id()
    await create_record(office.clients, with_record)
    for call in (with_record, without):
        await send_event(office.clients, EventMessage(call_connection_id=call, milestone=milestone))
    await office.distribute_events()
    assert [t for t, _, _ in queued(office)] == ["segment.ready"] * 2
    assert len({id_ for _, _, id_ in queued(office)}) == 2


async def test_nobody_is_told_of_a_deleted_call(
    office: PostOffice, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    call, storage = new_call_id(), office.clients.storage
    await record_events(storage, call, NOW, "CallConnected")
    await begin_deletion(storage, call, "call", ADMIN, office.now)
    await office.distribute_events()
    assert queued(office) == []
    assert f"events_dropped call={call} reason=call_deleted" in caplog.messages


async def test_a_call_that_is_deleted_while_its_events_are_sent_is_no_error(
    office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    call, storage = new_call_id(), office.clients.storage
    await record_events(storage, call, NOW, "CallConnected")

    async def send_and_delete(*arguments: object) -> None:
        await send_delivery(*arguments)  # type: ignore[arg-type]
        await begin_deletion(storage, call, "call", ADMIN, office.now)

    monkeypatch.setattr(dispatch, "send_delivery", send_and_delete)
    await office.distribute_events()
    assert len(queued(office)) == 1


async def test_an_older_message_does_not_set_the_count_back(office: PostOffice) -> None:
    call, storage = new_call_id(), office.clients.storage
    await record_events(storage, call, NOW, "CallConnected", "MediaStreamingStarted")
    await office.distribute_events()
    await dispatch._note_sent(office.clients, call, 1)
    assert (await read_record(storage, call)).milestones_sent == 2
    office.configure(webhook_secrets=f"crm={SECRET}")
