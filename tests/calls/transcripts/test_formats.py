"""The transcript's forms and passages."""

from __future__ import annotations

import pytest
from calls.transcript import Phrase, Transcript, Utterance, Word, passages, utterance
from hypothesis import given
from hypothesis import strategies as st

from calls import transcript
from calls.results.voice_activity import Span


def made(*utterances: Utterance) -> Transcript:
    return Transcript(
        schema=1,
        call_connection_id="call",
        provider="local",
        state="complete",
        error=None,
        utterances=list(utterances),
    )


SAID = (
    utterance("4~3A~2B1", (0, 5000), Phrase(start_ms=10, end_ms=900, text="Fish & <chips>?"), []),
    utterance(
        "mixed", (3_600_000, 3_601_000), Phrase(start_ms=0, end_ms=5, text="Yes.", speaker=2), []
    ),
    utterance("mixed", (3_700_000, 3_701_000), Phrase(start_ms=0, end_ms=5, text="No."), []),
)


def test_webvtt() -> None:
    assert transcript.to_vtt(made(*SAID)) == (
        "WEBVTT\n\n"
        "00:00:00.010 --> 00:00:00.900\n<v +1>Fish &amp; &lt;chips&gt;?</v>\n\n"
        "01:00:00.000 --> 01:00:00.005\n<v speaker 2>Yes.</v>\n\n"
        "01:01:40.000 --> 01:01:40.005\nNo.\n"
    )
    assert transcript.to_vtt(made()) == "WEBVTT\n"


def test_text() -> None:
    assert transcript.to_text(made(*SAID)).splitlines() == [
        "[00:00:00.010] +1: Fish & <chips>?",
        "[01:00:00.000] speaker 2: Yes.",
        "[01:01:40.000] No.",
    ]


def test_passages_pack_speech_and_are_cut_in_its_pauses() -> None:
    speech = [(1000, 5000), (6000, 20_000), (21_000, 29_000), (60_000, 61_000)]
    assert passages(speech, 30_000, 10_000, 61_100) == [(800, 29_200), (59_800, 61_100)]
    assert passages(speech, 25_000, 10_000, 61_100) == [
        (800, 20_200),
        (20_800, 29_200),
        (59_800, 61_100),
    ]
    assert passages([], 30_000, 10_000, 1000) == []


spoken = st.lists(st.integers(1, 90_000), unique=True, max_size=40).map(
    lambda edges: list(zip(*[iter(sorted(edges))] * 2, strict=False))
)


@given(spoken, st.integers(2000, 40_000), st.integers(600, 20_000))
def test_passages_hold_all_speech_and_keep_their_bounds(
    speech: list[Span], longest: int, pause: int
) -> None:
    found = passages(speech, longest, pause, 90_000)
    assert all(0 <= start < end <= 90_000 and end - start <= longest for start, end in found)
    for start, end in speech:
        covered = sum(max(0, min(end, b) - max(start, a)) for a, b in found)
        assert covered >= end - start


@pytest.mark.parametrize(
    ("heard", "span"),
    [((-5000, -9000), (1000, 9000)), ((90_000, 10), (1000, 9000)), ((500, 90_000), (1500, 9000))],
)
def test_an_utterance_stays_in_its_passage(heard: Span, span: Span) -> None:
    words = [Word(90_000, -9, "Good")]
    nonsense = Phrase(start_ms=heard[0], end_ms=heard[1], text="Good\n\nday --> to", words=words)
    said = utterance("mixed", (1000, 9000), nonsense, [])
    assert (said.start_ms, said.end_ms) == span
    assert (said.words[0].start_ms, said.words[0].end_ms) == (9000, 9000)
    assert transcript.to_vtt(made(said)).splitlines()[3:] == ["Good day --&gt; to"]


def test_an_utterance_begins_and_ends_with_speech() -> None:
    words = [Word(0, 900, "Good"), Word(900, 4000, "morning.")]
    heard = Phrase(start_ms=0, end_ms=4000, text="Good morning.", words=words)
    said = utterance("mixed", (1000, 9000), heard, [(1600, 4100), (7000, 8000)])
    assert (said.start_ms, said.end_ms) == (1600, 4100)
    assert said.words == [Word(1600, 1900, "Good"), Word(1900, 4100, "morning.")]
