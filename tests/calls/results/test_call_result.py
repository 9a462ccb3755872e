"""The result of an assembled call, of sample streams: its summary, streams and missing parts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from calls import blobs
from calls.records import result_state
from calls.results import analysis, call_result
from calls.results.analysis import Analysis
from calls.results.call_result import Parts, build_result, synthesize_manifests, would_discard
from calls.results.recording import WrittenRecording
from calls.storage import Properties
from contract.manifest import Counts
from tests.calls.sample_streams import STARTED_AT, SampleStream, noise

AGENT, CALLER = "4:+15550000001", "4:+15550000002"
RECORDING = WrittenRecording(size=1234, sha256="5e")


def properties_of(stream: SampleStream) -> dict[str, Properties]:
    """The stream's segments as Blob Storage lists them."""
    return {
        blob: Properties(
            size=len(file),
            etag="",
            content_type="audio/wav",
            metadata=metadata,
            last_modified=datetime(2026, 11, 25, tzinfo=UTC),
        )
        for blob, (file, metadata) in stream.files.items()
    }


def analyses_of(stream: SampleStream) -> dict[str, Analysis]:
    analyses = {}
    for entry in stream.manifest.segments:
        name = entry.name(stream.call, stream.stream_id)
        file, _ = stream.files[name.blob]
        analyses[blobs.analysis_blob(name)] = analysis.analyse(name, file)
    return analyses


def parts_of(*streams: SampleStream) -> Parts:
    parts = Parts([], {}, {}, partial=False, digests={})
    for stream in streams:
        parts.manifests.append(stream.manifest)
        parts.analyses.update(analyses_of(stream))
        parts.landed.update(properties_of(stream))
    return parts


def test_the_summary_adds_up_all_streams() -> None:
    counts = Counts(frames=50, gaps=2, filled_samples=320)
    first = SampleStream(
        "call", {AGENT: noise(32_000), CALLER: noise(16_000)}, segment_seconds=1, counts=counts
    )
    second = SampleStream("call", {AGENT: noise(16_000)}, start=STARTED_AT + timedelta(seconds=4))
    parts = parts_of(first, second)
    parts.digests[first.stream_id] = "01"
    layout = parts.lay_out()
    result = build_result("call", parts, layout, RECORDING)
    summary = result.summary
    assert (summary.streams, summary.segments, summary.missing_segments) == (2, 4, 0)
    assert (summary.audio_ms, summary.duration_ms) == (4000.0, 5000)
    assert summary.lost_ms == 3 * 20.0
    assert (summary.partial, summary.recording_bytes) == (False, 1234)
    assert summary.recording_sha256 == "5e"
    assert [m.sha256 for m in result.manifests] == ["01", None], "the second has no manifest"
    assert [talk.participant for talk in summary.talk] == [
        track.participant for track in result.timeline.tracks
    ]
    assert result.layout_digest == layout.digest
    assert [stream.stream_id for stream in result.streams] == [first.stream_id, second.stream_id]
    assert result.streams[0].segments[0].filled_ms == 20.0
    assert result.streams[0].segments[0].gaps == 2


def test_names_and_raw_ids_are_shown() -> None:
    long_id = "8:acs:" + "ü" * 60
    stream = SampleStream("call", {AGENT: noise(32_000), long_id: noise(16_000)})
    parts = msgspec.structs.replace(parts_of(stream), names={long_id: "Zoë", CALLER: "Nobody"})
    del parts.landed[next(blob for blob in stream.files if "/p2/" in blob)]
    result = build_result("call", parts, parts.lay_out(), RECORDING)
    expected = {AGENT: None, long_id: "Zoë"}
    assert {track.participant: track.name for track in result.timeline.tracks} == expected
    assert {talk.participant: talk.name for talk in result.summary.talk} == expected
    assert {segment.participant for segment in result.streams[0].segments} == expected.keys()
    assert [missing.participant for missing in result.timeline.missing_segments] == [long_id]


def test_a_segment_without_an_analysis_is_listed_without_levels() -> None:
    stream = SampleStream("call", {None: noise(32_000)}, segment_seconds=1)
    parts = parts_of(stream)
    missing = call_result.analysis_blobs([stream.manifest])[1]
    del parts.analyses[missing]
    result = build_result("call", parts, parts.lay_out(), RECORDING)
    first, second = result.streams[0].segments
    assert (first.analysed, second.analysed) == (True, False)
    assert first.rms_dbfs is not None
    assert (second.rms_dbfs, second.speech, second.duration_ms) == (None, [], 1000.0)
    assert second.blob == f"segments/{list(stream.files)[1]}"
    assert result.summary.missing_segments == 1


def test_a_manifest_is_synthesized_from_the_metadata_of_its_segments() -> None:
    stream = SampleStream("call", {AGENT: noise(32_000), CALLER: noise(8000)}, segment_seconds=1)
    (manifest,) = synthesize_manifests("call", [], properties_of(stream))
    assert (manifest.call_connection_id, manifest.stream_id) == ("call", stream.stream_id)
    assert manifest.ended_by == result_state.ENDED_BY_UNKNOWN
    assert manifest.sample_rate == 16_000
    assert manifest.started_at == stream.manifest.segments[0].start
    assert manifest.ended_at == stream.manifest.segments[1].end
    assert manifest.counts.frames == sum(e.counts.frames for e in stream.manifest.segments)
    assert sorted(manifest.segments, key=lambda e: (e.track, e.start)) == sorted(
        stream.manifest.segments, key=lambda e: (e.track, e.start)
    )


def test_a_stream_with_a_manifest_is_not_synthesized() -> None:
    stream = SampleStream("call", {None: noise(16_000)})
    assert synthesize_manifests("call", [stream.manifest], properties_of(stream)) == []


def test_segments_with_unreadable_metadata_are_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stream = SampleStream("call", {None: noise(32_000)}, segment_seconds=1)
    landed = properties_of(stream)
    first, second = landed
    landed[first] = landed[first]._replace(metadata={})
    (manifest,) = synthesize_manifests("call", [], landed)
    assert [entry.name("call", stream.stream_id).blob for entry in manifest.segments] == [second]
    assert caplog.text.count("segment_metadata_unreadable") == 1
    landed[second] = landed[second]._replace(metadata={})
    assert synthesize_manifests("call", [], landed) == []


def test_a_result_of_fewer_segments_would_discard_audio() -> None:
    stream = SampleStream("call", {None: noise(48_000)}, segment_seconds=1)
    parts = parts_of(stream)
    layout = parts.lay_out()
    existing = build_result("call", parts, layout, RECORDING)
    assert not would_discard(existing, layout)
    deleted = msgspec.structs.replace(parts, landed=dict(list(parts.landed.items())[1:]))
    assert would_discard(existing, deleted.lay_out())


def test_a_segment_that_was_missing_before_is_not_discarded() -> None:
    stream = SampleStream("call", {None: noise(48_000)}, segment_seconds=1)
    parts = parts_of(stream)
    lacking = msgspec.structs.replace(parts, landed=dict(list(parts.landed.items())[1:]))
    existing = build_result("call", lacking, lacking.lay_out(), RECORDING)
    assert not would_discard(existing, lacking.lay_out())
    assert not would_discard(existing, parts.lay_out()), "it has landed now"
