"""The chain from the result over the manifests to the segments' files."""

from __future__ import annotations

import asyncio
import hashlib
from typing import NamedTuple

import msgspec

from calls import blobs
from calls.listings import FOLDER_KEY, list_manifests, list_segments
from calls.results.assembly import read_drafts, read_notes
from calls.results.call_result import CallResult, synthesize_manifests
from calls.results.layout import MISSING, Layout, lay_out
from calls.results.participants import add_notes, heard_participants
from calls.results.timeline import NOT_ANALYSED
from calls.storage import Properties, Storage
from calls.verify.report import CannotCheck, Report
from contract import names
from contract.manifest import Manifest, SegmentEntry, decode_manifest

_READS_AT_A_TIME = 8
_NO_SIZE = -1


class Chain(NamedTuple):
    """What a recording must be made of.

    ``layout`` is None where no stream is known. ``intact`` has the blobs of the segments whose
    files are those that were streamed.
    """

    manifests: list[Manifest]
    layout: Layout | None
    intact: set[str]


async def read_result(storage: Storage, call: str, report: Report) -> CallResult | None:
    """Read the call's result; None, with a difference in the report, if it cannot be decoded.

    Raises CannotCheck if there is none, or none with digests; AzureError.
    """
    blob = blobs.call_result_blob(call)
    document = await storage.read(blobs.RESULTS, blob)
    if document is None:
        raise CannotCheck(f"call {call} has no result: it is not assembled yet, or was deleted")
    try:
        result = msgspec.json.decode(document.content, type=CallResult)
    except ValueError as error:
        report.differences.append(f"{blobs.RESULTS}/{blob} cannot be read: {error}")
        return None
    if not result.manifests or not result.summary.recording_sha256:
        raise CannotCheck(
            f"the result of call {call} has no digests: an older version assembled it"
        )
    if result.call_connection_id != call:
        report.differences.append(f"{blobs.RESULTS}/{blob} is the result of another call")
    return result


async def check_chain(storage: Storage, result: CallResult, report: Report) -> Chain:
    """Compare the manifests with the result, and the segments with the manifests.

    A stream whose manifest is missing, or is not the one that the result was made of, is checked
    by the metadata of its segments' blobs: so the manifest is named, and what is intact is not.

    Raises AzureError.
    """
    call = result.call_connection_id
    manifests = await _check_manifests(storage, result, report)
    landed = await list_segments(storage, call)
    drafts = await read_drafts(storage, call)
    streams = {manifest.stream_id for manifest in result.manifests}
    manifests += [
        manifest
        for manifest in synthesize_manifests(call, manifests, landed, drafts)
        if manifest.stream_id in streams
    ]
    if any("" in heard_participants(manifest).values() for manifest in manifests):
        notes = await read_notes(storage, call)
        manifests = [add_notes(manifest, notes) for manifest in manifests]
    entries = {
        entry.name(call, manifest.stream_id).blob: entry
        for manifest in manifests
        for entry in manifest.segments
    }
    faults = {
        segment.blob.removeprefix(f"{names.SEGMENTS}/"): segment.reason
        for segment in result.timeline.missing_segments
        if segment.reason != NOT_ANALYSED
    }
    intact = await _check_segments(storage, entries, landed, faults, report)
    await _name_additions(storage, call, entries, landed, report)
    layout = lay_out(manifests, _sizes_at_assembly(entries, faults)) if manifests else None
    if layout is None or layout.digest != result.layout_digest:
        report.differences.append(
            f"{blobs.RESULTS}/{blobs.call_result_blob(call)} has another layout_digest than the "
            "manifests give"
        )
    return Chain(manifests, layout, intact)


async def _check_manifests(storage: Storage, result: CallResult, report: Report) -> list[Manifest]:
    """Return the manifests that are those of the result."""
    stored = await list_manifests(storage, result.call_connection_id)
    manifests = []
    for digest in result.manifests:
        blob = stored.pop(digest.stream_id, None)
        document = await storage.read(names.MANIFESTS, blob) if blob else None
        name = names.ManifestName(result.call_connection_id, digest.stream_id)
        difference = None
        if digest.sha256 is None:
            difference = "was missing or unreadable when the call was assembled"
        elif document is None:
            difference = "is missing"
        elif (actual := _sha256(document.content)) != digest.sha256:
            difference = f"has the SHA-256 {actual}, but the result was made of {digest.sha256}"
        else:
            try:
                manifests.append(_decode(document.content, name))
            except ValueError as error:
                difference = f"cannot be read: {error}"
        if difference is not None:
            report.differences.append(f"{names.MANIFESTS}/{name.blob} {difference}")
    report.differences += [
        f"{names.MANIFESTS}/{blob} is not part of the result: its audio is not in the recording"
        for blob in stored.values()
    ]
    report.checks.append(
        f"{len(manifests)} of {len(result.manifests)} manifests are those of the result"
    )
    return manifests


def _decode(content: bytes, name: names.ManifestName) -> Manifest:
    """Decode a manifest. Raises ValueError, also if it is not the manifest of that name."""
    manifest = decode_manifest(content)
    if (manifest.call_connection_id, manifest.stream_id) != name:
        raise ValueError("it is the manifest of another stream")
    return manifest


async def _check_segments(
    storage: Storage,
    entries: dict[str, SegmentEntry],
    landed: dict[str, Properties],
    faults: dict[str, str],
    report: Report,
) -> set[str]:
    """Return the blobs of the segments whose files are those of their manifests."""
    limit = asyncio.Semaphore(_READS_AT_A_TIME)

    async def find_difference(blob: str, entry: SegmentEntry) -> str | None:
        if blob not in landed:
            return "is missing"
        async with limit:
            document = await storage.read(names.SEGMENTS, blob)
        if document is None:
            return "is missing"
        actual = _sha256(document.content)
        if actual != entry.sha256:
            return f"has the SHA-256 {actual}, but its manifest says {entry.sha256}"
        if blob in faults:
            return f"is not in the recording: at the assembly, it was {faults[blob]}"
        return None

    differences = await asyncio.gather(*(find_difference(*item) for item in entries.items()))
    intact = set()
    for blob, difference in zip(entries, differences, strict=True):
        if difference is None:
            intact.add(blob)
        else:
            report.differences.append(f"{names.SEGMENTS}/{blob} {difference}")
    report.checks.append(f"{len(intact)} of {len(entries)} segments are those of the manifests")
    return intact


async def _name_additions(
    storage: Storage,
    call: str,
    entries: dict[str, SegmentEntry],
    landed: dict[str, Properties],
    report: Report,
) -> None:
    """Report blobs in the call's folder of segments that no manifest lists."""
    listing = await storage.listing(names.SEGMENTS, f"{call}/")
    for blob, properties in listing.items():
        is_folder = blob not in landed and properties.metadata.get(FOLDER_KEY) == "true"
        if blob not in entries and not is_folder:
            report.differences.append(f"{names.SEGMENTS}/{blob} is in no manifest")


def _sizes_at_assembly(entries: dict[str, SegmentEntry], faults: dict[str, str]) -> dict[str, int]:
    """The sizes that the segments had, so that the layout is that of the result."""
    sizes = {blob: entry.bytes for blob, entry in entries.items()}
    for blob, reason in faults.items():
        if reason == MISSING:
            sizes.pop(blob, None)
        else:
            sizes[blob] = _NO_SIZE
    return sizes


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
