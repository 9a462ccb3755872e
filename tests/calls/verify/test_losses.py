"""What was lost is listed: by stream, by segment, and where a track has nothing."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from calls.results.layout import lay_out
from calls.verify.losses import list_losses
from contract.manifest import Counts, ErasedTrack
from tests.calls.sample_streams import STARTED_AT, SampleStream, noise


def test_all_that_was_lost_is_listed() -> None:
    counts = Counts(frames=50, gaps=2, filled_samples=800)
    first = SampleStream("call", {None: noise(16_000)}, counts=counts)
    first.manifest.counts = Counts(lost=3, late_dropped=2)
    later = SampleStream("call", {None: noise(1600)}, start=STARTED_AT + timedelta(seconds=2))
    entry = msgspec.structs.replace(later.manifest.segments[0], recovered=True)
    later.manifest.segments = [entry]
    later.manifest.erased = [
        ErasedTrack(track="p2", segments=4, start=STARTED_AT, erased_at=STARTED_AT, deletion="d1")
    ]
    manifests = [first.manifest, later.manifest]
    assert list_losses(manifests, lay_out(manifests, {})) == [
        f"stream {first.stream_id}: frames lost: 3, frames too late: 2",
        f"stream {later.stream_id}: segments recovered after a crash: 1, "
        "track p2 was erased on 2026-11-24 (segments: 4, deletion d1)",
        "track mixed, segment at 0:00:00.000: 50 ms of silence (gaps: 2)",
        "track mixed: nothing was streamed from 0:00:01.000 to 0:00:02.000",
    ]


def test_a_whole_call_lost_nothing() -> None:
    stream = SampleStream("call", {"a": noise(16_000), "b": noise(8_000)}, segment_seconds=0.3)
    assert list_losses([stream.manifest], lay_out([stream.manifest], {})) == []
