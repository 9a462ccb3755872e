"""Where segments lie in the recording."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls import layout
from calls.results.layout import MISSING, OTHER_RATE, WRONG_LENGTH, lay_out
from tests.calls.made import BEGUN, MadeStream


def sizes(*streams: MadeStream) -> dict[str, int]:
    return {blob: len(file) for stream in streams for blob, (file, _) in stream.files.items()}


@given(
    rate=st.sampled_from([16_000, 24_000]),
    parts=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    offset_us=st.integers(0, 10**7),
)
def test_a_stream_is_without_seams_wherever_it_begins(
    rate: int, parts: list[int], offset_us: int
) -> None:
    first = MadeStream("call", {None: bytes(2 * rate)}, rate=rate)
    start = BEGUN + timedelta(seconds=20, microseconds=offset_us)
    pcm = bytes(2 * rate * sum(parts) // 3)
    second = MadeStream("call", {None: pcm}, rate=rate, start=start, segment_seconds=0.31)
    laid_out = lay_out([second.manifest, first.manifest], sizes(first, second))
    placed = sorted(p.position for p in laid_out.placements)
    assert placed[0] == 0
    begins = placed[1]
    assert begins == round((20_000_000 + offset_us) * rate / 1_000_000)
    step = round(rate * 0.31)
    assert placed[1:] == [begins + n * step for n in range(len(placed) - 1)]
    assert laid_out.frames == begins + len(pcm) // 2


def test_why_a_segment_cannot_be_used() -> None:
    stream = MadeStream("call", {None: bytes(96_000)}, segment_seconds=1)
    other = MadeStream(
        "call", {None: bytes(48_000)}, rate=24_000, start=BEGUN + timedelta(seconds=9)
    )
    landed = sizes(stream, other)
    gone, short, _ = stream.files
    del landed[gone]
    landed[short] -= 2
    laid_out = lay_out([stream.manifest, other.manifest], landed)
    assert [p.fault for p in laid_out.placements] == [MISSING, WRONG_LENGTH, None, OTHER_RATE]
    assert laid_out.sample_rate == 16_000
    assert laid_out.duration_ms == 10_000, "what cannot be used has its length all the same"


def test_the_digest_names_the_audio_and_its_place() -> None:
    stream = MadeStream("call", {"4:+1": bytes(64_000), "4:+2": bytes(64_000)})
    landed = sizes(stream)
    digest = lay_out([stream.manifest], landed).digest
    assert lay_out([stream.manifest], landed).digest == digest
    assert lay_out([stream.manifest], {}).digest != digest
    entries = stream.manifest.segments
    for change in ({"md5": "0"}, {"start": entries[0].start + timedelta(milliseconds=20)}):
        changed = [msgspec.structs.replace(entries[0], **change), *entries[1:]]
        manifest = msgspec.structs.replace(stream.manifest, segments=changed)
        names = {e.name("call", stream.stream_id).blob: e.bytes for e in changed}
        assert lay_out([manifest], names).digest != digest


def test_a_call_without_audio_is_empty() -> None:
    stream = MadeStream("call", {})
    laid_out = lay_out([stream.manifest], {})
    assert (laid_out.frames, laid_out.tracks, laid_out.started_at) == (0, [], BEGUN)
    with pytest.raises(ValueError, match="without a manifest"):
        layout.lay_out([], {})
