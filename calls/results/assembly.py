"""Assembling a call from its manifests and its segments' analyses, whichever came last.

Assembly depends only on what is in storage. It may run twice, even at the same time, with the same
result: it writes the recording first and then, under its ETag, the call's result.
"""

from __future__ import annotations

import hashlib
import logging
from datetime import UTC, datetime

import msgspec

from calls import blobs
from calls.errors import CallDeleted, CallNotFound, Contended
from calls.listings import list_drafts, list_manifests, list_notes, list_segments
from calls.records.expiries import add_expiry
from calls.records.model import CallRecord
from calls.records.store import change_record, read_record
from calls.results import analysis, call_result, failures, recording
from calls.results.analysis import Analysis
from calls.results.call_result import CallResult, Parts, StreamResult
from calls.results.layout import Layout
from calls.results.participants import (
    Participants,
    add_notes,
    heard_participants,
    list_participants,
)
from calls.settings import RecordingFormat
from calls.storage import Document, Storage
from contract import names
from contract.manifest import Manifest, decode_manifest
from event_log import log_event

_MAX_ATTEMPTS = 10

_log = logging.getLogger(__name__)


async def read_result(storage: Storage, call: str) -> CallResult | None:
    """Read a call's result; None before it is assembled. Raises AzureError."""
    document = await storage.read(blobs.RESULTS, blobs.call_result_blob(call))
    return _decode(document) if document else None


async def read_result_and_layout(storage: Storage, call: str) -> tuple[CallResult, Layout] | None:
    """Read a call's result, and lay out its recording as it was when it was assembled.

    Returns None before the call is assembled, and if its parts have changed since. Raises
    AzureError.
    """
    result = await read_result(storage, call)
    if result is None:
        return None
    parts = await _read_parts(storage, call, partial=result.summary.partial)
    layout = parts.lay_out() if parts else None
    return (result, layout) if layout and layout.digest == result.layout_digest else None


async def read_streams(storage: Storage, call: str) -> list[StreamResult]:
    """Read a call's ended streams in the order of their start, with the analyses that exist.

    Raises AzureError.
    """
    result = await read_result(storage, call)
    if result is not None and not result.summary.missing_segments and not result.summary.partial:
        manifest_blobs = await list_manifests(storage, call)
        if len(manifest_blobs) == len(result.streams):
            return result.streams
    manifests, _, _ = await _read_manifests(storage, call)
    analyses = await _read_analyses(storage, call_result.analysis_blobs(manifests))
    participants = await _known_participants(storage, call, manifests)
    return [
        call_result.build_stream_result(manifest, analyses, participants) for manifest in manifests
    ]


async def read_participants(storage: Storage, call: str) -> Participants:
    """Read who is on the tracks of a call's streams, open ones included. Raises AzureError."""
    manifests, _, _ = await _read_manifests(storage, call)
    return await _known_participants(storage, call, manifests)


async def _known_participants(
    storage: Storage, call: str, manifests: list[Manifest]
) -> Participants:
    notes = await read_notes(storage, call)
    complete = [add_notes(manifest, notes) for manifest in manifests]
    heard = {manifest.stream_id: heard_participants(manifest) for manifest in complete}
    return list_participants(notes | heard)


async def assemble(
    storage: Storage, call: str, format_: RecordingFormat = "wav", *, partial: bool = False
) -> tuple[CallResult, Layout] | None:
    """Assemble a call if every part of it has landed or has failed permanently.

    Args:
        storage: Where its parts are, and where its result goes.
        call: The call connection id.
        format_: The recording's format.
        partial: Assemble what has landed: streams without a manifest, segments without an analysis.

    Returns:
        The result and the recording's layout; None if a part is missing that may still arrive.

    Raises Contended, AzureError: the trigger then runs again.
    """
    blob = blobs.call_result_blob(call)
    for _ in range(_MAX_ATTEMPTS):
        # Read before the parts: a result of older parts must not replace a newer one.
        document = await storage.read(blobs.RESULTS, blob)
        existing_recording = await storage.properties(blobs.RECORDINGS, blobs.recording_blob(call))
        existing = _decode(document) if document else None
        # A partial result is replaced by one that has at least the same parts.
        was_partial = existing is not None and existing.summary.partial
        parts = await _read_parts(storage, call, partial=partial or was_partial)
        if parts is None:
            return None
        layout = parts.lay_out()
        if existing is not None and call_result.would_discard(existing, layout):
            # A lifecycle rule deletes old segments; the results made from them are kept.
            log_event(_log, logging.WARNING, "assembly_skipped", call=call, reason="segments_gone")
            return None
        written = await recording.write_recording(
            storage, call, layout, format_, existing_recording
        )
        if written is None:
            continue
        result = call_result.build_result(call, parts, layout, written)
        if await _write_result(storage, blob, document, msgspec.json.encode(result)):
            await _update_summary(storage, call, result)
            return result, layout
    raise Contended(f"call {call} is being assembled by too many runs at once")


async def _write_result(
    storage: Storage, blob: str, existing: Document | None, content: bytes
) -> bool:
    """Write a result in place of ``existing``; False if another was written in the meantime."""
    if existing is None:
        return await storage.create(blobs.RESULTS, blob, content)
    if existing.content == content:
        return True
    return await storage.replace(blobs.RESULTS, blob, content, existing.etag)


async def _read_parts(storage: Storage, call: str, *, partial: bool) -> Parts | None:
    """Read all parts of a call; None if one is missing that may still arrive."""
    manifests, unreadable_streams, digests = await _read_manifests(storage, call)
    if not manifests and not unreadable_streams and not partial:
        return None
    landed = await list_segments(storage, call)
    drafts = await read_drafts(storage, call) if partial or unreadable_streams else []
    synthesized = [
        manifest
        for manifest in call_result.synthesize_manifests(call, manifests, landed, drafts)
        if partial or manifest.stream_id in unreadable_streams
    ]
    manifests = sorted([*manifests, *synthesized], key=lambda manifest: manifest.stream_id)
    if not manifests:
        return None
    if any("" in heard_participants(manifest).values() for manifest in manifests):
        notes = await read_notes(storage, call)
        manifests = [add_notes(manifest, notes) for manifest in manifests]
    expected = call_result.analysis_blobs(manifests)
    existing = set(await storage.blob_names(blobs.RESULTS, f"{call}/"))
    missing = [blob for blob in expected if blob not in existing]
    if missing and not partial:
        failed_blobs = await failures.failed_analysis_blobs(storage, call)
        if not failed_blobs.issuperset(missing):
            return None
    analyses = await _read_analyses(storage, [blob for blob in expected if blob in existing])
    display_names = await _read_names(storage, call)
    return Parts(
        manifests,
        analyses,
        landed,
        partial=bool(synthesized),
        names=display_names,
        digests=digests,
    )


async def _read_names(storage: Storage, call: str) -> dict[str, str]:
    """Read the display names in the call's record; {} without a record."""
    try:
        return (await read_record(storage, call)).names
    except CallNotFound:
        return {}


async def _read_manifests(
    storage: Storage, call: str
) -> tuple[list[Manifest], set[str], dict[str, str]]:
    """Read the call's manifests, by their streams' ids.

    Returns:
        The manifests, the ids of streams with an unreadable one, and the SHA-256 of the others by
        stream id.

    The function that an unreadable manifest triggers records the failure (see ``failures``). The
    call is assembled nevertheless, including that stream's segments.
    """
    manifest_blobs = await list_manifests(storage, call)
    documents = await storage.read_all(names.MANIFESTS, list(manifest_blobs.values()))
    manifests: list[Manifest] = []
    unreadable: set[str] = set()
    digests: dict[str, str] = {}
    for (stream_id, blob), document in zip(manifest_blobs.items(), documents, strict=True):
        if document is None:
            continue
        try:
            manifests.append(decode_manifest(document.content))
            digests[stream_id] = hashlib.sha256(document.content).hexdigest()
        except ValueError as error:
            log_event(_log, logging.ERROR, "manifest_unreadable", blob=blob, error=error)
            unreadable.add(stream_id)
    return sorted(manifests, key=lambda manifest: manifest.stream_id), unreadable, digests


async def read_drafts(storage: Storage, call: str) -> list[Manifest]:
    """Read the manifests so far of the call's streams. They stand in for those that never come.

    Raises AzureError.
    """
    draft_blobs = await list_drafts(storage, call)
    drafts: list[Manifest] = []
    for document in await storage.read_all(names.DRAFTS, list(draft_blobs.values())):
        try:
            drafts += [decode_manifest(document.content)] if document else []
        except ValueError as error:
            log_event(_log, logging.ERROR, "draft_unreadable", call=call, error=error)
    return drafts


async def read_notes(storage: Storage, call: str) -> dict[str, dict[str, str]]:
    """Read the notes of the call's participants: the raw ids of tracks, by stream.

    Raises AzureError.
    """
    notes = await list_notes(storage, call)
    documents = await storage.read_all(names.DRAFTS, list(notes))
    raw_ids: dict[str, dict[str, str]] = {}
    for note, document in zip(notes.values(), documents, strict=True):
        if document is not None:
            raw_id = document.content.decode(errors="replace")
            raw_ids.setdefault(note.stream_id, {})[note.track] = raw_id
    return raw_ids


async def _read_analyses(storage: Storage, analysis_blobs: list[str]) -> dict[str, Analysis]:
    documents = await storage.read_all(blobs.RESULTS, analysis_blobs)
    analyses: dict[str, Analysis] = {}
    for blob, document in zip(analysis_blobs, documents, strict=True):
        try:
            if document is not None:
                analyses[blob] = analysis.decode_analysis(document.content)
        except ValueError as error:
            log_event(_log, logging.ERROR, "analysis_unreadable", blob=blob, error=error)
    return analyses


def _decode(document: Document) -> CallResult | None:
    """Decode a result; None if it is not the app's: the next assembly replaces it."""
    try:
        return msgspec.json.decode(document.content, type=CallResult)
    except ValueError as error:
        log_event(_log, logging.ERROR, "result_unreadable", error=error)
        return None


async def _update_summary(storage: Storage, call: str, result: CallResult) -> None:
    """Write the result's summary to the call's record."""
    ended_at = max(stream.ended_at for stream in result.streams)

    def apply(record: CallRecord) -> bool:
        if record.summary == result.summary:
            return False
        record.summary = result.summary
        record.assembled_at = ended_at
        return True

    try:
        await change_record(storage, call, apply)
    except CallDeleted:
        pass
    except CallNotFound:
        # A stream of a call that this app did not place (GRANT_CHECK is not require).
        await add_expiry(storage, call, datetime.now(UTC))
        log_event(_log, logging.WARNING, "call_without_record", call=call)
