"""At which rate frames are recorded: what is declared, what is granted, what arrives."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs.media import AudioData, AudioMetadata
from streamer.stream_format import (
    AGREEING_FRAMES,
    MAX_HELD_BYTES,
    MAX_HELD_FRAMES,
    FormatDetector,
    unsupported_format,
)
from tests.streamer.conftest import ORIGIN


def frame(index: int, samples: int, step_ms: float = 20, raw_id: str | None = None) -> AudioData:
    stamp = ORIGIN + timedelta(milliseconds=index * step_ms)
    return AudioData(stamp, raw_id, bytes(2 * samples))


def declared(rate: int, granted: int | None = None) -> FormatDetector:
    detector = FormatDetector(granted)
    detector.declare(rate)
    return detector


def test_a_frame_of_the_declared_rate_is_not_held() -> None:
    for rate in (16_000, 24_000):
        detector = declared(rate)
        assert not detector.hold(frame(0, rate // 50))
        assert not detector.hold(AudioData(silent=True))
        assert not detector.hold(frame(1, 32_768)), "a length that tells nothing"


def test_one_frame_of_the_other_rate_changes_nothing() -> None:
    detector = declared(16_000)
    assert not detector.hold(frame(0, 320))
    assert detector.hold(frame(1, 480))
    assert detector.decide(force=False) is None
    assert detector.hold(frame(2, 320)), "in order, behind the one that is held"
    assert detector.decide(force=False) == 16_000
    assert [len(f.data or b"") for f in detector.use(16_000)] == [960, 640]


def test_some_frames_of_the_other_rate_change_the_rate() -> None:
    detector = declared(16_000)
    assert not detector.hold(frame(0, 320))
    for index in range(AGREEING_FRAMES):
        assert detector.decide(force=False) is None
        assert detector.hold(frame(1 + index, 480))
    assert detector.decide(force=False) == 24_000


def test_timestamps_overrule_the_length() -> None:
    """480 samples every 30 ms are 16 kHz."""
    detector = declared(16_000)
    for index in range(AGREEING_FRAMES):
        detector.hold(frame(index, 480, step_ms=30))
    assert detector.decide(force=False) == 16_000


@pytest.mark.parametrize("is_declared", [True, False])
@pytest.mark.parametrize("every", [2, 3, 4])
@pytest.mark.parametrize("count", [28, 29, 30])
@pytest.mark.parametrize("has_silence", [True, False])
def test_silence_between_frames_does_not_change_their_rate(
    is_declared: bool, every: int, count: int, has_silence: bool
) -> None:
    """Frames of 24 kHz, of which some are silent without data, or do not come at all."""
    detector = declared(16_000) if is_declared else FormatDetector(None)
    for index in range(count):
        if index % every:
            detector.hold(frame(index, 480))
        elif has_silence:
            detector.hold(AudioData(frame(index, 0).timestamp, silent=True))
    assert detector.decide(force=True) == 24_000


@pytest.mark.parametrize("seed", range(100))
def test_jitter_and_losses_do_not_change_the_rate(seed: int) -> None:
    """Frames of the other rate than declared: timestamps are 5 ms off, and a fifth is lost."""
    random = Random(seed)
    rate = random.choice([16_000, 24_000])
    detector = declared(40_000 - rate)
    for index in range(AGREEING_FRAMES * 2):
        if random.random() < 0.8:
            detector.hold(frame(0, rate // 50, raw_id=f"4:+{index % 2}"))
            stamp = ORIGIN + timedelta(milliseconds=index // 2 * 20 + random.randint(-5, 5))
            detector.held[-1].timestamp = stamp
    assert len(detector.held) < AGREEING_FRAMES or detector.decide(force=False) == rate


@pytest.mark.parametrize("step_ms", [0, 1000])
def test_timestamps_that_tell_nothing_leave_it_to_the_length(step_ms: int) -> None:
    detector = declared(24_000)
    for index in range(AGREEING_FRAMES):
        detector.hold(frame(index, 320, step_ms))
    assert detector.decide(force=False) == 16_000


def test_the_end_of_a_short_stream_decides() -> None:
    detector = declared(16_000)
    detector.hold(frame(0, 480))
    assert detector.decide(force=False) is None
    assert detector.decide(force=True) == 24_000


@pytest.mark.parametrize(
    ("granted", "samples", "rate"),
    [
        (None, 320, 16_000),
        (None, 480, 24_000),
        (24_000, 320, 16_000),
        (24_000, 1000, 24_000),
        (None, 1000, 16_000),
        (44_100, 1000, 16_000),
    ],
)
def test_without_metadata_the_frames_decide_then_the_grant(
    granted: int | None, samples: int, rate: int
) -> None:
    detector = FormatDetector(granted)
    for index in range(3):
        assert detector.hold(frame(index, samples, step_ms=0))
    assert detector.decide(force=False) is None
    assert detector.decide(force=True) == rate


def test_an_unsupported_rate_leaves_it_to_the_frames() -> None:
    detector = declared(8_000)
    detector.hold(frame(0, 480))
    assert detector.decide(force=True) == 24_000
    detector = declared(44_100, granted=16_000)
    detector.hold(frame(0, 882))
    assert detector.decide(force=True) is None


@given(
    st.lists(
        st.sampled_from([0, 1, 320, 480, 882, 32_768]),
        max_size=200,
    ),
    st.sampled_from([None, 8_000, 16_000, 24_000]),
)
def test_every_frame_is_placed_and_few_are_held(lengths: list[int], rate: int | None) -> None:
    detector = FormatDetector(16_000)
    if rate is not None:
        detector.declare(rate)
    placed = 0
    for index, samples in enumerate(lengths):
        if not detector.hold(frame(index, samples)):
            placed += 1
            continue
        decided = detector.decide(force=False)
        if decided is not None:
            placed += len(detector.use(decided))
        elif detector.is_full:
            return  # the stream is closed: no supported rate fits
        assert len(detector.held) < MAX_HELD_FRAMES
        assert detector.held_bytes < MAX_HELD_BYTES
    assert placed + len(detector.held) == len(lengths)


@pytest.mark.parametrize("encoding", ["PCM", "pcm", "", "pcm16KMono"])
def test_formats_that_can_be_recorded(encoding: str) -> None:
    assert unsupported_format(AudioMetadata(16_000, encoding=encoding)) is None


def test_formats_that_cannot_be_recorded() -> None:
    assert "opus" not in (unsupported_format(AudioMetadata(16_000, encoding="opus")) or "opus")
    assert "2 channels" in (unsupported_format(AudioMetadata(16_000, channels=2)) or "")
