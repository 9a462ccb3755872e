"""Each thing that differs is found and named, and nothing else is."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import msgspec
import pytest

from calls import blobs
from calls.results.call_result import CallResult
from calls.verify.report import CannotCheck
from contract import names
from contract.manifest import DRAFT_ENDED_BY, encode_manifest, segment_metadata
from tests.calls.sample_streams import STARTED_AT, SampleStream, new_call_id, noise
from tests.calls.verify.evidence import Evidence

FIRST, SECOND = "4:+15550000001", "4:+15550000002"


@pytest.fixture
async def stream(evidence: Evidence) -> SampleStream:
    """An assembled call of two participants, each with three segments."""
    pcm = {FIRST: noise(16_000), SECOND: noise(16_000, 2)}
    stream = SampleStream(new_call_id(), pcm, segment_seconds=0.4)
    await evidence.uploader.assemble(stream)
    return stream


def segment(stream: SampleStream, index: int) -> str:
    return list(stream.files)[index]


async def read_result(evidence: Evidence, call: str) -> CallResult:
    content = await evidence.uploader.read_blob(blobs.RESULTS, blobs.call_result_blob(call))
    return msgspec.json.decode(content, type=CallResult)


async def write_result(evidence: Evidence, result: CallResult) -> None:
    blob = blobs.call_result_blob(result.call_connection_id)
    await evidence.write(blobs.RESULTS, blob, msgspec.json.encode(result))


async def test_an_intact_call_is_proven(evidence: Evidence, stream: SampleStream) -> None:
    report = await evidence.verify(stream.call)
    assert report.is_proven, report.differences
    assert report.losses == []
    assert report.checks[:2] == [
        "1 of 1 manifests are those of the result",
        "6 of 6 segments are those of the manifests",
    ]


@pytest.mark.parametrize("offset", [0, 44, -1], ids=["header", "first sample", "last sample"])
async def test_a_flipped_bit_in_a_segment(
    evidence: Evidence, stream: SampleStream, offset: int
) -> None:
    """Only the segment is named: the recording still has what was streamed."""
    blob = segment(stream, 1)
    await evidence.flip(names.SEGMENTS, blob, offset)
    (difference,) = (await evidence.verify(stream.call)).differences
    assert difference.startswith(f"segments/{blob} has the SHA-256 ")
    assert difference.endswith(hashlib.sha256(stream.files[blob][0]).hexdigest())


async def test_a_segment_that_was_deleted(evidence: Evidence, stream: SampleStream) -> None:
    blob = segment(stream, 4)
    await evidence.delete(names.SEGMENTS, blob)
    report = await evidence.verify(stream.call)
    assert report.differences == [f"segments/{blob} is missing"]


@pytest.mark.parametrize("name", ["a stream's", "none"])
async def test_a_segment_that_was_added(
    evidence: Evidence, stream: SampleStream, name: str
) -> None:
    """As a file of a track, or just somewhere in the call's folder."""
    last = segment(stream, 2)
    blob = last.replace("Z.wav", "9Z.wav")
    if name == "a stream's":
        blob = f"{last.rpartition('/')[0]}/20261124T130000.000Z.wav"
    await evidence.write(names.SEGMENTS, blob, *stream.files[last])
    report = await evidence.verify(stream.call)
    assert report.differences == [f"segments/{blob} is in no manifest"]


async def test_a_segment_and_its_metadata_are_replaced(
    evidence: Evidence, stream: SampleStream
) -> None:
    blob = segment(stream, 0)
    file = stream.files[blob][0][:-1] + b"\0"
    entry = stream.manifest.segments[0]
    forged = msgspec.structs.replace(entry, sha256=hashlib.sha256(file).hexdigest())
    await evidence.write(names.SEGMENTS, blob, file, segment_metadata(forged))
    (difference,) = (await evidence.verify(stream.call)).differences
    assert difference.startswith(f"segments/{blob} has the SHA-256 {forged.sha256}")


async def test_a_flipped_bit_in_a_manifest(evidence: Evidence, stream: SampleStream) -> None:
    """The segments are then checked by their own metadata, so that they are not named as well."""
    blob, content = stream.manifest_blob
    at = content.index(stream.manifest.segments[3].sha256.encode())
    await evidence.flip(names.MANIFESTS, blob, at)
    report = await evidence.verify(stream.call)
    (difference,) = report.differences
    assert difference.startswith(f"manifests/{blob} has the SHA-256 ")
    assert difference.endswith(hashlib.sha256(content).hexdigest())
    assert "6 of 6 segments are those of the manifests" in report.checks


async def test_a_manifest_that_was_deleted(evidence: Evidence, stream: SampleStream) -> None:
    await evidence.delete(names.MANIFESTS, stream.manifest_blob[0])
    report = await evidence.verify(stream.call)
    assert report.differences == [f"manifests/{stream.manifest_blob[0]} is missing"]


async def test_a_deleted_manifest_of_a_stream_that_numbers_participants_otherwise(
    evidence: Evidence,
) -> None:
    """Its participants' notes still say who is on which track, so that the layout is the same."""
    call = new_call_id()
    first = SampleStream(call, {FIRST: noise(3200), SECOND: noise(3200, 2)})
    later = STARTED_AT + timedelta(seconds=1)
    second = SampleStream(call, {SECOND: noise(3200, 3)}, start=later)
    note = names.NoteName(call, second.stream_id, second.tracks[SECOND])
    await evidence.write(names.DRAFTS, note.blob, SECOND.encode())
    await evidence.uploader.process(first, second)
    assert (await evidence.verify(call)).is_proven
    await evidence.delete(names.MANIFESTS, second.manifest_blob[0])
    report = await evidence.verify(call)
    assert report.differences == [f"manifests/{second.manifest_blob[0]} is missing"]


async def test_a_stream_that_was_added(evidence: Evidence, stream: SampleStream) -> None:
    other = SampleStream(stream.call, {None: noise(1600, 3)})
    await evidence.uploader.upload_segments(other)
    await evidence.uploader.upload_manifest(other)
    differences = (await evidence.verify(stream.call)).differences
    assert len(differences) == 2
    assert differences[0].startswith(f"manifests/{other.manifest_blob[0]} is not part of the")
    assert differences[1] == f"segments/{segment(other, 0)} is in no manifest"


async def test_a_segment_manifest_and_result_that_agree_do_not_fit_the_recording(
    evidence: Evidence, stream: SampleStream
) -> None:
    """Somebody forges the chain, but not the layout's digest and the recording."""
    blob = segment(stream, 0)
    file = stream.files[blob][0][:-1] + b"\0"
    first, *others = stream.manifest.segments
    first = msgspec.structs.replace(first, sha256=hashlib.sha256(file).hexdigest())
    await evidence.write(names.SEGMENTS, blob, file, segment_metadata(first))
    manifest = encode_manifest(msgspec.structs.replace(stream.manifest, segments=[first, *others]))
    await evidence.write(names.MANIFESTS, stream.manifest_blob[0], manifest)
    result = await read_result(evidence, stream.call)
    digest = msgspec.structs.replace(
        result.manifests[0], sha256=hashlib.sha256(manifest).hexdigest()
    )
    await write_result(evidence, msgspec.structs.replace(result, manifests=[digest]))
    differences = (await evidence.verify(stream.call)).differences
    assert [difference.split()[0] for difference in differences] == [
        f"results/{stream.call}/call.json",
        f"recordings/{stream.call}/recording",
    ]
    assert f"differs from segments/{blob}" in differences[1]


async def test_a_partial_result_is_not_proven_and_says_why(evidence: Evidence) -> None:
    """Without a manifest, nobody knows whether segments are missing. What is there is checked."""
    stream = SampleStream(new_call_id(), {FIRST: noise(16_000)}, segment_seconds=0.5)
    await evidence.uploader.upload_segments(stream)
    await evidence.uploader.analyse_segments(stream)
    await evidence.uploader.assemble_partially(stream.call)
    report = await evidence.verify(stream.call)
    manifest = f"manifests/{stream.manifest_blob[0]}"
    assert report.differences == [
        f"{manifest} was missing or unreadable when the call was assembled"
    ]
    assert "2 of 2 segments are those of the manifests" in report.checks
    await evidence.flip(names.SEGMENTS, segment(stream, 1), 50)
    differences = (await evidence.verify(stream.call)).differences
    assert [difference.split()[0] for difference in differences] == [
        manifest,
        f"segments/{segment(stream, 1)}",
    ]


async def test_a_draft_names_the_segments_that_never_came(evidence: Evidence) -> None:
    stream = SampleStream(new_call_id(), {FIRST: noise(16_000)}, segment_seconds=0.5)
    lost = segment(stream, 1)
    await evidence.uploader.upload_segments(stream, leave_out=[lost])
    draft = msgspec.structs.replace(stream.manifest, ended_by=DRAFT_ENDED_BY)
    await evidence.write(names.DRAFTS, stream.manifest_blob[0], encode_manifest(draft))
    await evidence.uploader.assemble_partially(stream.call)
    report = await evidence.verify(stream.call)
    assert report.differences[1:] == [f"segments/{lost} is missing"]
    # It comes after all, but not into the recording.
    await evidence.write(names.SEGMENTS, lost, *stream.files[lost])
    report = await evidence.verify(stream.call)
    assert report.differences[1:] == [
        f"segments/{lost} is not in the recording: at the assembly, it was missing from storage"
    ]


async def test_a_result_that_was_damaged(evidence: Evidence, stream: SampleStream) -> None:
    blob = blobs.call_result_blob(stream.call)
    await evidence.flip(blobs.RESULTS, blob, 0)
    (difference,) = (await evidence.verify(stream.call)).differences
    assert difference.startswith(f"results/{blob} cannot be read: ")


async def test_the_result_of_another_call(evidence: Evidence, stream: SampleStream) -> None:
    other = new_call_id()
    result = await read_result(evidence, stream.call)
    await evidence.write(blobs.RESULTS, blobs.call_result_blob(other), msgspec.json.encode(result))
    differences = (await evidence.verify(other)).differences
    assert differences[0] == f"results/{other}/call.json is the result of another call"


async def test_what_cannot_be_checked(evidence: Evidence, stream: SampleStream) -> None:
    missing = new_call_id()
    with pytest.raises(CannotCheck, match=f"call {missing} has no result"):
        await evidence.verify(missing)
    result = await read_result(evidence, stream.call)
    await write_result(evidence, msgspec.structs.replace(result, manifests=[]))
    with pytest.raises(CannotCheck, match="has no digests: an older version"):
        await evidence.verify(stream.call)


async def test_a_manifest_of_another_stream_is_not_taken(
    evidence: Evidence, stream: SampleStream
) -> None:
    other = msgspec.structs.replace(stream.manifest, call_connection_id=new_call_id())
    content = encode_manifest(other)
    await evidence.write(names.MANIFESTS, stream.manifest_blob[0], content)
    result = await read_result(evidence, stream.call)
    digest = msgspec.structs.replace(
        result.manifests[0], sha256=hashlib.sha256(content).hexdigest()
    )
    await write_result(evidence, msgspec.structs.replace(result, manifests=[digest]))
    differences = (await evidence.verify(stream.call)).differences
    assert differences == [
        f"manifests/{stream.manifest_blob[0]} cannot be read: it is the manifest of another stream"
    ]
