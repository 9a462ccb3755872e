"""Processing segments and manifests that land in Blob Storage.

Each function may run twice, late, or for a blob that has been deleted, without harm. The functions
of the triggers are given ``send``, which sends a message to the queue of transcriptions.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from datetime import UTC, datetime, timedelta

import azure.functions as func
import msgspec
from azure.core.exceptions import AzureError

from calls import blobs
from calls.clients import Clients, get_clients
from calls.errors import CallDeleted, CallNotFound
from calls.events.cloud_events import segment_milestone
from calls.events.messages import EventMessage, send_event
from calls.events.segment_log import log_segment
from calls.listings import log_foreign
from calls.records import ended_calls
from calls.records.expiries import add_expiry
from calls.records.result_state import record_result
from calls.records.store import decode_record, read_record_document, reopen_call
from calls.results import analysis, assembly, coalescing, failures
from calls.results.call_result import analysis_blobs
from calls.results.failures import PoisonMessage
from calls.retention.late_arrivals import removing_late_arrivals
from calls.transcripts.messages import Send, request_transcript
from contract import names
from contract.manifest import counts_from_metadata, decode_manifest
from contract.names import ManifestName
from contract.wav import MalformedWav
from event_log import log_event

_log = logging.getLogger(__name__)
_MAX_ERROR_CHARACTERS = 500


async def on_segment(segment: func.InputStream, send: Send) -> None:
    """Analyse a segment that has landed; its name is ``segments/...``.

    Raises any error: the host then retries, and finally moves the blob's message to its poison
    queue.
    """
    clients = get_clients()
    metadata = getattr(segment, "metadata", None) or {}
    blob = _blob_name(names.SEGMENTS, segment)
    if not failures.is_processed_blob(names.SEGMENTS, blob):
        log_foreign(names.SEGMENTS, [blob])
        return
    call = names.parse_segment(blob).call_connection_id
    async with removing_late_arrivals(clients.storage, call):
        if await analyse_segment(clients, blob, segment.read(), metadata):
            request_transcript(clients, call, send)


async def on_manifest(manifest: func.InputStream, send: Send) -> None:
    """Assemble the call of a manifest that has landed; its name is ``manifests/...``.

    Raises as ``on_segment`` does.
    """
    clients = get_clients()
    blob = _blob_name(names.MANIFESTS, manifest)
    if not failures.is_processed_blob(names.MANIFESTS, blob):
        log_foreign(names.MANIFESTS, [blob])
        return
    call = names.parse_manifest(blob).call_connection_id
    async with removing_late_arrivals(clients.storage, call):
        if await process_manifest(clients, blob, manifest.read()):
            request_transcript(clients, call, send)


async def on_poison_message(body: bytes, send: Send) -> None:
    """Process a blob whose message the host has moved to its poison queue, after all retries.

    Raises ValueError, AzureError.
    """
    try:
        message = msgspec.json.decode(body, type=PoisonMessage)
    except msgspec.DecodeError as error:
        raise ValueError(f"not a message of the Functions host: {error}") from error
    clients, container, blob = get_clients(), message.container_name, message.blob_name
    if not failures.is_processed_blob(container, blob):
        await try_once_more(clients, container, blob)
        return
    parse = names.parse_segment if container == names.SEGMENTS else names.parse_manifest
    call = parse(blob).call_connection_id
    async with removing_late_arrivals(clients.storage, call):
        if await try_once_more(clients, container, blob):
            request_transcript(clients, call, send)


def _blob_name(container: str, blob: func.InputStream) -> str:
    return str(blob.name).removeprefix(container + "/")


async def try_once_more(clients: Clients, container: str, blob: str) -> bool:
    """Process a blob one last time. If that fails, record the failure and go on without the blob.

    Returns:
        Whether its call was assembled.

    Raises AzureError: the storage is at fault, not the blob.
    """
    storage = clients.storage
    if not failures.is_processed_blob(container, blob):
        log_event(_log, logging.ERROR, "poison_blob_unknown", container=container, blob=blob)
        return False
    properties = await storage.properties(container, blob)
    document = await storage.read(container, blob)
    if properties is None or document is None:
        log_event(_log, logging.WARNING, "poison_blob_deleted", container=container, blob=blob)
        return False
    try:
        if container == names.SEGMENTS:
            return await analyse_segment(clients, blob, document.content, properties.metadata)
        return await process_manifest(clients, blob, document.content)
    except AzureError:
        raise
    except Exception as error:  # noqa: BLE001  # recorded as a failure
        log_event(
            _log,
            logging.ERROR,
            "blob_failed_permanently",
            container=container,
            blob=blob,
            exc_info=True,
        )
        message = f"{type(error).__name__}: {error}"[:_MAX_ERROR_CHARACTERS]
        failure = failures.new_failure(container, blob, message, datetime.now(UTC))
        await failures.write_failure(storage, failure)
        # The call may have been waiting for this blob alone.
        return await assemble_call(clients, failure.call_connection_id)


async def analyse_segment(
    clients: Clients, blob: str, content: bytes, metadata: dict[str, str]
) -> bool:
    """Analyse a segment, and assemble its call if nothing else is missing.

    Args:
        clients: The app's clients.
        blob: The segment's name in its container.
        content: The WAV file.
        metadata: The blob's metadata: the streamer's counts.

    Returns:
        Whether its call was assembled.

    Raises ValueError, AzureError.
    """
    segment = names.parse_segment(blob)
    try:
        # In a thread: the worker runs every other function on the event loop meanwhile.
        result = await asyncio.to_thread(
            analysis.analyse, segment, content, counts_from_metadata(metadata)
        )
    except MalformedWav as error:
        raise ValueError(f"the segment is not a WAV file: {error}") from error
    call, storage = segment.call_connection_id, clients.storage
    milestone = segment_milestone(segment, result.duration_ms, datetime.now(UTC))
    if storage.subscribers is not None:
        # Before the analysis: once that is there, nobody looks at the segment again.
        await send_event(clients, EventMessage(call_connection_id=call, milestone=milestone))
    await asyncio.gather(
        storage.put(blobs.RESULTS, blobs.analysis_blob(segment), analysis.encode_analysis(result)),
        log_segment(storage, call, milestone),
    )
    log_event(_log, logging.INFO, "segment_analysed", call=segment.call_connection_id, segment=blob)
    # While the segment's own stream is open, the call cannot be complete: nothing else is read.
    manifest_blob = ManifestName(segment.call_connection_id, segment.stream_id).blob
    manifest = await clients.storage.read(names.MANIFESTS, manifest_blob)
    if manifest is None:
        partial_after = timedelta(seconds=clients.settings.partial_after_seconds)
        if datetime.now(UTC) - segment.start > partial_after:
            # The call may have been finalized without it, and its manifest may never come.
            with contextlib.suppress(CallNotFound):
                await reopen_call(clients.storage, segment.call_connection_id)
        return False
    return await _assemble_after(clients, manifest_blob, manifest.content)


async def process_manifest(clients: Clients, blob: str, content: bytes) -> bool:
    """Assemble a call if this manifest was its last part; return whether it was.

    Raises ValueError, AzureError.
    """
    decode_manifest(content)
    return await _assemble_after(clients, blob, content)


async def _assemble_after(clients: Clients, manifest_blob: str, content: bytes) -> bool:
    """Assemble a call after a part of a stream that has ended, if the stream is complete.

    Most parts are not the last ones of their stream: they cost a look at what there is.
    """
    storage, call = clients.storage, names.parse_manifest(manifest_blob).call_connection_id
    try:
        manifest = decode_manifest(content)
    except ValueError:
        # Its own event records the failure; see ``assembly``.
        return await assemble_call(clients, call)
    results = await storage.blob_names(blobs.RESULTS, f"{call}/")
    missing = set(analysis_blobs([manifest])).difference(results)
    if missing and not await assembly.are_failed(storage, call, missing):
        return False
    record = await read_record_document(storage, call)
    if record and coalescing.may_wait(decode_record(record.content), manifest.ended_at):
        log_event(_log, logging.INFO, "assembly_postponed", call=call)
        return False
    whole_stream = None if missing else manifest.stream_id
    overview = assembly.Overview(results, record, {manifest_blob: content}, whole_stream)
    return await assemble_call(clients, call, overview=overview)


async def on_ended_call(body: bytes, send: Send) -> None:
    """Assemble a call that has ended and whose last assemblies were postponed.

    Raises ValueError, Contended, AzureError: the host then runs the message again.
    """
    clients, call = get_clients(), ended_calls.decode_message(body)
    async with removing_late_arrivals(clients.storage, call):
        if await assemble_call(clients, call):
            request_transcript(clients, call, send)


async def assemble_call(
    clients: Clients,
    call: str,
    *,
    partial: bool = False,
    overview: assembly.Overview | None = None,
) -> bool:
    """Assemble a call if all of it has landed.

    Args:
        clients: The app's clients.
        call: The call connection id.
        partial: Assemble what has landed, even if something is missing.
        overview: What was read of the call just now.

    Returns:
        Whether the call was assembled: its transcript is then due. False also if another run
        assembles it, with all that has landed.

    Raises Contended, AzureError.
    """
    runs = itertools.count()

    async def assemble() -> bool | None:
        is_first = next(runs) == 0
        if not is_first and await assembly.is_up_to_date(clients.storage, call):
            return None
        return await _assemble_and_record(
            clients, call, partial=partial, overview=overview if is_first else None
        )

    # Whoever assembles the call at the moment may wait for parts: this one must not.
    if partial:
        return await assemble() is not None
    is_assembled = await coalescing.run_in_turn(
        clients.storage,
        call,
        assemble,
        stream_id=overview.whole_stream if overview else None,
        is_free=overview is not None and not overview.is_assembling(call),
    )
    return is_assembled is not None


async def _assemble_and_record(
    clients: Clients, call: str, *, partial: bool, overview: assembly.Overview | None
) -> bool | None:
    """Assemble a call, and write to its record what came out. Returns None if it is incomplete."""
    storage, settings = clients.storage, clients.settings
    assembled = await assembly.assemble(
        storage, call, settings.recording_format, partial=partial, overview=overview
    )
    if assembled is None:
        return None
    try:
        await record_result(
            storage,
            call,
            assembled.record,
            assembled.for_record,
            datetime.now(UTC),
            settings.partial_after_seconds,
        )
    except CallDeleted:
        pass
    except CallNotFound:
        # A stream of a call that this app did not place (GRANT_CHECK is not require).
        await add_expiry(storage, call, datetime.now(UTC))
        log_event(_log, logging.WARNING, "call_without_record", call=call)
    sha256 = assembled.result.summary.recording_sha256
    log_event(_log, logging.INFO, "call_assembled", call=call, recording_sha256=sha256)
    return True
