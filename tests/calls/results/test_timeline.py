"""The timeline of given spans: overlaps, interruptions, silence, gaps and losses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.results import timeline
from calls.results.analysis import PEAK_WINDOW_MS, Analysis, SpeechSpan
from calls.results.layout import MISSING, Layout, Placement
from calls.results.participants import Participants
from calls.results.timeline import (
    Interruption,
    Timeline,
    find_interruptions,
    find_overlaps,
)
from calls.results.voice_activity import Span
from contract.manifest import Counts

STARTED_AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
RATE = 16_000


def create_segment(
    track: str, start_ms: int, end_ms: int, speech: list[Span], counts: Counts | None = None
) -> tuple[Placement, Analysis]:
    start = STARTED_AT + timedelta(milliseconds=start_ms)
    blob = f"{track}/{start_ms}"
    placement = Placement(
        track=track,
        start=start,
        position=start_ms * RATE // 1000,
        samples=(end_ms - start_ms) * RATE // 1000,
        sample_rate=RATE,
        own_samples=(end_ms - start_ms) * RATE // 1000,
        blob=blob,
        analysis_blob=blob,
        data_offset=44,
        sha256="",
        counts=counts or Counts(),
        fault=None,
    )
    analysis = Analysis(
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
        peaks=[0.5] * -(-(end_ms - start_ms) // PEAK_WINDOW_MS),
        counts=Counts(),
    )
    return placement, analysis


def build_timeline(*segments: tuple[Placement, Analysis]) -> Timeline:
    placements = [placement for placement, _ in segments]
    layout = Layout(
        started_at=STARTED_AT,
        sample_rate=RATE,
        tracks=sorted({placement.track for placement in placements}),
        frames=max(placement.end for placement in placements),
        placements=placements,
    )
    analyses = {placement.analysis_blob: analysis for placement, analysis in segments}
    return timeline.build_timeline("call", layout, analyses, Participants(), partial=False)


def test_speech_that_was_cut_between_two_segments_is_whole() -> None:
    result = build_timeline(
        create_segment("a", 0, 1000, [(500, 1000)]),
        create_segment("a", 1000, 2000, [(0, 40), (900, 1000)]),
        create_segment("a", 2000, 3000, [(0, 20)]),
    )
    (track,) = result.tracks
    assert track.speech == [SpeechSpan(500, 1040), SpeechSpan(1900, 2020)]
    assert (track.speech_ms, track.talk_share) == (660, 1.0)


def test_a_short_span_that_does_not_go_on_is_not_speech() -> None:
    result = build_timeline(
        create_segment("a", 0, 1000, [(960, 1000)]), create_segment("a", 1000, 2000, [])
    )
    assert result.tracks[0].speech == []


def test_gaps_lie_between_a_track_s_own_audio_and_are_not_silence() -> None:
    result = build_timeline(
        create_segment("a", 0, 1000, []),
        create_segment("a", 6000, 8000, []),
        create_segment("b", 500, 1000, []),
        create_segment("b", 6000, 7000, [(0, 1000)]),
    )
    assert [track.gaps for track in result.tracks] == [[SpeechSpan(1000, 6000)]] * 2
    assert result.longest_silence == SpeechSpan(0, 1000)
    assert build_timeline(create_segment("a", 0, 500, [(0, 500)])).longest_silence is None


def test_a_missing_segment_is_neither_a_gap_nor_silence() -> None:
    """It was streamed, and lost later."""
    placement, analysis = create_segment("a", 1000, 9000, [])
    placement = msgspec.structs.replace(placement, fault=MISSING)
    result = build_timeline(
        create_segment("a", 0, 1000, []), (placement, analysis), create_segment("a", 9000, 9500, [])
    )
    assert result.tracks[0].gaps == []
    assert [missing.reason for missing in result.missing_segments] == [MISSING]
    assert result.longest_silence == SpeechSpan(0, 1000)


def test_the_waveform_is_in_its_place() -> None:
    result = build_timeline(create_segment("a", 0, 500, []), create_segment("a", 1000, 1450, []))
    assert result.tracks[0].waveform.peaks == [0.5] * 5 + [0.0] * 5 + [0.5] * 5


def test_lost_audio_that_the_streamer_filled_is_listed() -> None:
    result = build_timeline(create_segment("a", 0, 500, [], Counts(gaps=2, filled_samples=640)))
    (loss,) = result.tracks[0].losses
    assert (loss.start_ms, loss.end_ms, loss.gaps, loss.filled_ms) == (0, 500, 2, 40.0)
    placement, analysis = create_segment("a", 0, 500, [], Counts(gaps=2, filled_samples=960))
    placement = msgspec.structs.replace(placement, sample_rate=24_000)
    assert build_timeline((placement, analysis)).tracks[0].losses == [loss], (
        "by the segment's own sample rate"
    )


def test_interruptions() -> None:
    spoken = {
        "4:+1": [(0, 3000), (5000, 9000)],
        "4:+2": [(2000, 2400), (6000, 7000), (8700, 9500)],
    }
    assert find_interruptions(spoken) == [
        Interruption(at_ms=6000, interrupter="4:+2", interrupted="4:+1")
    ], "a short word, or one at the other's end, does not interrupt"
    together = {"a": [(0, 5000)], "b": [(100, 5000)]}
    assert find_interruptions(together) == [], "both began at once"


def test_of_two_who_speak_already_the_first_is_interrupted() -> None:
    spoken = {"a": [(1000, 9000)], "b": [(0, 9000)], "c": [(5000, 6000)]}
    assert find_interruptions(spoken) == [
        Interruption(at_ms=1000, interrupter="a", interrupted="b"),
        Interruption(at_ms=5000, interrupter="c", interrupted="b"),
    ]


@pytest.mark.parametrize(
    ("other", "is_interruption"),
    [
        ((500, 3000), True),
        ((499, 3000), False),  # the first had spoken for less than 500 ms
        ((2500, 9000), True),
        ((2501, 9000), False),  # both went on for less than 500 ms
        ((1000, 1500), True),
        ((1000, 1499), False),  # a word of assent
    ],
)
def test_an_interruption_needs_the_floor_and_goes_on(other: Span, *, is_interruption: bool) -> None:
    assert bool(find_interruptions({"a": [(0, 3000)], "b": [other]})) == is_interruption


def test_who_goes_on_after_a_short_pause_does_not_interrupt_again() -> None:
    spoken = {"a": [(0, 9000)], "b": [(2000, 3000), (3999, 5000), (6000, 7000)]}
    assert [one.at_ms for one in find_interruptions(spoken)] == [2000, 6000]


def test_a_turn_without_a_pause_is_not_an_overlap() -> None:
    assert find_overlaps([[(0, 1000)], [(801, 2000)]]) == []
    assert find_overlaps([[(0, 1000)], [(800, 2000)]]) == [(800, 1000)]


separate_spans = st.lists(st.integers(0, 300), unique=True, max_size=20).map(
    lambda edges: list(zip(*[iter(sorted(edges))] * 2, strict=False))
)


@given(st.lists(separate_spans, max_size=4))
def test_overlaps_are_where_two_or_more_speak(tracks: list[list[Span]]) -> None:
    overlaps = find_overlaps(tracks, shortest_ms=1)
    for time_ms in range(300):
        speakers = sum(any(start <= time_ms < end for start, end in spans) for spans in tracks)
        is_overlap = any(start <= time_ms < end for start, end in overlaps)
        assert is_overlap == (speakers >= 2), time_ms
