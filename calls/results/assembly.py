"""Assembling a call from its manifests and its segments' analyses, whichever came last.

Assembly depends only on what is in storage. It may run twice, even at the same time, with the same
result: it writes the recording first and then, under its ETag, the call's result.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from calls import blobs
from calls.errors import Contended
from calls.listings import list_drafts, list_manifests, list_notes, list_segments
from calls.records.result_state import AssembledResult
from calls.records.store import decode_record, read_record_document
from calls.records.stored_streams import ListedStreams, ResultOutline, StreamOutline
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
_NOTHING: Mapping[str, bytes] = MappingProxyType({})


class Overview(NamedTuple):
    """What is read of a call before everything else, in this order.

    ``results`` are its blobs in the container ``results``. ``record`` is its record's document.
    ``manifests`` has the contents of manifests that were read already, by their blobs, and
    ``whole_stream`` is the id of a stream whose analyses are all there.
    """

    results: Collection[str]
    record: Document | None
    manifests: Mapping[str, bytes] = _NOTHING
    whole_stream: str | None = None

    def has_result(self, call: str) -> bool:
        """Whether the call was assembled before."""
        return blobs.call_result_blob(call) in self.results

    def is_assembling(self, call: str) -> bool:
        """Whether somebody has the turn to assemble the call."""
        return blobs.turn_blob(call) in self.results


class Assembly(NamedTuple):
    """An assembled call, its recording's layout, and what its record gets from it.

    ``record`` is the record's document as it was before the streams were listed.
    """

    result: CallResult
    layout: Layout
    record: Document | None
    for_record: AssembledResult


_log = logging.getLogger(__name__)


async def read_result(storage: Storage, call: str) -> CallResult | None:
    """Read a call's result; None before it is assembled. Raises AzureError."""
    document = await storage.read(blobs.RESULTS, blobs.call_result_blob(call))
    return _decode(document) if document else None


async def read_layout(storage: Storage, result: CallResult) -> Layout | None:
    """Lay out a result's recording as it was when the call was assembled.

    Returns None if the call's streams have changed since. Raises AzureError.
    """
    call = result.call_connection_id
    streams = await _list_streams(storage, call, partial=result.summary.partial)
    layout = streams.to_parts({}).lay_out() if streams else None
    return layout if layout and layout.digest == result.layout_digest else None


async def read_streams(storage: Storage, call: str) -> list[StreamResult]:
    """Read a call's ended streams in the order of their start, with the analyses that exist.

    Raises AzureError.
    """
    result = await read_result(storage, call)
    if result is not None and await _has_everything(storage, call, result):
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


async def is_up_to_date(storage: Storage, call: str) -> bool:
    """Return whether a call's result has all streams that have ended, whole. Raises AzureError."""
    result = await read_result(storage, call)
    return result is not None and await _has_everything(storage, call, result)


async def _has_everything(storage: Storage, call: str, result: CallResult) -> bool:
    if result.summary.missing_segments or result.summary.partial:
        return False
    return len(await list_manifests(storage, call)) == len(result.streams)


async def read_overview(storage: Storage, call: str) -> Overview:
    """Read the overview of a call. Raises AzureError."""
    results = await storage.blob_names(blobs.RESULTS, f"{call}/")
    return Overview(results, await read_record_document(storage, call))


async def assemble(
    storage: Storage,
    call: str,
    format_: RecordingFormat = "wav",
    *,
    partial: bool = False,
    overview: Overview | None = None,
) -> Assembly | None:
    """Assemble a call if every part of it has landed or has failed permanently.

    Args:
        storage: Where its parts are, and where its result goes.
        call: The call connection id.
        format_: The recording's format.
        partial: Assemble what has landed: streams without a manifest, segments without an analysis.
        overview: What was read of the call just now. It is enough for a call without a result.

    Returns None if a part is missing that may still arrive.

    Raises Contended, AzureError: the trigger then runs again.
    """
    blob = blobs.call_result_blob(call)
    for _ in range(_MAX_ATTEMPTS):
        document = existing_recording = None
        if overview is None or overview.has_result(call):
            # Read before the parts: a result of older parts must not replace a newer one.
            document = await storage.read(blobs.RESULTS, blob)
            existing_recording = await storage.properties(
                blobs.RECORDINGS, blobs.recording_blob(call)
            )
            overview = await read_overview(storage, call)
        existing = _decode(document) if document else None
        # A partial result is replaced by one that has at least the same parts.
        was_partial = existing is not None and existing.summary.partial
        streams = await _list_streams(
            storage, call, partial=partial or was_partial, known=overview.manifests
        )
        parts = await _read_parts(storage, call, streams, overview, partial=partial or was_partial)
        if streams is None or parts is None:
            return None
        layout = parts.lay_out()
        if existing is not None and call_result.would_discard(existing, layout):
            # A lifecycle rule deletes old segments; the results made from them are kept.
            log_event(_log, logging.WARNING, "assembly_skipped", call=call, reason="segments_gone")
            return None
        written = await recording.write_recording(
            storage, call, layout, format_, existing_recording
        )
        if written is not None:
            result = call_result.build_result(call, parts, layout, written)
            if await _write_result(storage, blob, document, msgspec.json.encode(result)):
                for_record = _outline(result, streams.listed)
                return Assembly(result, layout, overview.record, for_record)
        overview = None
    raise Contended(f"call {call} is being assembled by too many runs at once")


def _outline(result: CallResult, listed: ListedStreams) -> AssembledResult:
    streams = [StreamOutline(stream.stream_id, stream.ended_by) for stream in result.streams]
    ended_at = max(stream.ended_at for stream in result.streams)
    return AssembledResult(ResultOutline(result.summary, streams), ended_at, listed)


async def _write_result(
    storage: Storage, blob: str, existing: Document | None, content: bytes
) -> bool:
    """Write a result in place of ``existing``; False if another was written in the meantime."""
    if existing is None:
        return await storage.create(blobs.RESULTS, blob, content) is not None
    if existing.content == content:
        return True
    return await storage.replace(blobs.RESULTS, blob, content, existing.etag) is not None


class _Streams(NamedTuple):
    """A call's streams: their manifests, synthesized ones among them, and what was listed."""

    manifests: list[Manifest]
    listed: ListedStreams
    is_partial: bool
    digests: dict[str, str]

    def to_parts(
        self, analyses: dict[str, Analysis], display_names: dict[str, str] | None = None
    ) -> Parts:
        return Parts(
            self.manifests,
            analyses,
            self.listed.landed,
            partial=self.is_partial,
            names=display_names or {},
            digests=self.digests,
        )


async def _list_streams(
    storage: Storage, call: str, *, partial: bool, known: Mapping[str, bytes] = _NOTHING
) -> _Streams | None:
    """List a call's streams; None if it has none.

    Args:
        storage: Where they are.
        call: The call connection id.
        partial: Also synthesize the manifests of streams that have none.
        known: The contents of manifests, by their blobs.
    """
    manifests, unreadable_streams, digests = await _read_manifests(storage, call, known)
    if not manifests and not unreadable_streams and not partial:
        return None
    ended = frozenset(unreadable_streams.union(manifest.stream_id for manifest in manifests))
    landed = await list_segments(storage, call)
    drafts = await read_drafts(storage, call) if partial or unreadable_streams else []
    synthesized = [
        manifest
        for manifest in call_result.synthesize_manifests(call, manifests, landed, drafts)
        if partial or manifest.stream_id in unreadable_streams
    ]
    manifests = sorted([*manifests, *synthesized], key=lambda manifest: manifest.stream_id)
    listed = ListedStreams(ended, landed)
    if not manifests:
        return None
    if any("" in heard_participants(manifest).values() for manifest in manifests):
        notes = await read_notes(storage, call)
        manifests = [add_notes(manifest, notes) for manifest in manifests]
    return _Streams(manifests, listed, bool(synthesized), digests)


async def _read_parts(
    storage: Storage, call: str, streams: _Streams | None, overview: Overview, *, partial: bool
) -> Parts | None:
    """Read what a call is assembled from; None if a part is missing that may still arrive."""
    if streams is None:
        return None
    expected = call_result.analysis_blobs(streams.manifests)
    existing = frozenset(overview.results)
    missing = [blob for blob in expected if blob not in existing]
    if missing and not partial and not await are_failed(storage, call, missing):
        return None
    analyses = await _read_analyses(storage, [blob for blob in expected if blob in existing])
    record = decode_record(overview.record.content) if overview.record else None
    return streams.to_parts(analyses, record.names if record else None)


async def are_failed(storage: Storage, call: str, analysis_blobs: Iterable[str]) -> bool:
    """Return whether a call will never have these analyses: their segments failed permanently.

    Raises AzureError.
    """
    return (await failures.failed_analysis_blobs(storage, call)).issuperset(analysis_blobs)


async def _read_manifests(
    storage: Storage, call: str, known: Mapping[str, bytes] = _NOTHING
) -> tuple[list[Manifest], set[str], dict[str, str]]:
    """Read the call's manifests, by their streams' ids.

    Returns:
        The manifests, the ids of streams with an unreadable one, and the SHA-256 of the others by
        stream id.

    The function that an unreadable manifest triggers records the failure (see ``failures``). The
    call is assembled nevertheless, including that stream's segments.
    """
    manifest_blobs = await list_manifests(storage, call)
    others = [blob for blob in manifest_blobs.values() if blob not in known]
    documents = await storage.read_all(names.MANIFESTS, others)
    contents = {b: d.content for b, d in zip(others, documents, strict=True) if d} | dict(known)
    manifests: list[Manifest] = []
    unreadable: set[str] = set()
    digests: dict[str, str] = {}
    for stream_id, blob in manifest_blobs.items():
        if blob not in contents:
            continue
        try:
            manifests.append(decode_manifest(contents[blob]))
            digests[stream_id] = hashlib.sha256(contents[blob]).hexdigest()
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
