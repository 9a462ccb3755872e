"""Segments and manifests that failed each time they were tried: listed, and run again on request.

The host puts such a blob's message into its poison queue; the function on that queue writes the
failure down. Source of the queue's name and its message: the Blobs extension of the Functions host
(``Microsoft.Azure.WebJobs.Extensions.Storage.Blobs``, ``BlobTriggerMessage``).
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime

import msgspec

from acs.identifiers import is_call_connection_id
from calls import blobs
from calls.storage import Storage
from contract import names

SCHEMA = 1
_DIGEST = re.compile("[0-9a-f]{16}")


class PoisonMessage(msgspec.Struct, rename="pascal"):
    """What the host says of a blob that it gives up on."""

    function_id: str
    container_name: str
    blob_name: str


class Failure(msgspec.Struct, kw_only=True, frozen=True):
    """One blob that was given up on. ``track`` and ``start`` are None for a manifest."""

    schema: int = SCHEMA
    id: str
    call_connection_id: str
    track: str | None
    start: datetime | None
    container: str
    blob: str
    error: str
    failed_at: datetime


def new_failure(container: str, blob: str, error: str, now: datetime) -> Failure:
    """The failure of a blob. Raises MalformedName."""
    track: str | None = None
    start: datetime | None = None
    if container == names.SEGMENTS:
        segment = names.parse_segment(blob)
        call, track, start = segment.call_connection_id, segment.track, segment.start
    else:
        call = names.parse_manifest(blob).call_connection_id
    digest = hashlib.sha256(f"{container}/{blob}".encode()).hexdigest()[:16]
    return Failure(
        id=f"{call}.{digest}",
        call_connection_id=call,
        track=track,
        start=start,
        container=container,
        blob=blob,
        error=error,
        failed_at=now.astimezone(UTC),
    )


def can_be_named(container: str, blob: str) -> bool:
    """Whether a blob is a segment or a manifest, by its name."""
    parse = {names.SEGMENTS: names.parse_segment, names.MANIFESTS: names.parse_manifest}
    try:
        return container in parse and bool(parse[container](blob))
    except names.MalformedName:
        return False


def is_failure_id(text: str) -> bool:
    """Whether ``text`` can be a failure's id."""
    call, _, digest = text.rpartition(".")
    return is_call_connection_id(call) and _DIGEST.fullmatch(digest) is not None


async def write(storage: Storage, failure: Failure) -> None:
    """Write a failure down; the same blob's later one replaces it."""
    await storage.put(blobs.FAILURES, f"{failure.id}.json", msgspec.json.encode(failure))


async def find(storage: Storage, failure_id: str) -> Failure | None:
    """A failure by its id."""
    document = await storage.read(blobs.FAILURES, f"{failure_id}.json")
    return msgspec.json.decode(document.content, type=Failure) if document else None


async def of_call(storage: Storage, call: str | None = None) -> list[Failure]:
    """The failures of one call, or of all; the newest first."""
    failure_blobs = await storage.blob_names(blobs.FAILURES, f"{call}." if call else "")
    documents = await storage.read_all(blobs.FAILURES, failure_blobs)
    found = [msgspec.json.decode(d.content, type=Failure) for d in documents if d]
    return sorted(found, key=lambda failure: failure.failed_at, reverse=True)


async def forget(storage: Storage, failure: Failure) -> None:
    """A failure that is mended, or tried again."""
    await storage.delete(blobs.FAILURES, f"{failure.id}.json")


async def result_blobs(storage: Storage, call: str) -> set[str]:
    """The analyses of a call that will not come: those of its segments that were given up on."""
    return {
        blobs.analysis_blob(names.parse_segment(failure.blob))
        for failure in await of_call(storage, call)
        if failure.container == names.SEGMENTS
    }
