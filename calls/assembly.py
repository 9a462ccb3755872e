"""Putting a call together: from its manifests and its segments' analyses, whichever came last.

A function of what lies in storage alone, so that it may run twice, and at once, and ends the same:
a recording and, under its ETag and as the last, the call's result.
"""

from __future__ import annotations

import logging

import msgspec

from calls import analysis, blobs, failures, recording, results, store
from calls.analysis import Analysis
from calls.layout import Layout
from calls.problems import Problem
from calls.records import CallRecord
from calls.results import CallResult, Parts, StreamResult
from calls.settings import Recording
from calls.storage import Contended, Document, Storage
from contract import names
from contract.manifest import Manifest, decode_manifest

_TRIES = 10

_log = logging.getLogger(__name__)


async def find(storage: Storage, call: str) -> CallResult | None:
    """The call's result, or None while it is not put together."""
    document = await storage.read(blobs.RESULTS, blobs.call_result_blob(call))
    return _decode(document) if document else None


async def streams_of(storage: Storage, call: str) -> list[StreamResult]:
    """The call's ended streams, in the order of their start, with what was found so far."""
    result = await find(storage, call)
    if result is not None and not result.summary.missing_segments and not result.summary.partial:
        ended = await storage.blob_names(names.MANIFESTS, f"{call}/")
        if len(ended) == len(result.streams):
            return result.streams
    manifests, _ = await _manifests(storage, call)
    analyses = await _analyses(storage, results.result_blobs(manifests))
    return [results.stream_result(manifest, analyses) for manifest in manifests]


async def assemble(
    storage: Storage, call: str, form: Recording = "wav", *, partial: bool = False
) -> tuple[CallResult, Layout] | None:
    """Put the call together if all is there, or given up on; None where it is not.

    With ``partial``, what is there will do: streams without a manifest, segments without an
    analysis. Raises Contended, AzureError: then the trigger runs it again.
    """
    blob = blobs.call_result_blob(call)
    for _ in range(_TRIES):
        # Read before what they are made of: a result from older parts must not replace a newer one.
        before = await storage.read(blobs.RESULTS, blob)
        recorded = await storage.properties(blobs.RECORDINGS, blobs.recording_blob(call))
        known = _decode(before) if before else None
        # What was put together from what was there stays no less than that.
        were_partial = known is not None and known.summary.partial
        parts = await _parts(storage, call, partial=partial or were_partial)
        if parts is None:
            return None
        laid_out = parts.lay_out()
        if known is not None and results.would_lose(known, laid_out):
            # Segments are kept for a time only (a lifecycle rule): what was made of them stays.
            _log.warning("call %s is left as it is: segments of it are gone since", call)
            return None
        size = await recording.write(storage, call, laid_out, form, recorded)
        if size is None:
            continue
        result = results.put_together(call, parts, laid_out, size)
        content = msgspec.json.encode(result)
        if before is not None and before.content == content:
            written = True
        elif before is None:
            written = await storage.create(blobs.RESULTS, blob, content)
        else:
            written = await storage.replace(blobs.RESULTS, blob, content, before.etag)
        if written:
            await _tell(storage, call, result)
            return result, laid_out
    raise Contended(f"call {call} is put together by too many at once")


async def _parts(storage: Storage, call: str, *, partial: bool) -> Parts | None:
    """All that the call is made of; None where something is missing that may still come."""
    manifests, unreadable = await _manifests(storage, call)
    if not manifests and not unreadable and not partial:
        return None
    landed = await storage.listing(names.SEGMENTS, f"{call}/")
    makeshift = [
        made
        for made in results.makeshift_manifests(call, manifests, landed)
        if partial or made.stream_id in unreadable
    ]
    manifests = sorted([*manifests, *makeshift], key=lambda manifest: manifest.stream_id)
    if not manifests:
        return None
    wanted = results.result_blobs(manifests)
    there = set(await storage.blob_names(blobs.RESULTS, f"{call}/"))
    missing = [blob for blob in wanted if blob not in there]
    if missing and not partial:
        given_up = await failures.result_blobs(storage, call)
        if not given_up.issuperset(missing):
            return None
    analyses = await _analyses(storage, [blob for blob in wanted if blob in there])
    return Parts(manifests, analyses, landed, partial=bool(makeshift))


async def _manifests(storage: Storage, call: str) -> tuple[list[Manifest], set[str]]:
    """The call's manifests, and the streams of those that cannot be read.

    Such a one is told of by its own trigger (see ``failures``): the call's other streams, and the
    segments of its own, are there all the same.
    """
    manifest_blobs = await storage.blob_names(names.MANIFESTS, f"{call}/")
    found = await storage.read_all(names.MANIFESTS, manifest_blobs)
    manifests: list[Manifest] = []
    unreadable: set[str] = set()
    for blob, document in zip(manifest_blobs, found, strict=True):
        if document is None:
            continue
        try:
            manifests.append(decode_manifest(document.content))
        except ValueError as error:
            _log.error("manifest %s cannot be read: %s", blob, error)
            unreadable.add(names.parse_manifest(blob).stream_id)
    return sorted(manifests, key=lambda manifest: manifest.stream_id), unreadable


async def _analyses(storage: Storage, analysis_blobs: list[str]) -> dict[str, Analysis]:
    found = await storage.read_all(blobs.RESULTS, analysis_blobs)
    return {
        blob: analysis.decode(document.content)
        for blob, document in zip(analysis_blobs, found, strict=True)
        if document
    }


def _decode(document: Document) -> CallResult:
    return msgspec.json.decode(document.content, type=CallResult)


async def _tell(storage: Storage, call: str, result: CallResult) -> None:
    ended = max(stream.ended_at for stream in result.streams)

    def apply(record: CallRecord) -> bool:
        if record.summary == result.summary:
            return False
        record.summary = result.summary
        record.put_together_at = ended
        return True

    try:
        await store.change(storage, call, apply)
    except Problem:
        # A stream of a call that this app did not place (GRANT_CHECK is not require).
        _log.warning("call %s has streams but no record", call)
