"""Queue triggers: one invocation for each message, five attempts, and the poison queue."""

from __future__ import annotations

import base64

from azure.storage.queue import QueueServiceClient

from tests.local.host.conftest import Host
from tests.local.waiting import until


def test_a_message_becomes_an_invocation(host: Host) -> None:
    queue = QueueServiceClient.from_connection_string(host.storage).get_queue_client("messages")
    queue.send_message(base64.b64encode(b"right").decode())
    until(lambda: host.count_traces("messages/right 1") == 1)
    until(lambda: not queue.peek_messages())


def test_a_message_that_always_fails_goes_to_the_poison_queue(host: Host) -> None:
    queues = QueueServiceClient.from_connection_string(host.storage)
    # The host creates it with its first message.
    poison = queues.create_queue("messages-poison")
    content = base64.b64encode(b"wrong").decode()
    queues.get_queue_client("messages").send_message(content)
    until(lambda: host.count_traces("messages/wrong 5") == 1)
    until(lambda: [message.content for message in poison.peek_messages()] == [content])
    assert host.count_traces("messages/wrong") == 5
