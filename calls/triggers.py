"""What the blob triggers do. They may run twice, late, or for a blob that is gone: all is well."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import azure.functions as func
import msgspec
from azure.core.exceptions import AzureError

from calls import analysis, assembly, blobs, failures, transcription
from calls.clients import Clients, clients
from calls.failures import PoisonMessage
from contract import names
from contract.manifest import counts_from_metadata, decode_manifest
from contract.names import ManifestName
from contract.wav import MalformedWav

_log = logging.getLogger(__name__)


async def segment_landed(segment: func.InputStream) -> None:
    """A segment is in Blob Storage; its name is ``segments/...``.

    Raises whatever went wrong, so that the host tries again and, at last, puts it aside as poison.
    """
    metadata = getattr(segment, "metadata", None) or {}
    await analyse(clients(), _within(names.SEGMENTS, segment), segment.read(), metadata)


async def manifest_landed(manifest: func.InputStream) -> None:
    """A stream's manifest is in Blob Storage; its name is ``manifests/...``. Raises as above."""
    await end_stream(clients(), _within(names.MANIFESTS, manifest), manifest.read())


def _within(container: str, blob: func.InputStream) -> str:
    return str(blob.name).removeprefix(container + "/")


async def given_up_on(body: bytes) -> None:
    """The host has put a blob's message aside as poison, after all its tries."""
    try:
        message = msgspec.json.decode(body, type=PoisonMessage)
    except msgspec.DecodeError as error:
        raise ValueError(f"no message of the host's: {error}") from error
    await try_once_more(clients(), message.container_name, message.blob_name)


async def try_once_more(clients: Clients, container: str, blob: str) -> None:
    """Do a blob's work a last time; where it fails still, write that down, and go on without it.

    Raises AzureError: then the storage, and not the blob, is what fails.
    """
    storage = clients.storage
    if not failures.can_be_named(container, blob):
        _log.error("%s/%s was given up on; it is none of this app's", container, blob)
        return
    found = await storage.properties(container, blob)
    document = await storage.read(container, blob)
    if found is None or document is None:
        _log.warning("%s/%s was given up on, and is gone", container, blob)
        return
    try:
        if container == names.SEGMENTS:
            await analyse(clients, blob, document.content, found.metadata)
        else:
            await end_stream(clients, blob, document.content)
    except AzureError:
        raise
    except Exception as error:
        _log.exception("%s/%s is given up on", container, blob)
        said = f"{type(error).__name__}: {error}"[:500]
        failure = failures.new_failure(container, blob, said, datetime.now(UTC))
        await failures.write(storage, failure)
        # It may have been all that the call was waiting for.
        await put_together(clients, failure.call_connection_id)


async def analyse(clients: Clients, blob: str, content: bytes, metadata: dict[str, str]) -> None:
    """Analyse a segment, and put the call together if that was the last. Raises ValueError."""
    name = names.parse_segment(blob)
    try:
        found = analysis.analyse(name, content, counts_from_metadata(metadata))
    except MalformedWav as error:
        raise ValueError(f"{blob} is no WAV file: {error}") from error
    await clients.storage.put(blobs.RESULTS, blobs.analysis_blob(name), analysis.encode(found))
    _log.info("analysed %s", blob)
    # While a segment's own stream still runs, it cannot be the last: nothing more is looked up.
    manifest = ManifestName(name.call_connection_id, name.stream_id).blob
    if await clients.storage.properties(names.MANIFESTS, manifest) is not None:
        await put_together(clients, name.call_connection_id)


async def end_stream(clients: Clients, blob: str, content: bytes) -> None:
    """Put the call together if a stream's manifest was the last of it. Raises ValueError."""
    decode_manifest(content)
    await put_together(clients, names.parse_manifest(blob).call_connection_id)


async def put_together(
    clients: Clients, call: str, *, partial: bool = False, transcribe: bool = True
) -> bool:
    """Put a call together if all of it is there, and transcribe it; whether it was."""
    form = clients.settings.recording_format
    assembled = await assembly.assemble(clients.storage, call, form, partial=partial)
    if assembled is None:
        return False
    result, laid_out = assembled
    _log.info("put call %s together", call)
    if transcribe and clients.transcriber is not None:
        await transcription.run(
            clients.storage,
            clients.transcriber,
            result,
            laid_out,
            retry_seconds=clients.settings.transcription_retry_seconds,
        )
    return True
