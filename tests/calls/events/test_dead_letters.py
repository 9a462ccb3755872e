"""Dead letters: stored, listed in pages, sent again, and not confused with foreign blobs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from calls import blobs
from calls.clients import DELIVERY_QUEUE, Clients
from calls.errors import DeliveryNotFound, InvalidCursor
from calls.events.cloud_events import build_event
from calls.events.dead_letters import (
    KEEP_DAYS,
    DeadLetter,
    delete_expired_letters,
    delete_letter,
    endpoint_url,
    is_gone,
    list_letters,
    mark_gone,
    retry_letter,
    write_letter,
)
from calls.events.messages import DeliveryMessage, decode_delivery
from calls.records.expiries import Expiry, list_expiries
from calls.records.model import Milestone
from calls.settings import Settings
from tests.calls.events.test_messages import delivery
from tests.calls.sample_streams import new_call_id
from tests.calls.sent import Sent

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def message_of(call: str, **fields: object) -> DeliveryMessage:
    return delivery(call_connection_id=call, **fields)


def message_of_deleted(call: str, **fields: object) -> DeliveryMessage:
    """The message which says that a call was deleted, to the call's own endpoint."""
    milestone = Milestone(type="call.deleted", what="a-deletion", time=NOW)
    event = build_event(Settings(callback_url="https://app.example"), call, milestone)
    own = {"endpoint": "call", "url": "https://b.example/hook/a-secret"}
    return message_of(call, event=event, **own | fields)


async def listed(clients: Clients, call: str, limit: int) -> list[DeadLetter]:
    """A call's dead letters, read in pages of ``limit``."""
    letters, cursor = [], None
    while True:
        page = await list_letters(clients.storage, limit, cursor)
        letters += [letter for letter in page.letters if letter.call_connection_id == call]
        if (cursor := page.cursor) is None:
            return letters


async def test_a_letter_is_listed_until_it_is_sent_again(clients: Clients) -> None:
    sent = clients._queues[DELIVERY_QUEUE] = Sent()  # type: ignore[assignment]
    call = new_call_id()
    message = message_of(call, attempts=20)
    letter = await write_letter(clients.storage, message, "status 500", NOW)
    await write_letter(clients.storage, message, "status 500", NOW)
    await write_letter(clients.storage, message_of(call, endpoint="ops"), "status 501", NOW)
    letters = await listed(clients, call, 1)
    assert {each.endpoint: each.error for each in letters} == {
        "crm": "status 500",
        "ops": "status 501",
    }
    assert await retry_letter(clients, letter.id, NOW) == letter
    (body,) = sent.bodies
    again = decode_delivery(body)
    assert (again.id, again.event, again.attempts) == (message.id, message.event, 0)
    assert [each.endpoint for each in await listed(clients, call, 100)] == ["ops"]
    with pytest.raises(DeliveryNotFound):
        await retry_letter(clients, letter.id, NOW)


async def test_a_letter_stays_if_the_queue_does_not_take_it(clients: Clients) -> None:
    clients._queues[DELIVERY_QUEUE] = Sent(OSError("away"))  # type: ignore[assignment]
    call = new_call_id()
    letter = await write_letter(clients.storage, message_of(call), "status 500", NOW)
    with pytest.raises(OSError, match="away"):
        await retry_letter(clients, letter.id, NOW)
    assert await listed(clients, call, 100) == [letter]
    await delete_letter(clients.storage, letter)
    assert await listed(clients, call, 100) == []


async def test_a_letter_of_a_deleted_call_is_kept_for_thirty_days(clients: Clients) -> None:
    storage, call = clients.storage, new_call_id()
    own = await write_letter(storage, message_of_deleted(call), "status 500", NOW)
    later = NOW + timedelta(days=2)
    ops = await write_letter(storage, message_of_deleted(call, endpoint="ops"), "status 500", later)
    other = await write_letter(storage, message_of_deleted(f"{call}x"), "status 500", NOW)
    expires_at = NOW + timedelta(days=KEEP_DAYS)
    await delete_expired_letters(storage, call, expires_at - timedelta(seconds=1))
    assert {letter.id for letter in await listed(clients, call, 100)} == {own.id, ops.id}
    await delete_expired_letters(storage, call, expires_at)
    assert await listed(clients, call, 100) == [ops]
    assert await listed(clients, f"{call}x", 100) == [other], "another call's"


async def test_when_to_look_at_a_letter_is_written_before_it(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage, call = clients.storage, new_call_id()
    puts: list[str] = []
    put = storage.put

    async def note(container: str, blob: str, content: bytes) -> None:
        puts.append(container)
        await put(container, blob, content)

    monkeypatch.setattr(storage, "put", note)
    await write_letter(storage, message_of_deleted(call), "status 500", NOW)
    assert puts == [blobs.RETENTION, blobs.DELIVERIES]
    day = (NOW + timedelta(days=KEEP_DAYS + 1)).date()
    entry = Expiry(blobs.expiry_blob(day, call), call)
    assert entry in await list_expiries(storage, NOW + timedelta(days=KEEP_DAYS + 1))
    await write_letter(storage, message_of(new_call_id()), "status 500", NOW)
    assert puts[2:] == [blobs.DELIVERIES], "it is deleted with its call"


async def test_foreign_blobs_are_skipped_and_counted(
    clients: Clients, caplog: pytest.LogCaptureFixture
) -> None:
    call = new_call_id()
    letter = await write_letter(clients.storage, message_of(call), "status 500", NOW)
    content = await clients.storage.read(blobs.DELIVERIES, blobs.delivery_blob(letter.id))
    assert content is not None
    await clients.storage.put(blobs.DELIVERIES, f"calls/{call}.copy", content.content)
    await clients.storage.put(blobs.DELIVERIES, f"calls/{call}.other", b"nonsense")
    assert await listed(clients, call, 100) == [letter]
    assert "foreign_blobs_skipped container=deliveries" in caplog.text


@pytest.mark.parametrize(
    "id_", ["", "x", "../x", "call.0123456789abcdeg", "a" * 300, "c1." + "0" * 16]
)
async def test_no_such_letter(clients: Clients, id_: str) -> None:
    with pytest.raises(DeliveryNotFound):
        await retry_letter(clients, id_, NOW)


async def test_a_cursor_that_the_service_refuses(clients: Clients) -> None:
    async def refuse(*_: object) -> None:
        from azure.core.exceptions import HttpResponseError

        raise HttpResponseError("no")

    clients.storage.page = refuse  # type: ignore[method-assign,assignment]
    with pytest.raises(InvalidCursor):
        await list_letters(clients.storage, 10, "x")


async def test_an_endpoint_is_gone_by_its_url(clients: Clients) -> None:
    url = f"https://a.example/{new_call_id()}"
    assert not await is_gone(clients.storage, url)
    await mark_gone(clients.storage, url)
    assert await is_gone(clients.storage, url)
    assert not await is_gone(clients.storage, url + "/other")


def test_where_a_delivery_goes() -> None:
    settings = Settings(webhooks="crm=https://a.example/x", webhook_hosts="b.example")
    assert endpoint_url(settings, delivery()) == "https://a.example/x"
    assert endpoint_url(settings, delivery(endpoint="ops")) is None
    assert endpoint_url(settings, delivery(endpoint="event-grid")) is None
    own = delivery(endpoint="call", url="https://b.example/hook")
    assert endpoint_url(settings, own) == "https://b.example/hook"
    assert endpoint_url(Settings(webhook_hosts="c.example"), own) is None
