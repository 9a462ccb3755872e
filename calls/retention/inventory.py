"""Where everything of a call is: the one list of what a deletion deletes.

A blob of a call is found by its name, which begins with the call's id in most containers. What is
not named by the call is found by notes and ids that the deletion has collected before it began.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobProperties

from calls import blobs
from calls.records.dispositions import StreamTrack
from calls.results.failures import list_failures
from calls.retention.model import Deletion, Scope, StoredBlob
from calls.storage import Storage
from contract import names

CONTAINERS: dict[Scope, tuple[str, ...]] = {
    # Records come first, so that nothing of the call is shown from then on.
    "call": (
        blobs.CALLS,
        names.GRANTS,
        names.SEGMENTS,
        names.MANIFESTS,
        blobs.RECORDINGS,
        blobs.RESULTS,
        blobs.EVENTS,
        blobs.DELIVERIES,
        names.DRAFTS,
        names.REJECTED,
        blobs.FAILURES,
        blobs.IDEMPOTENCY,
        blobs.DEAD_LETTERS,
        blobs.UNSETTLED,
    ),
    "participant": (
        names.SEGMENTS,
        blobs.RECORDINGS,
        blobs.RESULTS,
        blobs.EVENTS,
        names.DRAFTS,
        names.MANIFESTS,
        names.REJECTED,
        blobs.FAILURES,
        blobs.DEAD_LETTERS,
    ),
    "segments": (names.SEGMENTS, names.MANIFESTS, names.DRAFTS, names.REJECTED),
}
"""The containers in which each scope of a deletion deletes, in this order."""

_MAX_DEAD_LETTER_BYTES = 8 * 1024 * 1024


async def collect(storage: Storage, deletion: Deletion) -> None:
    """Add to a deletion what leads to blobs that are not named by their call. Raises AzureError."""
    if deletion.receipt.scope == "participant":
        return
    call = deletion.receipt.call_connection_id
    for container, prefix, known in (
        (names.GRANTS, names.grant_notes(call), deletion.grants),
        (blobs.IDEMPOTENCY, blobs.idempotency_notes(call), deletion.keys),
    ):
        for note in await storage.blob_names(container, prefix):
            blob = note.removeprefix(prefix)
            if blob not in known:
                known.append(blob)


async def list_blobs(storage: Storage, deletion: Deletion, container: str) -> list[StoredBlob]:
    """List what a deletion has to delete in a container, with versions and snapshots.

    Raises AzureError.
    """
    if deletion.receipt.scope == "participant" and container != blobs.DEAD_LETTERS:
        return await _list_participant(storage, deletion, container)
    if container == blobs.DEAD_LETTERS:
        return [blob async for blob in _dead_letters(storage, deletion)]
    stored: list[StoredBlob] = []
    for prefix in _prefixes(deletion, container):
        is_folder = prefix.endswith(("/", "."))
        # One call's id may be the beginning of another one's.
        stored += [
            blob
            async for blob in _stored(storage, container, prefix)
            if is_folder or blob.name == prefix
        ]
    if container == blobs.IDEMPOTENCY:
        stored = [blob for blob in stored if not await _is_reused(storage, deletion, blob)]
    return stored


async def _is_reused(storage: Storage, deletion: Deletion, blob: StoredBlob) -> bool:
    """Return whether an Idempotency-Key of the call is another call's by now."""
    if blob.name not in deletion.keys or blob.version or blob.snapshot:
        return False
    document = await storage.read(blobs.IDEMPOTENCY, blob.name)
    call = deletion.receipt.call_connection_id.encode()
    return document is not None and call not in document.content


async def _list_participant(
    storage: Storage, deletion: Deletion, container: str
) -> list[StoredBlob]:
    """List what one participant has in a container, and what was made of it.

    Manifests are rewritten, not deleted: only their older versions are. Once they are, what the
    call's result consists of is made again, without the participant.
    """
    call = deletion.receipt.call_connection_id
    stored: list[StoredBlob] = []
    for prefix in _participant_prefixes(deletion, container):
        is_folder = prefix.endswith(("/", "."))
        stored += [
            blob
            async for blob in _stored(storage, container, prefix)
            if is_folder or blob.name == prefix
        ]
    if container == names.MANIFESTS:
        stored = [blob for blob in stored if blob.version or blob.snapshot]
    if container == names.REJECTED:
        # Streams' states and lists of segments, which may name everyone.
        folder = f"{names.REJECTED_STREAMS}/{call}/"
        stored += [
            blob
            async for blob in _stored(storage, container, folder)
            if blob.name.removeprefix(folder).count("/") == 1
        ]
    if container == blobs.FAILURES:
        own = {track_prefix(call, track) for track in deletion.tracks}
        stored = [
            StoredBlob(f"{failure.id}.json", 0)
            for failure in await list_failures(storage, call)
            if f"{failure.blob.rpartition('/')[0]}/" in own
        ]
    return stored


def _participant_prefixes(deletion: Deletion, container: str) -> list[str]:
    call = deletion.receipt.call_connection_id
    tracks = [track_prefix(call, track) for track in deletion.tracks]
    if container in (names.SEGMENTS, blobs.RESULTS, names.REJECTED):
        prefixes = tracks
        if container == blobs.RESULTS and not deletion.is_rewritten:
            made = (blobs.call_result_blob(call), blobs.transcript_blob(call))
            chunks = blobs.chunk_blob(call, "").removesuffix(".json")
            prefixes = [*tracks, *made, chunks, blobs.export_blob(call, "")]
        if container == names.REJECTED:
            streams = sorted({track.stream_id for track in deletion.tracks})
            prefixes = [
                *(f"{names.SEGMENTS}/{prefix}" for prefix in tracks),
                *(f"{names.MANIFESTS}/{call}/{stream}." for stream in streams),
                *(f"{names.DRAFTS}/{call}/{stream}." for stream in streams),
                *(
                    f"{names.rejected_stream(call, track.stream_id)}{track.track}/"
                    for track in deletion.tracks
                ),
            ]
        return prefixes
    if container == names.DRAFTS:
        return [names.NoteName(call, t.stream_id, t.track).blob for t in deletion.tracks]
    if container == blobs.RECORDINGS and deletion.is_rewritten:
        return []
    whole = (blobs.RECORDINGS, names.MANIFESTS, blobs.EVENTS)
    return [f"{call}/"] if container in whole else []


def track_prefix(call: str, track: StreamTrack) -> str:
    """Return the prefix of the names of a track's segments, and of their analyses."""
    return f"{call}/{track.stream_id}/{track.track}/"


def _prefixes(deletion: Deletion, container: str) -> list[str]:
    """Return the names of a call's blobs in a container, or their prefixes."""
    call = deletion.receipt.call_connection_id
    if container == blobs.CALLS:
        return [blobs.call_blob(call)]
    if container == blobs.UNSETTLED:
        return [blobs.unsettled_blob(call)]
    if container == names.GRANTS:
        return [names.grant_notes(call), *deletion.grants]
    if container == blobs.IDEMPOTENCY:
        claim = deletion.correlation_id
        incoming = [blobs.incoming_blob(claim)] if claim else []
        return [blobs.idempotency_notes(call), *deletion.keys, *incoming]
    if container in (blobs.FAILURES, blobs.DELIVERIES):
        return [f"{call}." if container == blobs.FAILURES else blobs.deliveries_prefix(call)]
    if container == names.REJECTED:
        folders = (names.SEGMENTS, names.MANIFESTS, names.DRAFTS, names.REJECTED_STREAMS)
        return [f"{folder}/{call}/" for folder in folders]
    return [f"{call}/"]


async def _stored(storage: Storage, container: str, prefix: str) -> AsyncIterator[StoredBlob]:
    client = storage.service.get_container_client(container)
    include = ["snapshots", "versions", "immutabilitypolicy"]
    async for blob in client.list_blobs(name_starts_with=prefix, include=include):
        yield _stored_blob(blob)


def _stored_blob(blob: BlobProperties) -> StoredBlob:
    version = blob.version_id
    is_current = version is None or bool(blob.is_current_version)
    return StoredBlob(
        name=str(blob.name),
        bytes=int(blob.size or 0),
        version=None if is_current else version,
        snapshot=blob.snapshot,
        is_counted=version is None or not is_current,
        immutable_until=blob.immutability_policy.expiry_time if blob.immutability_policy else None,
    )


async def _dead_letters(storage: Storage, deletion: Deletion) -> AsyncIterator[StoredBlob]:
    """Yield the dead letters that name the call. Only their contents do."""
    ids = [deletion.receipt.call_connection_id, deletion.correlation_id]
    texts = [text.encode() for text in ids if text]
    participant = (deletion.raw_id or "").encode()
    try:
        listing = [blob async for blob in _stored(storage, blobs.DEAD_LETTERS, "")]
    except ResourceNotFoundError:
        return
    for blob in listing:
        if blob.bytes > _MAX_DEAD_LETTER_BYTES or blob.version or blob.snapshot:
            continue
        document = await storage.read(blobs.DEAD_LETTERS, blob.name)
        if document is None or participant not in document.content:
            continue
        if any(text in document.content for text in texts):
            yield blob
