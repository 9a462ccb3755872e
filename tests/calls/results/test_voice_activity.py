"""Voice activity detection on the demo conversation, whose utterances are known."""

from __future__ import annotations

import numpy as np
import pytest

from calls.results import voice_activity
from calls.results.voice_activity import Span
from tests.calls.sample_streams import TRUTH, conversation


def per_millisecond(spans: list[Span]) -> np.ndarray:
    """Speech or not, for each millisecond."""
    is_speech = np.zeros(TRUTH["length_ms"], dtype=bool)
    for start, end in spans:
        is_speech[start:end] = True
    return is_speech


def true_spans(side: str) -> list[Span]:
    return [(u["start_ms"], u["end_ms"]) for u in TRUTH["utterances"] if u["who"] == side]


def with_noise(pcm: bytes, dbfs: float) -> bytes:
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float64)
    samples += np.random.default_rng(3).normal(0, 10 ** (dbfs / 20) * 32_768, len(samples))
    noisy: bytes = samples.clip(-32_768, 32_767).astype("<i2").tobytes()
    return noisy


@pytest.mark.parametrize("rate", [16_000, 24_000])
@pytest.mark.parametrize("dbfs", [None, -60, -45])
@pytest.mark.parametrize("side", ["agent", "caller"])
def test_every_utterance_is_found(side: str, dbfs: float | None, rate: int) -> None:
    pcm = conversation(side, rate)
    detected = voice_activity.detect_speech(pcm if dbfs is None else with_noise(pcm, dbfs), rate)
    for start, end in true_spans(side):
        spans = [span for span in detected if span[1] > start and span[0] < end]
        assert abs(spans[0][0] - start) <= 200
        assert abs(spans[-1][1] - end) <= 200
    right = np.mean(per_millisecond(detected) == per_millisecond(true_spans(side)))
    assert right >= 0.95


@pytest.mark.parametrize("rate", [16_000, 24_000])
def test_the_talk_shares(rate: int) -> None:
    def agent_share(agent: int, caller: int) -> float:
        return agent / (agent + caller)

    detected = [
        np.sum(per_millisecond(voice_activity.detect_speech(conversation(side, rate), rate)))
        for side in SIDES
    ]
    truth = [np.sum(per_millisecond(true_spans(side))) for side in SIDES]
    assert agent_share(*map(int, detected)) == pytest.approx(
        agent_share(*map(int, truth)), abs=0.02
    )


SIDES = ("agent", "caller")


def test_silence_and_very_short_audio_have_no_speech() -> None:
    assert voice_activity.detect_speech(bytes(64_000), 16_000) == []
    assert voice_activity.detect_speech(b"", 16_000) == []
    assert voice_activity.detect_speech(b"\1\0" * 100, 16_000) == []


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 48_000])
@pytest.mark.parametrize("count", [1, 2, 3, 479, 480, 481, 7919])
def test_audio_of_any_length_and_rate_is_accepted(count: int, rate: int) -> None:
    loud = np.random.default_rng(count).integers(-9000, 9000, count).astype("<i2")
    spans = voice_activity.detect_speech(loud.tobytes(), rate)
    assert all(0 <= start < end <= count * 1000 // rate for start, end in spans)


def test_short_pauses_are_bridged() -> None:
    spans = [(0, 100), (599, 700), (1200, 1300), (1250, 1260)]
    assert voice_activity.bridge_pauses(spans) == [(0, 700), (1200, 1300)]
    assert voice_activity.bridge_pauses(spans, 600) == [(0, 1300)]


def test_short_speech_at_the_end_of_the_audio_is_kept() -> None:
    """It may go on in the next segment."""
    pcm = conversation("agent")
    start = TRUTH["utterances"][0]["start_ms"]
    cut = voice_activity.detect_speech(pcm[: 32 * (start + 150)], 16_000)
    assert cut
    assert cut[-1][1] >= start + 130


@pytest.mark.parametrize("segment_ms", [3000, 5100])
@pytest.mark.parametrize("side", SIDES)
def test_speech_is_whole_where_segments_cut_it(side: str, segment_ms: int) -> None:
    """Each segment is analysed alone; the timeline joins what it finds."""
    pcm = conversation(side)
    detected = [
        (at_ms + start, at_ms + end)
        for at_ms in range(0, TRUTH["length_ms"], segment_ms)
        for start, end in voice_activity.detect_speech(
            pcm[32 * at_ms : 32 * (at_ms + segment_ms)], 16_000
        )
    ]
    joined = voice_activity.bridge_pauses(detected)
    assert len(joined) == len(true_spans(side))
    assert np.mean(per_millisecond(joined) == per_millisecond(true_spans(side))) >= 0.97


@pytest.mark.parametrize("gain_db", [-30, -20, 0])
def test_the_level_does_not_matter(gain_db: int) -> None:
    samples = np.frombuffer(conversation("agent"), dtype="<i2") * 10 ** (gain_db / 20)
    detected = voice_activity.detect_speech(samples.astype("<i2").tobytes(), 16_000)
    right = np.mean(per_millisecond(detected) == per_millisecond(true_spans("agent")))
    assert right >= 0.97
