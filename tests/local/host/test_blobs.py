"""Blob triggers: one invocation for each event, retries, and the poison queue."""

from __future__ import annotations

import base64
import json

import pytest
from azure.storage.queue import QueueServiceClient

from local.host.blobs import bind_path
from tests.local.host.conftest import Host
from tests.local.waiting import until


def let_events_pass(host: Host, blob: str) -> None:
    """Wait until a new blob has been handled, and so every event before it."""
    host.upload(blob, "fine")
    until(lambda: host.count_runs(blob) == 1)


def test_a_blob_becomes_one_invocation(host: Host) -> None:
    host.upload("a/b c.wav", "fine")
    until(lambda: host.count_runs("a/b c.wav") == 1)
    let_events_pass(host, "after-created")
    assert host.count_runs("a/b c.wav") == 1
    host.upload("a/b c.wav", "fine again")
    until(lambda: host.count_runs("a/b c.wav") == 2)


def test_a_failure_is_tried_again(host: Host) -> None:
    host.upload("retried", "once")
    until(lambda: host.count_runs("retried") == 2)
    let_events_pass(host, "after-retried")
    assert host.count_runs("retried") == 2


def test_a_blob_that_always_fails_goes_to_the_poison_queue(host: Host) -> None:
    host.upload("bad", "always")
    queue = QueueServiceClient.from_connection_string(host.storage).get_queue_client(
        "webjobs-blobtrigger-poison"
    )
    until(lambda: bool(queue.peek_messages()))
    assert host.count_runs("bad") == 3
    message = json.loads(base64.b64decode(queue.peek_messages()[0].content))
    assert message["FunctionId"] == "Host.Functions.blob_created"
    assert (message["ContainerName"], message["BlobName"]) == ("watched", "bad")


def test_the_webhook_requires_its_key(host: Host) -> None:
    path = "/runtime/webhooks/blobs?functionName=Host.Functions.blob_created&code=wrong"
    assert host.request(path, "POST", b"[]")[0] == 401


@pytest.mark.parametrize(
    ("pattern", "path", "values"),
    [
        ("segments/{name}", "segments/call/a.wav", {"name": "call/a.wav"}),
        ("a/{x}/{y}.wav", "a/1/2.wav", {"x": "1", "y": "2"}),
        ("segments/{name}", "manifests/a.json", {}),
    ],
)
def test_paths_bind_values(pattern: str, path: str, values: dict[str, str]) -> None:
    assert bind_path(pattern, path) == values
