"""Overlaps, interruptions, silence and gaps, on spans that are known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from calls.results import analysis, timeline
from calls.results.analysis import Analysis, SpeechSpan
from calls.results.layout import MISSING, Layout, Placement
from calls.results.timeline import Interruption, Timeline, interruptions, overlaps
from calls.results.voice_activity import Span
from contract.manifest import Counts

BEGUN = datetime(2026, 11, 24, 12, tzinfo=UTC)
RATE = 16_000


def segment(
    track: str, start_ms: int, end_ms: int, speech: list[Span], counts: Counts | None = None
) -> tuple[Placement, Analysis]:
    start = BEGUN + timedelta(milliseconds=start_ms)
    blob = f"{track}/{start_ms}"
    placement = Placement(
        track=track,
        start=start,
        position=start_ms * RATE // 1000,
        samples=(end_ms - start_ms) * RATE // 1000,
        sample_rate=RATE,
        blob=blob,
        analysis_blob=blob,
        data_offset=44,
        md5="",
        counts=counts or Counts(),
        fault=None,
    )
    found = Analysis(
        call_connection_id="call",
        stream_id="",
        track=track,
        start=start,
        sample_rate=RATE,
        samples=placement.samples,
        duration_ms=end_ms - start_ms,
        rms_dbfs=None,
        peak_dbfs=None,
        noise_floor_dbfs=None,
        clipped_samples=0,
        dc_offset=0,
        silence_share=0,
        speech_ms=0,
        speech_share=0,
        speech=[SpeechSpan(*span) for span in speech],
        peaks=[0.5] * -(-(end_ms - start_ms) // analysis.PEAK_WINDOW_MS),
        counts=Counts(),
    )
    return placement, found


def build(*segments: tuple[Placement, Analysis]) -> Timeline:
    placements = [placement for placement, _ in segments]
    layout = Layout(
        started_at=BEGUN,
        sample_rate=RATE,
        tracks=sorted({placement.track for placement in placements}),
        frames=max(placement.end for placement in placements),
        placements=placements,
    )
    analyses = {placement.analysis_blob: found for placement, found in segments}
    return timeline.build_timeline("call", layout, analyses, partial=False)


def test_speech_that_was_cut_between_two_segments_is_whole() -> None:
    shown = build(
        segment("a", 0, 1000, [(500, 1000)]),
        segment("a", 1000, 2000, [(0, 40), (900, 1000)]),
        segment("a", 2000, 3000, [(0, 20)]),
    )
    (track,) = shown.tracks
    assert track.speech == [SpeechSpan(500, 1040), SpeechSpan(1900, 2020)]
    assert (track.speech_ms, track.talk_share) == (660, 1.0)


def test_what_is_short_and_does_not_go_on_is_no_speech() -> None:
    shown = build(segment("a", 0, 1000, [(960, 1000)]), segment("a", 1000, 2000, []))
    assert shown.tracks[0].speech == []


def test_gaps_lie_between_a_tracks_own_audio_and_are_no_silence() -> None:
    shown = build(
        segment("a", 0, 1000, []),
        segment("a", 6000, 8000, []),
        segment("b", 500, 1000, []),
        segment("b", 6000, 7000, [(0, 1000)]),
    )
    assert [track.gaps for track in shown.tracks] == [[SpeechSpan(1000, 6000)]] * 2
    assert shown.longest_silence == SpeechSpan(0, 1000)
    assert build(segment("a", 0, 500, [(0, 500)])).longest_silence is None


def test_a_missing_segment_is_no_gap_and_no_silence() -> None:
    """It was streamed, and lost later: to call it not streamed would be wrong."""
    lost, found = segment("a", 1000, 9000, [])
    lost = msgspec.structs.replace(lost, fault=MISSING)
    shown = build(segment("a", 0, 1000, []), (lost, found), segment("a", 9000, 9500, []))
    assert shown.tracks[0].gaps == []
    assert [missing.reason for missing in shown.missing_segments] == [MISSING]
    assert shown.longest_silence == SpeechSpan(0, 1000)


def test_the_waveform_is_in_its_place() -> None:
    shown = build(segment("a", 0, 500, []), segment("a", 1000, 1450, []))
    assert shown.tracks[0].waveform.peaks == [0.5] * 5 + [0.0] * 5 + [0.5] * 5


def test_what_the_streamer_filled_is_shown() -> None:
    shown = build(segment("a", 0, 500, [], Counts(gaps=2, filled_samples=640)))
    (fault,) = shown.tracks[0].faults
    assert (fault.start_ms, fault.end_ms, fault.gaps, fault.filled_ms) == (0, 500, 2, 40.0)
    placement, found = segment("a", 0, 500, [], Counts(gaps=2, filled_samples=960))
    placement = msgspec.structs.replace(placement, sample_rate=24_000)
    assert build((placement, found)).tracks[0].faults == [fault], "a segment's rate is its own"


def test_interruptions() -> None:
    spoken = {
        "4~3A~2B1": [(0, 3000), (5000, 9000)],
        "4~3A~2B2": [(2000, 2400), (6000, 7000), (8700, 9500)],
    }
    assert interruptions(spoken) == [Interruption(at_ms=6000, by="4:+2", of="4:+1")], (
        "too short is a mere yes, and at the other's end it is no interruption"
    )
    together = {"a": [(0, 5000)], "b": [(100, 5000)]}
    assert interruptions(together) == [], "both began at once"


apart = st.lists(st.integers(0, 300), unique=True, max_size=20).map(
    lambda edges: list(zip(*[iter(sorted(edges))] * 2, strict=False))
)


@given(st.lists(apart, max_size=4))
def test_overlaps_are_where_two_or_more_speak(tracks: list[list[Span]]) -> None:
    found = overlaps(tracks)
    for at in range(300):
        speakers = sum(any(start <= at < end for start, end in spans) for spans in tracks)
        assert any(start <= at < end for start, end in found) == (speakers >= 2), at
