"""Where speech is, on the demo conversation, whose every utterance is known."""

from __future__ import annotations

import numpy as np
import pytest

from calls.results.voice_activity import Span
from tests.calls.made import TRUTH, conversation


def in_time(spans: list[Span]) -> np.ndarray:
    """Speech or not, for each millisecond."""
    spoken = np.zeros(TRUTH["length_ms"], dtype=bool)
    for start, end in spans:
        spoken[start:end] = True
    return spoken


def truth(who: str) -> list[Span]:
    return [(u["start_ms"], u["end_ms"]) for u in TRUTH["utterances"] if u["who"] == who]


def with_noise(pcm: bytes, dbfs: float) -> bytes:
    heard = np.frombuffer(pcm, dtype="<i2").astype(np.float64)
    heard += np.random.default_rng(3).normal(0, 10 ** (dbfs / 20) * 32_768, len(heard))
    noisy: bytes = heard.clip(-32_768, 32_767).astype("<i2").tobytes()
    return noisy


@pytest.mark.parametrize("rate", [16_000, 24_000])
@pytest.mark.parametrize("dbfs", [None, -60, -45])
@pytest.mark.parametrize("who", ["agent", "caller"])
def test_every_utterance_is_found(who: str, dbfs: float | None, rate: int) -> None:
    pcm = conversation(who, rate)
    found = voice_activity.detect_speech(pcm if dbfs is None else with_noise(pcm, dbfs), rate)
    for start, end in truth(who):
        spans = [span for span in found if span[1] > start and span[0] < end]
        assert abs(spans[0][0] - start) <= 200
        assert abs(spans[-1][1] - end) <= 200
    right = np.mean(in_time(found) == in_time(truth(who)))
    assert right >= 0.95


@pytest.mark.parametrize("rate", [16_000, 24_000])
def test_the_talk_shares(rate: int) -> None:
    def agent_share(agent: int, caller: int) -> float:
        return agent / (agent + caller)

    heard = [
        np.sum(in_time(voice_activity.detect_speech(conversation(w, rate), rate)))
        for w in TRUTH_SIDES
    ]
    said = [np.sum(in_time(truth(who))) for who in TRUTH_SIDES]
    assert agent_share(*map(int, heard)) == pytest.approx(agent_share(*map(int, said)), abs=0.02)


TRUTH_SIDES = ("agent", "caller")


def test_silence_and_too_little_to_hear() -> None:
    assert voice_activity.detect_speech(bytes(64_000), 16_000) == []
    assert voice_activity.detect_speech(b"", 16_000) == []
    assert voice_activity.detect_speech(b"\1\0" * 100, 16_000) == []


def test_bridging() -> None:
    spans = [(0, 100), (599, 700), (1200, 1300), (1250, 1260)]
    assert voice_activity.bridge_pauses(spans) == [(0, 700), (1200, 1300)]
    assert voice_activity.bridge_pauses(spans, 600) == [(0, 1300)]


def test_speech_at_the_audios_end_is_kept_however_short() -> None:
    """It may go on in the next segment."""
    pcm = conversation("agent")
    start = TRUTH["utterances"][0]["start_ms"]
    cut = voice_activity.detect_speech(pcm[: 32 * (start + 150)], 16_000)
    assert cut
    assert cut[-1][1] >= start + 130
