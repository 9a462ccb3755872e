"""Queue outputs: what a function sets is sent if it succeeds, and only then."""

from __future__ import annotations

import base64

import pytest
from azure.storage.queue import QueueServiceClient
from azure_functions_runtime.bindings.datumdef import Datum

from local.host.outputs import split_messages
from tests.local.host.conftest import Host


def sent_messages(host: Host) -> list[str]:
    """All messages in the queue ``sent``, which nothing reads."""
    queue = QueueServiceClient.from_connection_string(host.storage).get_queue_client("sent")
    return [base64.b64decode(m.content).decode() for m in queue.peek_messages(max_messages=32)]


def test_what_a_function_sets_is_sent_when_it_succeeds(host: Host) -> None:
    for text, status in (("right", 200), ("nothing", 200), ("wrong", 500)):
        assert host.request(f"/api/send/{text}", "POST")[0] == status
    assert sorted(sent_messages(host)) == ["right1", "right2", '{"text": "right"}']


def test_a_message_that_cannot_be_sent_is_a_failure_of_its_function(host: Host) -> None:
    assert host.request("/api/misplace", "POST")[0] == 500


@pytest.mark.parametrize(
    ("value", "messages"),
    [
        ("text", ["text"]),
        ('{"id": 1}', ['{"id": 1}']),
        (b"bytes", ["bytes"]),
        ('["a", {"id": 1}]', ["a", '{"id": 1}']),
        ("[]", []),
    ],
)
def test_an_array_is_several_messages(value: object, messages: list[str]) -> None:
    assert split_messages(Datum(value, "json")) == messages
