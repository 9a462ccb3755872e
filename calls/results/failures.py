"""Segments and manifests that failed permanently: recorded, listed, and retried on request.

When all attempts have failed, the host moves a blob's message to its poison queue. The function on
that queue tries once more, and records the failure. Source of the queue's name and message: the
Blobs extension of the Functions host (``Microsoft.Azure.WebJobs.Extensions.Storage.Blobs``,
``BlobTriggerMessage``).
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime

import msgspec

from acs.identifiers import is_call_connection_id
from calls import blobs
from calls.errors import FailedBlobMissing, FailureNotFound
from calls.listings import read_own
from calls.storage import Storage
from contract import names

SCHEMA = 1
_DIGEST = re.compile("[0-9a-f]{16}")


class PoisonMessage(msgspec.Struct, rename="pascal"):
    """The host's message about a blob whose function has failed every time."""

    function_id: str
    container_name: str
    blob_name: str


class Failure(msgspec.Struct, kw_only=True, frozen=True):
    """One blob that failed permanently. ``track`` and ``start`` are None for a manifest."""

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
    """Create the failure of a blob.

    Args:
        container: The blob's container.
        blob: Its name.
        error: What went wrong in the last attempt.
        now: When that was.

    Raises MalformedName.
    """
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


def is_processed_blob(container: str, blob: str) -> bool:
    """Whether a blob's name is that of a segment or a manifest, which the app processes."""
    parse = {names.SEGMENTS: names.parse_segment, names.MANIFESTS: names.parse_manifest}
    try:
        return container in parse and bool(parse[container](blob))
    except names.MalformedName:
        return False


def is_failure_id(text: str) -> bool:
    """Whether ``text`` can be a failure's id."""
    call, _, digest = text.rpartition(".")
    return is_call_connection_id(call) and _DIGEST.fullmatch(digest) is not None


async def write_failure(storage: Storage, failure: Failure) -> None:
    """Record a failure; it replaces an earlier one of the same blob. Raises AzureError."""
    await storage.put(blobs.FAILURES, f"{failure.id}.json", msgspec.json.encode(failure))


async def retry_failure(storage: Storage, failure_id: str) -> Failure:
    """Run a failed blob's function again, with all its attempts.

    Raises FailureNotFound, FailedBlobMissing, AzureError.
    """
    failure = None
    if is_failure_id(failure_id):
        document = await storage.read(blobs.FAILURES, f"{failure_id}.json")
        failure = _decode(f"{failure_id}.json", document.content) if document else None
    if failure is None:
        raise FailureNotFound(failure_id)
    if not await storage.rewrite(failure.container, failure.blob):
        raise FailedBlobMissing(f"{failure.container}/{failure.blob}")
    await storage.delete(blobs.FAILURES, f"{failure.id}.json")
    return failure


async def list_failures(storage: Storage, call: str | None = None) -> list[Failure]:
    """List the failures of one call, or of all calls, newest first. Raises AzureError."""
    failure_blobs = await storage.blob_names(blobs.FAILURES, f"{call}." if call else "")
    failures = await read_own(storage, blobs.FAILURES, failure_blobs, _decode)
    return sorted(failures, key=lambda failure: failure.failed_at, reverse=True)


def _decode(blob: str, content: bytes) -> Failure | None:
    """Decode a failure; None for a blob that is not the app's."""
    try:
        failure = msgspec.json.decode(content, type=Failure)
    except ValueError:
        return None
    is_own = blob == f"{failure.id}.json" and is_processed_blob(failure.container, failure.blob)
    return failure if is_own else None


async def failed_analysis_blobs(storage: Storage, call: str) -> set[str]:
    """Return the analyses that a call will never have: those of permanently failed segments.

    Raises AzureError.
    """
    return {
        blobs.analysis_blob(names.parse_segment(failure.blob))
        for failure in await list_failures(storage, call)
        if failure.container == names.SEGMENTS
    }
