"""Words are compared without case and accents, and scripts without spaces by character."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.search.words import BREAK, join_utterances, split_words


def words(text: str) -> list[str]:
    return [word.text for word in split_words(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The INVOICE, please.", ["the", "invoice", "please"]),
        ("a_b", ["a", "b"]),
        ("Grüße aus der Straße", ["grusse", "aus", "der", "strasse"]),
        ("STRASSE", ["strasse"]),
        ("l'œuvre du cœur, déjà", ["l", "oeuvre", "du", "coeur", "deja"]),
        ("Łódź Øresund", ["lodz", "oresund"]),
        ("請求書をください。", list("請求書をください")),
        ("がか", ["が", "か"]),
        ("ｶﾞ１２", ["ガ", "12"]),
        ("ไทย", ["ไ", "ท", "ย"]),
        ("한국어 전화", ["한국어", "전화"]),
        ("½ kg", ["1", "2", "kg"]),
        ("3.5 Mio. €", ["3", "5", "mio"]),
        ("привет МИР", ["привет", "мир"]),
        ("¶ ☎ …", []),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected
    assert words(unicodedata.normalize("NFD", text)) == expected, "however it is composed"
    assert join_utterances([text]).split() == expected


def test_a_word_is_where_it_is_in_the_text() -> None:
    text = "Über die RECHNUNG: 請求書, ½."
    assert [text[start:end] for start, end, _ in split_words(text)] == [
        "Über",
        "die",
        "RECHNUNG",
        "請",
        "求",
        "書",
        "½",
        "½",
    ]


def test_utterances_are_kept_apart() -> None:
    assert join_utterances(["Good morning.", "Déjà vu?"]) == f"good morning {BREAK} deja vu"
    assert words(BREAK) == []


@pytest.mark.parametrize(
    ("text", "parts"),
    [("\u212c", ["b"]), ("a〸", ["a", "十"]), ("ໜ", ["ຫ", "ນ"]), ("\u03d2", ["\u03c5"])],
)
def test_letters_that_only_unicode_takes_apart(text: str, parts: list[str]) -> None:
    assert words(text) == parts


@given(st.text(max_size=30))
def test_words_are_words_again(text: str) -> None:
    """What the engines store is split as it was, and the parts are in order."""
    split = split_words(text)
    joined = " ".join(word.text for word in split)
    assert words(joined) == joined.split()
    assert join_utterances([text]).split() == joined.split()
    assert all(0 <= word.start < word.end <= len(text) for word in split)
    assert [word.start for word in split] == sorted(word.start for word in split)
