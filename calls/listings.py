"""Listing a call's blobs, without those that are not the app's.

Anyone with access to the account may put a blob anywhere, and an account with a hierarchical
namespace lists its folders as empty blobs. Such blobs are skipped, counted and logged: they never
stop a call.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from calls.storage import Properties, Storage
from contract import names
from event_log import log_event

FOLDER_KEY = "hdi_isfolder"
"""The metadata of a folder. Source: Azure Data Lake Storage's list of known issues (Blob API)."""

_log = logging.getLogger(__name__)


async def list_segments(storage: Storage, call: str) -> dict[str, Properties]:
    """List a call's segments by the names of their blobs, in order. Raises AzureError."""
    listing = await storage.listing(names.SEGMENTS, f"{call}/")
    own = set(parse_names(names.SEGMENTS, listing, names.parse_segment))
    folders = {blob for blob in own if listing[blob].metadata.get(FOLDER_KEY) == "true"}
    log_foreign(names.SEGMENTS, folders)
    return {blob: listing[blob] for blob in listing if blob in own - folders}


async def list_segment_names(storage: Storage, call: str) -> dict[str, names.SegmentName]:
    """List the names of a call's segments, in order, and their parts. Raises AzureError."""
    blob_names = await storage.blob_names(names.SEGMENTS, f"{call}/")
    return parse_names(names.SEGMENTS, blob_names, names.parse_segment)


async def list_manifests(storage: Storage, call: str) -> dict[str, str]:
    """List the blobs of a call's manifests by stream id, in order. Raises AzureError."""
    blob_names = await storage.blob_names(names.MANIFESTS, f"{call}/")
    parsed = parse_names(names.MANIFESTS, blob_names, names.parse_manifest)
    return {name.stream_id: blob for blob, name in parsed.items()}


async def list_drafts(storage: Storage, call: str) -> dict[str, str]:
    """List the blobs of the drafts of a call's manifests by stream id. Raises AzureError."""
    parsed = await _list_known_streams(storage, call)
    return {name.stream_id: blob for blob, name in parsed.items() if blob.endswith(".json")}


async def list_notes(storage: Storage, call: str) -> dict[str, names.NoteName]:
    """List the notes of a call's participants: their names by blob. Raises AzureError."""
    parsed = await _list_known_streams(storage, call)
    return {blob: name for blob, name in parsed.items() if isinstance(name, names.NoteName)}


async def list_opened_streams(storage: Storage, call: str) -> set[str]:
    """List the streams of a call that have a marker, a note or a draft. Raises AzureError."""
    return {name.stream_id for name in (await _list_known_streams(storage, call)).values()}


async def _list_known_streams(
    storage: Storage, call: str
) -> dict[str, names.ManifestName | names.NoteName]:
    blob_names = await storage.blob_names(names.DRAFTS, f"{call}/")
    return parse_names(names.DRAFTS, blob_names, _parse_marker_note_or_draft)


def _parse_marker_note_or_draft(blob: str) -> names.ManifestName | names.NoteName:
    if blob.endswith(".json"):
        return names.parse_manifest(blob)
    return names.parse_note(blob) if blob.endswith(names.NOTE) else names.parse_marker(blob)


def parse_names[T](
    container: str, blob_names: Iterable[str], parse: Callable[[str], T]
) -> dict[str, T]:
    """Return the parsed names by blob, without those that are not names of this container.

    ``parse`` raises MalformedName.
    """
    parsed: dict[str, T] = {}
    foreign: list[str] = []
    for blob in blob_names:
        try:
            parsed[blob] = parse(blob)
        except names.MalformedName:
            foreign.append(blob)
    log_foreign(container, foreign)
    return parsed


async def read_own[T](
    storage: Storage,
    container: str,
    blob_names: list[str],
    decode: Callable[[str, bytes], T | None],
) -> list[T]:
    """Read and decode documents, without those that are not the app's. Raises AzureError.

    ``decode`` returns None for a foreign one. What was deleted meanwhile is left out, too.
    """
    documents = await storage.read_all(container, blob_names)
    decoded: list[T] = []
    foreign: list[str] = []
    for blob, document in zip(blob_names, documents, strict=True):
        if document is None:
            continue
        own = decode(blob, document.content)
        if own is None:
            foreign.append(blob)
        else:
            decoded.append(own)
    log_foreign(container, foreign)
    return decoded


def log_foreign(container: str, blob_names: Iterable[str]) -> None:
    """Log how many blobs were skipped, if any were, and the first one's name."""
    foreign = sorted(blob_names)
    if foreign:
        log_event(
            _log,
            logging.WARNING,
            "foreign_blobs_skipped",
            container=container,
            count=len(foreign),
            first=foreign[0][:256],
        )
