"""Deadlines: messages that become visible when they are due."""

from __future__ import annotations

import base64
import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest

import functions
from calls import clients
from calls.control import deadlines
from calls.control.deadlines import DeadlineMessage, decode_message, schedule
from tests.calls.control.acs import CreateClients

NOW = datetime(2026, 11, 26, 3, 30, tzinfo=UTC)


class Sent:
    """Stands in for the queue: the messages, and after how many seconds they become visible."""

    def __init__(self) -> None:
        self.messages: list[tuple[bytes, int]] = []

    async def send_message(self, content: str, *, visibility_timeout: int) -> None:
        self.messages.append((base64.b64decode(content), visibility_timeout))


@pytest.mark.parametrize(
    ("after", "visible_after"),
    [
        (timedelta(seconds=30), 30),
        (timedelta(seconds=30.2), 31),
        (timedelta(seconds=-1), 0),
        (timedelta(days=30), 6 * 86_400),
    ],
)
async def test_a_message_becomes_visible_when_it_is_due(
    create_clients: CreateClients, after: timedelta, visible_after: int
) -> None:
    app, sent = create_clients(), Sent()
    app._queues["deadlines"] = sent  # type: ignore[assignment]
    await schedule(app, "a-call", NOW + after, NOW)
    ((content, seconds),) = sent.messages
    assert decode_message(content) == DeadlineMessage("a-call")
    assert seconds == visible_after


def test_the_functions_listen_to_the_queue_that_gets_the_messages() -> None:
    assert clients.DEADLINE_QUEUE == functions.DEADLINE_QUEUE


async def test_a_queue_gets_the_message(
    create_clients: CreateClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of its own: other tests have the same Azurite.
    monkeypatch.setattr(clients, "DEADLINE_QUEUE", f"deadlines-{uuid.uuid4().hex}")
    app = create_clients()
    queue = app.deadline_queue()
    await queue.create_queue()
    await schedule(app, "a-call", NOW, NOW)
    (message,) = [message async for message in queue.receive_messages()]
    assert json.loads(base64.b64decode(message.content)) == {"call_connection_id": "a-call"}
    assert app.deadline_queue() is queue
    await queue.delete_queue()


async def test_a_queue_that_does_not_answer_is_logged(
    create_clients: CreateClients, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "DEADLINE_QUEUE", "missing-queue")
    await schedule(create_clients(), "a-call", NOW, NOW)
    assert "deadline_not_scheduled call=a-call error=ResourceNotFoundError" in caplog.text


@pytest.mark.parametrize("body", [b"", b"{}", b'"a-call"', b'{"call_connection_id":"../x"}'])
def test_a_message_that_is_not_one_of_this_queue(body: bytes) -> None:
    with pytest.raises(ValueError, match="not a message of the queue of deadlines"):
        decode_message(body)


def test_a_deadline_is_within_the_lifetime_of_a_message() -> None:
    assert timedelta(days=7) > deadlines.LATEST
