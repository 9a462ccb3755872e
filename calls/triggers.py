"""What the blob triggers do. They may run twice, late, or for a blob that is gone: all is well."""

from __future__ import annotations

import logging

from audio import names
from audio.wav import MalformedWav
from calls import assembly
from calls.clients import clients

_log = logging.getLogger(__name__)


async def segment_landed(path: str, content: bytes) -> None:
    """A segment is in Blob Storage; ``path`` is ``segments/...``.

    Raises whatever went wrong, so that the host tries again and, at last, puts it aside as poison.
    """
    name = names.parse_segment(path.removeprefix(names.SEGMENTS + "/"))
    try:
        await assembly.analyse_segment(clients().storage, name, content)
    except MalformedWav as error:
        raise ValueError(f"{path} is no WAV file: {error}") from error
    _log.info("analysed %s", path)


async def manifest_landed(path: str) -> None:
    """A stream's manifest is in Blob Storage; ``path`` is ``manifests/...``."""
    name = names.parse_manifest(path.removeprefix(names.MANIFESTS + "/"))
    if await assembly.assemble(clients().storage, name.call_connection_id):
        _log.info("put call %s together", name.call_connection_id)
