"""The utterances that are shown for a search, and what is highlighted in them."""

from __future__ import annotations

from calls.search.matches import (
    MAX_MATCHES,
    MAX_TEXT_CHARACTERS,
    Match,
    Utterance,
    find_matches,
)
from calls.search.query import parse_query


def say(*texts: str) -> list[Utterance]:
    return [Utterance("p1", n * 1000, n * 1000 + 900, text) for n, text in enumerate(texts)]


def find(query: str, *texts: str) -> list[Match]:
    return find_matches(parse_query(query), say(*texts))


def highlights(match: Match) -> list[str]:
    return [match.text[start:end] for start, end in match.ranges]


def test_a_match_says_who_said_it_and_when() -> None:
    utterance = Utterance("p2", 1200, 3400, "Die Rechnung.", "4:+15550000001", "Zoë", None)
    (match,) = find_matches(parse_query("rechnung"), [utterance])
    assert match == Match(
        start_ms=1200,
        end_ms=3400,
        track="p2",
        participant="4:+15550000001",
        name="Zoë",
        speaker=None,
        text="Die Rechnung.",
        ranges=[[4, 12]],
    )


def test_each_term_must_be_somewhere_in_the_call() -> None:
    matches = find("refund invoice", "The invoice.", "Nothing.", "A refund, a refund.")
    assert [highlights(match) for match in matches] == [["invoice"], ["refund", "refund"]]
    assert find("refund elephant", "A refund.") == []
    assert find("refund") == []


def test_a_phrase_does_not_go_from_one_utterance_into_the_next() -> None:
    assert find('"good morning"', "Good", "morning") == []
    assert find("good morning", "Good", "morning") != []


def test_the_first_utterance_of_each_term_is_among_the_few_that_are_shown() -> None:
    texts = ["a b"] * 5 + ["c"] + ["a"] * 5
    matches = find("a c", *texts)
    assert len(matches) == MAX_MATCHES
    assert [match.start_ms for match in matches] == [0, 1000, 5000]


def test_what_overlaps_is_highlighted_once() -> None:
    (match,) = find('"credit card" card*', "My credit cards, my credit card.")
    assert highlights(match) == ["cards", "credit card"]


def test_a_long_utterance_is_cut_around_its_first_match() -> None:
    text = "word " * 200 + "invoice " + "word " * 200
    (match,) = find("invoice", text)
    assert len(match.text) <= MAX_TEXT_CHARACTERS + 2
    assert match.text[0] == match.text[-1] == "…"
    assert match.text[1:5] == "word", "not in the middle of a word"
    assert highlights(match) == ["invoice"]
    (match,) = find("word", text)
    assert match.text.startswith("word")
    assert set(highlights(match)) <= {"word"}
    (match,) = find("請求書", "あ" * 500 + "請求書")
    assert match.text.endswith("請求書")
    assert highlights(match) == ["請求書"]
