"""Processing segments and manifests that land in Blob Storage.

Each function may run twice, late, or for a blob that has been deleted, without harm.
"""

from __future__ import annotations

import contextlib
import logging
from datetime import UTC, datetime

import azure.functions as func
import msgspec
from azure.core.exceptions import AzureError

from calls import blobs
from calls.clients import Clients, get_clients
from calls.errors import CallNotFound
from calls.records.result_state import update_result_state
from calls.results import analysis, assembly, failures
from calls.results.failures import PoisonMessage
from calls.transcripts import job
from calls.transcripts.engines import get_engine
from contract import names
from contract.manifest import counts_from_metadata, decode_manifest
from contract.names import ManifestName
from contract.wav import MalformedWav
from event_log import log_event

_log = logging.getLogger(__name__)
_MAX_ERROR_CHARACTERS = 500


async def on_segment(segment: func.InputStream) -> None:
    """Analyse a segment that has landed; its name is ``segments/...``.

    Raises any error: the host then retries, and finally moves the blob's message to its poison
    queue.
    """
    metadata = getattr(segment, "metadata", None) or {}
    blob = _blob_name(names.SEGMENTS, segment)
    await analyse_segment(get_clients(), blob, segment.read(), metadata)


async def on_manifest(manifest: func.InputStream) -> None:
    """Assemble the call of a manifest that has landed; its name is ``manifests/...``.

    Raises as ``on_segment`` does.
    """
    blob = _blob_name(names.MANIFESTS, manifest)
    await process_manifest(get_clients(), blob, manifest.read())


async def on_poison_message(body: bytes) -> None:
    """Process a blob whose message the host has moved to its poison queue, after all retries.

    Raises ValueError, AzureError.
    """
    try:
        message = msgspec.json.decode(body, type=PoisonMessage)
    except msgspec.DecodeError as error:
        raise ValueError(f"not a message of the Functions host: {error}") from error
    await try_once_more(get_clients(), message.container_name, message.blob_name)


def _blob_name(container: str, blob: func.InputStream) -> str:
    return str(blob.name).removeprefix(container + "/")


async def try_once_more(clients: Clients, container: str, blob: str) -> None:
    """Process a blob one last time. If that fails, record the failure and go on without the blob.

    Raises AzureError: the storage is at fault, not the blob.
    """
    storage = clients.storage
    if not failures.is_processed_blob(container, blob):
        log_event(_log, logging.ERROR, "poison_blob_unknown", container=container, blob=blob)
        return
    properties = await storage.properties(container, blob)
    document = await storage.read(container, blob)
    if properties is None or document is None:
        log_event(_log, logging.WARNING, "poison_blob_deleted", container=container, blob=blob)
        return
    try:
        if container == names.SEGMENTS:
            await analyse_segment(clients, blob, document.content, properties.metadata)
        else:
            await process_manifest(clients, blob, document.content)
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
        await assemble_call(clients, failure.call_connection_id)


async def analyse_segment(
    clients: Clients, blob: str, content: bytes, metadata: dict[str, str]
) -> None:
    """Analyse a segment, and assemble its call if nothing else is missing.

    Args:
        clients: The app's clients.
        blob: The segment's name in its container.
        content: The WAV file.
        metadata: The blob's metadata: the streamer's counts.

    Raises ValueError, AzureError.
    """
    segment = names.parse_segment(blob)
    try:
        result = analysis.analyse(segment, content, counts_from_metadata(metadata))
    except MalformedWav as error:
        raise ValueError(f"{blob} is not a WAV file: {error}") from error
    await clients.storage.put(
        blobs.RESULTS, blobs.analysis_blob(segment), analysis.encode_analysis(result)
    )
    log_event(_log, logging.INFO, "segment_analysed", call=segment.call_connection_id, segment=blob)
    # While the segment's own stream is open, the call cannot be complete: nothing else is read.
    manifest = ManifestName(segment.call_connection_id, segment.stream_id).blob
    if await clients.storage.properties(names.MANIFESTS, manifest) is not None:
        await assemble_call(clients, segment.call_connection_id)


async def process_manifest(clients: Clients, blob: str, content: bytes) -> None:
    """Assemble a call if this manifest was its last part. Raises ValueError, AzureError."""
    decode_manifest(content)
    await assemble_call(clients, names.parse_manifest(blob).call_connection_id)


async def assemble_call(
    clients: Clients, call: str, *, partial: bool = False, transcribe: bool = True
) -> bool:
    """Assemble a call if all of it has landed, and transcribe it.

    Args:
        clients: The app's clients.
        call: The call connection id.
        partial: Assemble what has landed, even if something is missing.
        transcribe: Whether to transcribe it, too.

    Returns:
        Whether the call was assembled.

    Raises Contended, AzureError.
    """
    result_and_layout = await assembly.assemble(
        clients.storage, call, clients.settings.recording_format, partial=partial
    )
    if result_and_layout is None:
        return False
    await _update_result_state(clients, call)
    result, layout = result_and_layout
    log_event(_log, logging.INFO, "call_assembled", call=call)
    engine = get_engine(clients) if transcribe else None
    if engine is not None:
        await job.transcribe_call(
            clients.storage,
            engine,
            result,
            layout,
            retry_seconds=clients.settings.transcription_retry_seconds,
        )
    return True


async def _update_result_state(clients: Clients, call: str) -> None:
    with contextlib.suppress(CallNotFound):  # a call that this app did not place
        await update_result_state(
            clients.storage, call, datetime.now(UTC), clients.settings.partial_after_seconds
        )
