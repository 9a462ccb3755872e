"""The transcript's model: the order of utterances, and the JSON of a transcript."""

from __future__ import annotations

import itertools

import msgspec

from calls.transcripts.model import SCHEMA, Transcript, Utterance, sort_utterances


def utterance(start_ms: int, end_ms: int, track: str = "mixed") -> Utterance:
    return Utterance(
        track=track, participant=None, start_ms=start_ms, end_ms=end_ms, text="", words=[]
    )


def test_utterances_are_sorted_by_start_then_end_then_track() -> None:
    expected = [
        utterance(0, 900, "b"),
        utterance(100, 200, "b"),
        utterance(100, 300, "a"),
        utterance(100, 300, "b"),
    ]
    for permutation in itertools.permutations(expected):
        assert sort_utterances(permutation) == expected


def test_any_iterable_is_sorted_into_a_list() -> None:
    assert sort_utterances(iter(())) == []
    given = [utterance(2, 3), utterance(0, 1)]
    assert sort_utterances(given) == given[::-1]
    assert given[0].start_ms == 2, "the utterances given keep their order"


def test_a_complete_transcript_omits_the_state_of_its_making() -> None:
    transcript = Transcript(
        schema=SCHEMA,
        call_connection_id="call",
        provider="whisper",
        state="complete",
        error=None,
        utterances=[],
    )
    document = msgspec.to_builtins(transcript)
    assert not document.keys() & {"layout_digest", "claimed_at", "claimed_by"}
    assert document["error"] is None
    assert msgspec.json.decode(msgspec.json.encode(transcript), type=Transcript) == transcript
