"""What the blob triggers do. They may run twice, late, or for a blob that is gone: all is well."""

from __future__ import annotations

import logging

from audio import names
from audio.manifest import counts_from_metadata
from audio.names import ManifestName
from audio.wav import MalformedWav
from calls import analysis, assembly
from calls.clients import Clients, clients

_log = logging.getLogger(__name__)


async def segment_landed(path: str, content: bytes, metadata: dict[str, str] | None) -> None:
    """A segment is in Blob Storage; ``path`` is ``segments/...``.

    Raises whatever went wrong, so that the host tries again and, at last, puts it aside as poison.
    """
    await analyse(clients(), path.removeprefix(names.SEGMENTS + "/"), content, metadata or {})


async def manifest_landed(path: str) -> None:
    """A stream's manifest is in Blob Storage; ``path`` is ``manifests/...``."""
    name = names.parse_manifest(path.removeprefix(names.MANIFESTS + "/"))
    await put_together(clients(), name.call_connection_id)


async def analyse(clients: Clients, blob: str, content: bytes, metadata: dict[str, str]) -> None:
    """Analyse a segment, and put the call together if that was the last. Raises ValueError."""
    name = names.parse_segment(blob)
    try:
        found = analysis.analyse(name, content, counts_from_metadata(metadata))
    except MalformedWav as error:
        raise ValueError(f"{blob} is no WAV file: {error}") from error
    await clients.storage.put(names.RESULTS, name.result_blob, analysis.encode(found))
    _log.info("analysed %s", blob)
    # While a segment's own stream still runs, it cannot be the last: nothing more is looked up.
    manifest = ManifestName(name.call_connection_id, name.stream_id).blob
    if await clients.storage.properties(names.MANIFESTS, manifest) is not None:
        await put_together(clients, name.call_connection_id)


async def put_together(clients: Clients, call: str, *, partial: bool = False) -> bool:
    """Put a call together if all of it is there; whether it was."""
    result = await assembly.assemble(clients.storage, call, partial=partial)
    if result is None:
        return False
    _log.info("put call %s together", call)
    return True
