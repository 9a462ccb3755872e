"""Queue triggers: one invocation for each message, parallel runs, retries, the poison queue."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest
from azure.storage.queue import QueueClient, QueueServiceClient
from azure.storage.queue.aio import QueueClient as AsyncQueueClient

from local.host.queues import QueueOptions, encode_message, keep_invisible
from tests.local.host.conftest import Host
from tests.local.waiting import until


def connect(host: Host, name: str) -> QueueClient:
    return QueueServiceClient.from_connection_string(host.storage).get_queue_client(name)


def test_a_message_becomes_an_invocation(host: Host) -> None:
    queue = connect(host, "messages")
    queue.send_message(base64.b64encode(b"right").decode())
    until(lambda: host.count_traces("messages/right 1") == 1)
    until(lambda: not queue.peek_messages())


def test_a_message_that_always_fails_goes_to_the_poison_queue(host: Host) -> None:
    connect(host, "messages").send_message(base64.b64encode(b"wrong").decode())
    # host.json says three attempts.
    until(lambda: host.count_traces("messages/wrong 3") == 1)
    until(lambda: host.count_traces("poison/wrong 1") == 1)
    assert host.count_traces("messages/wrong") == 3
    assert not connect(host, "messages").peek_messages()


def test_a_poison_message_that_fails_stays_invisible(host: Host) -> None:
    connect(host, "messages-poison").send_message(base64.b64encode(b"stays").decode())
    until(lambda: host.count_traces("poison/stays 1") == 1)
    queue = connect(host, "messages-poison")
    # Were it visible again, it would run again within half a second.
    assert not queue.peek_messages()
    names = {q.name for q in QueueServiceClient.from_connection_string(host.storage).list_queues()}
    assert not [name for name in names if name.endswith("-poison-poison")]


def test_as_many_functions_run_at_once_as_host_json_says(host: Host) -> None:
    queue = connect(host, "slow")
    for _ in range(6):
        queue.send_message(base64.b64encode(b"slow").decode())
    until(lambda: host.count_traces("slow/end") == 6)
    running, most = 0, 0
    for line in host.trace.read_text().splitlines():
        running += line.startswith("slow/begin")
        running -= line.startswith("slow/end")
        most = max(most, running)
    assert most == 2, "batchSize 1 and newBatchThreshold 1"


async def test_a_message_stays_invisible_while_its_function_runs(storage: str) -> None:
    async with AsyncQueueClient.from_connection_string(storage, "renewed") as queue:
        await queue.create_queue()
        await queue.send_message("content")
        message = await queue.receive_message(visibility_timeout=4)
        assert message is not None
        first_receipt = message.pop_receipt
        renewal = asyncio.create_task(keep_invisible(queue, message, 4))
        await asyncio.sleep(4.5)
        assert await queue.receive_message() is None
        renewal.cancel()
        assert message.pop_receipt != first_receipt
        await queue.delete_message(message)


@pytest.mark.parametrize(
    ("settings", "options"),
    [
        ({}, QueueOptions(16, 8, 5, 0, 60.0, True)),
        ({"batchSize": 1}, QueueOptions(1, 0, 5, 0, 60.0, True)),
        (
            {
                "batchSize": 4,
                "newBatchThreshold": 0,
                "maxDequeueCount": 2,
                "visibilityTimeout": "00:01:30",
                "maxPollingInterval": "00:00:02.5",
                "messageEncoding": "none",
            },
            QueueOptions(4, 0, 2, 90, 2.5, False),
        ),
    ],
)
def test_the_options_of_host_json(settings: dict[str, Any], options: QueueOptions) -> None:
    assert QueueOptions.from_host_json(settings) == options


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batchSize": 0}, "batchSize is 0, not 1 to 32"),
        ({"batchSize": 33}, "batchSize is 33, not 1 to 32"),
        ({"visibilityTimeout": "30"}, "'30' is not a time span"),
    ],
)
def test_wrong_options_of_host_json(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        QueueOptions.from_host_json(settings)


def test_messages_are_encoded_as_host_json_says() -> None:
    assert encode_message("über", QueueOptions()) == base64.b64encode("über".encode()).decode()
    assert encode_message("über", QueueOptions(is_base64=False)) == "über"
