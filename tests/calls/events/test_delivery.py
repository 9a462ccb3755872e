"""Deliveries, with faults staged on a clock that jumps: each event arrives, or is a dead letter.

No event ever has a second id, however often it is sent.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

from calls import blobs
from calls.clients import Clients
from calls.errors import CallDeleted
from calls.events import delivery
from calls.events.dead_letters import DeadLetter, list_letters, retry_letter
from calls.events.delivery import GONE, NOT_CONFIGURED, NOT_PERMITTED, create_deliverer
from calls.events.sender import WebhookSender
from calls.principals import Principal
from calls.records.store import change_record, read_record
from calls.retention.deletions import begin_deletion
from calls.retention.run import run_deletion
from tests.calls.call_events import record_events
from tests.calls.events.post_office import (
    OTHER_SECRET,
    SECRET,
    PostOffice,
    Received,
    Receiver,
)
from tests.calls.handler_requests import create_record
from tests.calls.sample_streams import new_call_id

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


async def connect(office: PostOffice) -> str:
    """Have a call connected; return its id."""
    call = new_call_id()
    await record_events(office.clients.storage, call, NOW, "CallConnected")
    return call


async def letters_of(office: PostOffice, call: str) -> list[DeadLetter]:
    """A call's dead letters. Tests share the storage."""
    letters, cursor = [], None
    while True:
        page = await list_letters(office.clients.storage, 1000, cursor)
        letters += [letter for letter in page.letters if letter.call_connection_id == call]
        cursor = page.cursor
        if cursor is None:
            return letters


def ids(received: list[Received]) -> set[str]:
    assert all(each.headers["webhook-id"] == each.event["id"] for each in received)
    return {each.event["id"] for each in received}


async def test_an_event_arrives_signed(office: PostOffice, receiver: Receiver) -> None:
    call = await connect(office)
    await office.run(seconds=1)
    (received,) = receiver.received
    event = Webhook(SECRET).verify(received.body, received.headers)
    assert (event["type"], event["subject"]) == ("call.connected", call)
    assert received.headers["content-type"] == "application/cloudevents+json"
    assert (await read_record(office.clients.storage, call)).milestones_sent == 1
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER_SECRET).verify(received.body, received.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(received.body + b" ", received.headers)
    await office.run(hours=1)
    assert len(receiver.received) == 1
    assert not office.deliveries.messages


async def test_while_a_secret_is_changed_both_sign(office: PostOffice, receiver: Receiver) -> None:
    office.configure(webhook_secrets=f"crm={SECRET} {OTHER_SECRET}")
    await connect(office)
    await office.run(seconds=1)
    (received,) = receiver.received
    for secret in (SECRET, OTHER_SECRET):
        Webhook(secret).verify(received.body, received.headers)


async def test_an_endpoint_that_is_down_for_an_hour_gets_everything_once_it_is_back(
    office: PostOffice,
) -> None:
    down = Receiver()
    try:
        office.configure(webhooks=f"crm={down.url}")
        calls = [await connect(office) for _ in range(3)]
        await office.run(hours=1)
        assert down.received == []
        assert all([await letters_of(office, call) == [] for call in calls])
        await down.open()
        await office.run(hours=2)
        assert {each.event["subject"] for each in down.received} == set(calls)
        assert len(ids(down.received)) == 3
        assert not office.deliveries.messages
    finally:
        await down.close()


async def test_an_endpoint_that_never_takes_an_event_leaves_a_dead_letter_that_is_sent_again(
    office: PostOffice, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.status = 500
    call = await connect(office)
    began = office.now
    await office.run(hours=23)
    assert await letters_of(office, call) == []
    await office.run(hours=3)
    (letter,) = await letters_of(office, call)
    assert (letter.error, letter.endpoint) == ("status 500", "crm")
    assert letter.attempts == len(receiver.received)
    assert 15 <= letter.attempts <= 40
    assert (letter.failed_at - began).total_seconds() >= 24 * 3600
    assert not office.deliveries.messages
    logged = [line for line in caplog.messages if line.startswith("delivery_dead ")]
    assert len([line for line in logged if call in line]) == 1, "the alert counts it"
    receiver.status = 200
    await retry_letter(office.clients, letter.id, office.now)
    await office.run(seconds=90)
    assert len(receiver.received) == letter.attempts + 1
    assert len(ids(receiver.received)) == 1, "it never had another id"
    assert await letters_of(office, call) == []


async def test_each_attempt_has_a_signature_of_its_own_time(
    office: PostOffice, receiver: Receiver
) -> None:
    """A receiver refuses what is older than five minutes, and would so refuse a late attempt."""
    receiver.status = 503
    await connect(office)
    await office.run(hours=5)
    attempts = receiver.received
    times = [int(each.headers["webhook-timestamp"]) for each in attempts]
    assert times == sorted(times)
    assert times[-1] - times[0] > 3600
    for each, time in zip(attempts, times, strict=True):
        moment = datetime.fromtimestamp(time, UTC)
        text = each.body.decode()
        assert each.headers["webhook-signature"] == Webhook(SECRET).sign(
            each.headers["webhook-id"], moment, text
        )


async def test_an_endpoint_that_does_not_answer_fails_and_holds_up_nobody_else(
    office: PostOffice, receiver: Receiver
) -> None:
    release = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        await release.wait()
        return web.Response()

    async with Receiver(hang) as slow, WebhookSender("any", timeout_seconds=0.3) as sender:
        office.configure(
            webhooks=f"slow={slow.url},crm={receiver.url}",
            webhook_secrets=f"slow={SECRET},crm={SECRET}",
        )
        quick = office.sender

        attempts: list[str] = []

        async def send(url: str, *arguments: object) -> object:
            attempts.append(url)
            chosen = sender if url == slow.url else quick
            return await chosen.send(url, *arguments)  # type: ignore[arg-type]

        office.sender = type("Both", (), {"send": staticmethod(send)})()
        calls = [await connect(office) for _ in range(8)]
        await office.run(seconds=30)
        assert {each.event["subject"] for each in receiver.received} == set(calls)
        assert len(receiver.received) == 8
        # It rests between two attempts, so it does not take the functions' time.
        assert 1 <= attempts.count(slow.url) <= 6
        release.set()


async def test_410_disables_an_endpoint_until_somebody_sends_again(
    office: PostOffice, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.status = 410
    first = await connect(office)
    await office.run(seconds=5)
    assert "webhook_endpoint_disabled" in caplog.text
    second = await connect(office)
    await office.run(hours=1)
    assert len(receiver.received) == 1, "the second call's event was not even sent"
    letters = [*await letters_of(office, first), *await letters_of(office, second)]
    assert [letter.error for letter in letters] == [GONE, GONE]
    receiver.status = 200
    await retry_letter(office.clients, letters[1].id, office.now)
    await connect(office)
    await office.run(minutes=5)
    assert len(receiver.received) == 3


async def test_a_redirect_to_a_private_address_is_not_followed(office: PostOffice) -> None:
    async with Receiver() as private:

        async def redirect(_: web.Request) -> web.Response:
            return web.Response(status=307, headers={"Location": private.url})

        async with Receiver(redirect) as public:
            office.configure(webhooks=f"crm={public.url}")
            call = await connect(office)
            await office.run(hours=26)
            assert public.received
            assert private.received == []
            (letter,) = await letters_of(office, call)
            assert letter.error == "status 307: redirects are not followed"


async def test_an_endpoint_at_a_private_address_is_never_reached(
    office: PostOffice, receiver: Receiver
) -> None:
    async with WebhookSender("public") as sender:
        office.sender = sender
        call = await connect(office)
        await office.run(hours=26)
        assert receiver.received == []
        (letter,) = await letters_of(office, call)
        assert letter.error == "the host's address is not permitted (WEBHOOK_ADDRESSES)"


async def test_a_message_that_comes_twice_is_the_same_event_to_its_receiver(
    office: PostOffice, receiver: Receiver
) -> None:
    await connect(office)
    office.events.messages *= 2
    await office.distribute_events()
    office.deliveries.messages *= 2
    await office.run(minutes=2)
    assert len(receiver.received) == 2
    assert len(ids(receiver.received)) == 1


async def test_a_busy_endpoint_says_when_to_come_back(
    office: PostOffice, receiver: Receiver
) -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": "1800"})

    async with Receiver(refuse) as busy:
        office.configure(webhooks=f"crm={busy.url}")
        await connect(office)
        await office.run(minutes=29)
        assert len(busy.received) == 1
        await office.run(minutes=3)
        assert len(busy.received) == 2


async def test_a_call_s_own_webhook_gets_its_events_while_its_host_is_permitted(
    office: PostOffice, receiver: Receiver
) -> None:
    office.configure(webhooks="", webhook_hosts="a.example", webhook_secrets=f"call={SECRET}")
    storage = office.clients.storage

    async def place(url: str) -> str:
        call = new_call_id()
        await create_record(office.clients, call)

        def apply(record: object) -> bool:
            record.webhook_url, record.origin_known = url, True  # type: ignore[attr-defined]
            return True

        await change_record(storage, call, apply)
        await record_events(storage, call, NOW, "CallConnected")
        return call

    permitted, other = await place(receiver.url), await place("https://b.example/hook")
    await office.run(minutes=2)
    assert [each.event["subject"] for each in receiver.received] == [permitted]
    (letter,) = await letters_of(office, other)
    assert (letter.error, letter.endpoint) == (NOT_PERMITTED, "call")


async def test_an_endpoint_that_the_settings_no_longer_have_leaves_a_dead_letter(
    office: PostOffice, receiver: Receiver
) -> None:
    receiver.status = 500
    call = await connect(office)
    await office.run(seconds=1)
    office.configure(webhooks="", webhook_secrets="")
    await office.run(hours=1)
    (letter,) = await letters_of(office, call)
    assert letter.error == NOT_CONFIGURED


async def test_nothing_of_a_deleted_call_is_delivered_but_that_it_was_deleted(
    office: PostOffice, receiver: Receiver
) -> None:
    """One of its deliveries is a dead letter, and one waits for its next attempt."""
    storage = office.clients.storage
    receiver.status = 410
    dead = await connect(office)
    await office.run(seconds=1)
    assert len(await letters_of(office, dead)) == 1
    async with Receiver(status=500) as failing:
        office.configure(webhooks=f"crm={failing.url}")
        waiting = await connect(office)
        await office.run(seconds=1)
        principal = Principal(kind="key", id="k", name="k")
        for call in (dead, waiting):
            deletion = await begin_deletion(storage, call, "call", principal, office.now)
            await run_deletion(storage, deletion.receipt.id, lambda: office.now)
        assert await letters_of(office, dead) == []
        failing.status = 200
        failing.received.clear()
        await office.run(hours=1)
    told = [(each.event["type"], each.event["subject"]) for each in failing.received]
    assert sorted(told) == sorted([("call.deleted", dead), ("call.deleted", waiting)])
    with pytest.raises(CallDeleted):
        await read_record(storage, dead)


async def test_that_a_call_was_deleted_outlives_the_call_as_a_dead_letter(
    office: PostOffice, receiver: Receiver
) -> None:
    receiver.status = 410
    storage, call = office.clients.storage, new_call_id()
    await create_record(office.clients, call)
    principal = Principal(kind="key", id="k", name="k")
    deletion = await begin_deletion(storage, call, "call", principal, office.now)
    await run_deletion(storage, deletion.receipt.id, lambda: office.now)
    await office.run(hours=1)
    (letter,) = await letters_of(office, call)
    assert letter.event.data == {
        "call_connection_id": call,
        "deletion_id": deletion.receipt.id,
    }
    assert await storage.blob_names(blobs.DELIVERIES, blobs.deliveries_prefix(call)) == []
    receiver.status = 200
    await retry_letter(office.clients, letter.id, office.now)
    await office.run(minutes=2)
    assert await letters_of(office, call) == []
    assert receiver.received[-1].event["type"] == "call.deleted"


async def test_a_letter_that_is_written_while_its_call_is_deleted_does_not_stay(
    office: PostOffice, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.status = 410
    call = await connect(office)
    await office.distribute_events()
    looks: list[str] = []

    async def is_deleted(_: object, call: str) -> bool:
        looks.append(call)
        return len(looks) > 1

    monkeypatch.setattr(delivery, "is_deleted", is_deleted)
    await office.run(minutes=1)
    assert looks == [call, call]
    assert await letters_of(office, call) == []


async def test_an_endpoint_that_always_has_others_to_serve_does_not_keep_a_message_for_ever(
    office: PostOffice, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(office.deliverer._gate, "admit", lambda *_: 3600.0)
    call = await connect(office)
    await office.run(hours=30)
    assert receiver.received == []
    (letter,) = await letters_of(office, call)
    assert letter.error == "the endpoint had no time for it within 25 hours"


async def test_the_process_s_deliverer_has_what_the_settings_name(clients: Clients) -> None:
    without = create_deliverer(clients, lambda: NOW)
    assert without._topic is None
    clients.settings = type(clients.settings)(
        event_grid_topic_endpoint="https://t.westeurope-1.eventgrid.azure.net/api/events"
    )
    assert create_deliverer(clients, lambda: NOW)._topic is not None
