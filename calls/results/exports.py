"""The export of a call: a zip file with its recording and its documents, built on request.

A request writes the *order*: the documents, as the routes show them to whoever asks, and which
recording belongs to them. A function then builds the zip file from the order. All of it is in one
folder of the ``results`` container, which a deletion of the call or of a participant empties: a zip
file whose order has gone meanwhile is deleted by whoever has built it.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

from calls import blobs
from calls.results.renditions import wav_parts, wav_size
from calls.results.zip_stream import zip_blocks
from calls.storage import Properties, Storage
from event_log import log_event

KEEP = timedelta(hours=1)
"""A zip file is deleted by the first visit to its call after this time: at most a day later."""

RECORDING = "recording.wav"
CONTENT_TYPE = "application/zip"

_SOURCE_KEY = "source"
_PROGRESS_SECONDS = 2.0

_log = logging.getLogger(__name__)


class Order(msgspec.Struct, kw_only=True, frozen=True):
    """What to export: ``files`` by name, and the recording that has this ETag.

    ``source`` identifies the content: the same documents and the same recording have the same.
    """

    source: str
    recording_etag: str
    files: dict[str, bytes]


class Progress(msgspec.Struct, kw_only=True, frozen=True):
    """How far an export is, in bytes of the recording; it has no personal data."""

    source: str
    state: Literal["building", "failed"] = "building"
    requested_at: datetime
    updated_at: datetime
    bytes_written: int = 0
    bytes_total: int


def order_export(files: dict[str, bytes], recording: Properties) -> Order:
    """Return the order of these documents and this recording."""
    digest = hashlib.sha256(recording.etag.encode())
    for name, content in sorted(files.items()):
        digest.update(f"\0{name}\0{len(content)}\0".encode() + content)
    return Order(
        source=digest.hexdigest()[:32],
        recording_etag=recording.etag,
        files=files,
    )


async def read_progress(storage: Storage, call: str) -> Progress | None:
    """Read how far a call's export is; None if nobody is waiting for one. Raises AzureError."""
    document = await storage.read(blobs.RESULTS, blobs.export_blob(call, "progress.json"))
    return msgspec.json.decode(document.content, type=Progress) if document else None


async def write_progress(storage: Storage, call: str, progress: Progress) -> None:
    """Write how far a call's export is. Raises AzureError."""
    blob = blobs.export_blob(call, "progress.json")
    await storage.put(blobs.RESULTS, blob, msgspec.json.encode(progress))


async def write_order(storage: Storage, call: str, order: Order) -> None:
    """Write an order; an older one is replaced. Raises AzureError."""
    blob = blobs.export_blob(call, "order")
    await storage.put(blobs.RESULTS, blob, msgspec.msgpack.encode(order))


async def delete_order(storage: Storage, call: str) -> None:
    """Delete an order that must not be built. Raises AzureError."""
    await storage.delete(blobs.RESULTS, blobs.export_blob(call, "order"))


async def read_zip(storage: Storage, call: str, source: str) -> Properties | None:
    """Return the properties of the zip file of this source, None without one. Raises AzureError."""
    properties = await storage.properties(blobs.RESULTS, blobs.export_zip_blob(call))
    is_current = properties is not None and properties.metadata.get(_SOURCE_KEY) == source
    return properties if is_current else None


async def build_export(storage: Storage, call: str, source: str) -> bool:
    """Build the zip file of an order. It is safe to run this again.

    Returns:
        False if nothing was built: the order has gone, or its recording has been replaced.

    Raises AzureError, and what reading the recording raises.
    """
    order_name = blobs.export_blob(call, "order")
    document = await storage.read(blobs.RESULTS, order_name)
    order = msgspec.msgpack.decode(document.content, type=Order) if document else None
    if document is None or order is None or order.source != source:
        return False
    is_built = await read_zip(storage, call, source) is not None
    if not is_built:
        recording = await storage.properties(blobs.RECORDINGS, blobs.recording_blob(call))
        if recording is None or recording.etag != order.recording_etag:
            await _forget_order(storage, call, document.etag)
            return False
        await _write_zip(storage, call, order, recording)
    # Looked for last: what deletes parts of a call deletes the order with them.
    current = await storage.properties(blobs.RESULTS, order_name)
    if current is None or current.etag != document.etag:
        await storage.delete(blobs.RESULTS, blobs.export_zip_blob(call))
        log_event(_log, logging.WARNING, "export_outdated", call=call)
        return False
    await _forget_order(storage, call, document.etag)
    return True


async def _write_zip(storage: Storage, call: str, order: Order, recording: Properties) -> None:
    blob = blobs.export_zip_blob(call)
    existing = await storage.properties(blobs.RESULTS, blob)
    size = await wav_size(storage, call, recording)
    now = datetime.now(UTC)
    progress = Progress(
        source=order.source, requested_at=now, updated_at=now, bytes_written=0, bytes_total=size
    )
    started = time.monotonic()
    written = await storage.write_in_blocks(
        blobs.RESULTS,
        blob,
        zip_blocks(
            order.files,
            RECORDING,
            size,
            _counted_parts(storage, call, recording, progress),
            recording.last_modified,
        ),
        name=order.source,
        content_type=CONTENT_TYPE,
        metadata={_SOURCE_KEY: order.source},
        etag=existing.etag if existing else None,
    )
    log_event(
        _log,
        logging.INFO,
        "export_built",
        call=call,
        bytes=written.size if written else None,
        ms=round((time.monotonic() - started) * 1000),
    )


async def _counted_parts(
    storage: Storage, call: str, recording: Properties, progress: Progress
) -> AsyncIterator[bytes]:
    """Yield the recording, and write now and then how much of it that was."""
    written, reported_at = 0, time.monotonic()
    async for part in wav_parts(storage, call, recording):
        yield part
        written += len(part)
        if time.monotonic() - reported_at < _PROGRESS_SECONDS:
            continue
        reported_at, now = time.monotonic(), datetime.now(UTC)
        progress = msgspec.structs.replace(progress, bytes_written=written, updated_at=now)
        await write_progress(storage, call, progress)


async def _forget_order(storage: Storage, call: str, etag: str) -> None:
    if await storage.delete(blobs.RESULTS, blobs.export_blob(call, "order"), etag):
        await storage.delete(blobs.RESULTS, blobs.export_blob(call, "progress.json"))


async def fail_export(storage: Storage, call: str, source: str) -> None:
    """Note that an export has failed, so that whoever waits for it hears of it.

    Raises AzureError.
    """
    progress = await read_progress(storage, call)
    if progress is not None and progress.source == source:
        now = datetime.now(UTC)
        failed = msgspec.structs.replace(progress, state="failed", updated_at=now)
        await write_progress(storage, call, failed)


async def delete_old_exports(storage: Storage, call: str, now: datetime) -> bool:
    """Delete what is in the folder of a call's exports and older than ``KEEP``.

    Returns:
        Whether something younger is left: look again.

    Raises AzureError.
    """
    is_left = False
    listing = await storage.listing(blobs.RESULTS, blobs.export_blob(call, ""))
    for blob, properties in listing.items():
        if now - properties.last_modified < KEEP:
            is_left = True
        else:
            await storage.delete(blobs.RESULTS, blob, properties.etag)
    return is_left
