"""The layout of a recording: where each segment lies in it."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.results.layout import MISSING, WRONG_LENGTH, lay_out
from tests.calls.sample_streams import STARTED_AT, SampleStream


def sizes_of(*streams: SampleStream) -> dict[str, int]:
    return {blob: len(file) for stream in streams for blob, (file, _) in stream.files.items()}


@given(
    rate=st.sampled_from([16_000, 24_000]),
    parts=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    offset_us=st.integers(0, 10**7),
)
def test_a_stream_has_no_gaps_wherever_it_begins(
    rate: int, parts: list[int], offset_us: int
) -> None:
    first = SampleStream("call", {None: bytes(2 * rate)}, rate=rate)
    start = STARTED_AT + timedelta(seconds=20, microseconds=offset_us)
    pcm = bytes(2 * rate * sum(parts) // 3)
    second = SampleStream("call", {None: pcm}, rate=rate, start=start, segment_seconds=0.31)
    laid_out = lay_out([second.manifest, first.manifest], sizes_of(first, second))
    positions = sorted(p.position for p in laid_out.placements)
    assert positions[0] == 0
    second_position = positions[1]
    assert second_position == round((20_000_000 + offset_us) * rate / 1_000_000)
    step = round(rate * 0.31)
    assert positions[1:] == [second_position + n * step for n in range(len(positions) - 1)]
    assert laid_out.frames == second_position + len(pcm) // 2


def test_the_reasons_why_a_segment_cannot_be_used() -> None:
    stream = SampleStream("call", {None: bytes(96_000)}, segment_seconds=1)
    landed = sizes_of(stream)
    missing, short, _ = stream.files
    del landed[missing]
    landed[short] -= 2
    laid_out = lay_out([stream.manifest], landed)
    assert [p.fault for p in laid_out.placements] == [MISSING, WRONG_LENGTH, None]
    assert laid_out.duration_ms == 3000, "a segment that cannot be used keeps its length"


@pytest.mark.parametrize("rates", [(16_000, 24_000), (24_000, 16_000)])
def test_the_recording_has_the_highest_sample_rate(rates: tuple[int, int]) -> None:
    """Whichever came first: nothing that can be heard is lost."""
    streams = [
        SampleStream(
            "call", {None: bytes(rate * 4)}, rate=rate, start=STARTED_AT + timedelta(seconds=2 * n)
        )
        for n, rate in enumerate(rates)
    ]
    laid_out = lay_out([stream.manifest for stream in streams], sizes_of(*streams))
    assert laid_out.sample_rate == 24_000
    assert [(p.position, p.samples, p.fault) for p in laid_out.placements] == [
        (0, 48_000, None),
        (48_000, 48_000, None),
    ]
    assert [laid_out.is_resampled(p) for p in laid_out.placements] == [
        rate == 16_000 for rate in rates
    ]


def test_the_digest_identifies_the_audio_and_its_place() -> None:
    stream = SampleStream("call", {"4:+1": bytes(64_000), "4:+2": bytes(64_000)})
    landed = sizes_of(stream)
    digest = lay_out([stream.manifest], landed).digest
    assert lay_out([stream.manifest], landed).digest == digest
    assert lay_out([stream.manifest], {}).digest != digest
    entries = stream.manifest.segments
    for change in ({"sha256": "0"}, {"start": entries[0].start + timedelta(milliseconds=20)}):
        changed = [msgspec.structs.replace(entries[0], **change), *entries[1:]]
        manifest = msgspec.structs.replace(stream.manifest, segments=changed)
        names = {e.name("call", stream.stream_id).blob: e.bytes for e in changed}
        assert lay_out([manifest], names).digest != digest


def test_a_call_without_audio_is_empty() -> None:
    stream = SampleStream("call", {})
    laid_out = lay_out([stream.manifest], {})
    assert (laid_out.frames, laid_out.tracks, laid_out.started_at) == (0, [], STARTED_AT)
    with pytest.raises(ValueError, match="without a manifest"):
        lay_out([], {})


def test_a_participant_has_one_track_whatever_their_numbers_in_the_streams_are() -> None:
    pcm = bytes(3200)
    first = SampleStream("call", {"alice": pcm, "bob": pcm})
    later = STARTED_AT + timedelta(seconds=2)
    second = SampleStream("call", {"bob": pcm, "carol": pcm, "alice": pcm}, start=later)
    laid_out = lay_out([second.manifest, first.manifest], sizes_of(first, second))
    assert laid_out.tracks == ["p1", "p2", "p3"]
    own = {p.blob.split("/")[2]: p.track for p in laid_out.placements if second.stream_id in p.blob}
    assert own == {"p1": "p2", "p2": "p3", "p3": "p1"}
    tracks = {"p1": 2, "p2": 2, "p3": 1}
    assert {t: sum(p.track == t for p in laid_out.placements) for t in tracks} == tracks
