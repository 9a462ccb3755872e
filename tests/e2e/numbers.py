"""The scan for phone numbers in names: logs, URLs, metrics, and the names of blobs.

Numbers are looked for as they were used: whatever the stored calls and manifests have of them. What
a log event had to mask counts as well, because something wanted to log a number.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient, ContainerClient
from azure.storage.queue import QueueServiceClient

from local.up import Up

_NUMBER = re.compile(r"\+([1-9][0-9]{9,14})\b")
"""With at least ten digits: a shorter one could be a part of an id by chance."""
_MASKED = re.compile(r"(?:\+|%2B|4:|4%3A)\*\*\*[0-9]{2}", re.IGNORECASE)
_WITH_NUMBERS = ("calls", "manifests", "drafts")


def used_numbers(service: BlobServiceClient) -> set[str]:
    """The digits of every number in the contents of the stored calls and manifests."""
    numbers: set[str] = set()
    for container in _WITH_NUMBERS:
        client = service.get_container_client(container)
        for blob in client.list_blob_names():
            # Some tests erase calls, which may still go on.
            with contextlib.suppress(ResourceNotFoundError):
                text = client.download_blob(blob).readall().decode(errors="replace")
                numbers.update(_NUMBER.findall(text))
    return numbers


def blob_places(client: ContainerClient) -> Iterator[tuple[str, str]]:
    """What stands beside the contents of a container's blobs."""
    for blob in client.list_blobs(include=["metadata", "tags"]):
        where = f"{client.container_name}/{blob.name}"
        yield f"blob {where}", f"{where} {blob.metadata} {blob.tags}"


def places(up: Up, service: BlobServiceClient) -> Iterator[tuple[str, str]]:
    """Every place that must hold no number, with its text."""
    for log in sorted(Path(up.log_dir).glob("*.log")):
        for number, line in enumerate(log.read_text(errors="replace").splitlines(), 1):
            yield f"{log.name}:{number}", line
    for container in service.list_containers(include_metadata=True):
        yield f"container {container.name}", f"{container.name} {container.metadata}"
        yield from blob_places(service.get_container_client(container.name))
    with QueueServiceClient.from_connection_string(
        up.addresses.storage_connection_string
    ) as queues:
        for queue in queues.list_queues():
            yield f"queue {queue.name}", str(queue.name)
    with urlopen(up.addresses.streamer.replace("ws", "http", 1) + "/metrics") as response:
        yield "/metrics", response.read().decode()


def find_numbers(up: Up) -> dict[str, str]:
    """Return the places that hold a number that was used, or one that was masked; {} is well."""
    with BlobServiceClient.from_connection_string(
        up.addresses.storage_connection_string
    ) as service:
        numbers = used_numbers(service)
        return {
            place: text[:300]
            for place, text in places(up, service)
            if _MASKED.search(text) or any(number in text for number in numbers)
        }
