"""Cutting speech into chunks, and placing an engine's phrases in the call's time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.results.participants import Participants
from calls.results.voice_activity import Span
from calls.transcripts.chunks import place_phrase, plan_chunks, silence_pauses
from calls.transcripts.engine import Phrase
from calls.transcripts.model import Word


def test_chunks_join_speech_and_are_cut_in_its_pauses() -> None:
    speech = [(1000, 5000), (6000, 20_000), (21_000, 29_000), (60_000, 61_000)]
    assert plan_chunks(speech, 30_000, 10_000, 61_100) == [(800, 29_200), (59_800, 61_100)]
    assert plan_chunks(speech, 25_000, 10_000, 61_100) == [
        (800, 20_200),
        (20_800, 29_200),
        (59_800, 61_100),
    ]
    assert plan_chunks([], 30_000, 10_000, 1000) == []


speech_spans = st.lists(st.integers(1, 90_000), unique=True, max_size=40).map(
    lambda edges: list(zip(*[iter(sorted(edges))] * 2, strict=False))
)


@given(speech_spans, st.integers(2000, 40_000), st.integers(600, 20_000))
def test_chunks_hold_all_speech_and_are_not_too_long(
    speech: list[Span], max_chunk_ms: int, max_pause_ms: int
) -> None:
    chunks = plan_chunks(speech, max_chunk_ms, max_pause_ms, 90_000)
    assert all(0 <= start < end <= 90_000 and end - start <= max_chunk_ms for start, end in chunks)
    for start, end in speech:
        covered = sum(max(0, min(end, b) - max(start, a)) for a, b in chunks)
        assert covered >= end - start


@pytest.mark.parametrize("rate", [16_000, 24_000])
def test_only_speech_is_sent(rate: int) -> None:
    """A pause in a chunk may hold music, in which an engine would find words."""
    chunk, speech = (1000, 6000), [(0, 900), (1200, 2000), (5000, 5900), (6100, 9000)]
    sent = silence_pauses(b"\1\1" * (5 * rate), rate, chunk, speech)
    assert len(sent) == 10 * rate
    for at_ms in range(1000, 6000, 50):
        first = 2 * ((at_ms - 1000) * rate // 1000)
        is_sent = sent[first : first + 2] == b"\1\1"
        is_near_speech = any(start - 200 <= at_ms < end + 200 for start, end in speech)
        assert is_sent == is_near_speech, at_ms


@pytest.mark.parametrize(
    ("phrase_span", "span"),
    [((-5000, -9000), (1000, 9000)), ((90_000, 10), (1000, 9000)), ((500, 90_000), (1500, 9000))],
)
def test_an_utterance_stays_in_its_chunk(phrase_span: Span, span: Span) -> None:
    words = [Word(90_000, -9, "Good")]
    start_ms, end_ms = phrase_span
    phrase = Phrase(start_ms=start_ms, end_ms=end_ms, text="Good\n\nday --> to", words=words)
    utterance = place_phrase("mixed", (1000, 9000), phrase, [], Participants())
    assert (utterance.start_ms, utterance.end_ms) == span
    assert (utterance.words[0].start_ms, utterance.words[0].end_ms) == (9000, 9000)
    assert utterance.text == "Good day --> to", "two line ends would close a WebVTT cue"


def test_an_utterance_begins_and_ends_with_speech() -> None:
    words = [Word(0, 900, "Good"), Word(900, 4000, "morning.")]
    phrase = Phrase(start_ms=0, end_ms=4000, text="Good morning.", words=words)
    utterance = place_phrase(
        "mixed", (1000, 9000), phrase, [(1600, 4100), (7000, 8000)], Participants()
    )
    assert (utterance.start_ms, utterance.end_ms) == (1600, 4100)
    assert utterance.words == [Word(1600, 1900, "Good"), Word(1900, 4100, "morning.")]


@pytest.mark.parametrize(("track", "participant"), [("p1", "4:+15551230000"), ("mixed", None)])
def test_an_utterance_has_its_track_s_participant(track: str, participant: str | None) -> None:
    phrase = Phrase(start_ms=0, end_ms=500, text="Yes.", speaker=2)
    participants = Participants(raw_ids={"p1": "4:+15551230000"})
    utterance = place_phrase(track, (0, 1000), phrase, [], participants)
    assert (utterance.track, utterance.participant) == (track, participant)
    assert utterance.speaker == 2
