"""What people type finds what they mean, and never is an error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.search.query import (
    MAX_CHARACTERS,
    MAX_PREFIXES,
    MAX_TERMS,
    InvalidQuery,
    Term,
    find_term,
    parse_query,
)
from calls.search.words import split_words


def word(text: str) -> Term:
    return Term((text,), is_prefix=False)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("invoice", [word("invoice")]),
        ("  Invoice   REFUND ", [word("invoice"), word("refund")]),
        ("refund refund", [word("refund")]),
        ('"credit card" now', [Term(("credit", "card"), is_prefix=False), word("now")]),
        ("„offene Rechnung“", [Term(("offene", "rechnung"), is_prefix=False)]),
        ("«le café»", [Term(("le", "cafe"), is_prefix=False)]),
        ("inv*", [Term(("inv",), is_prefix=True)]),
        ('"credit ca*"', [Term(("credit", "ca"), is_prefix=True)]),
        ("e-mail", [Term(("e", "mail"), is_prefix=False)]),
        ("請求書", [Term(("請", "求", "書"), is_prefix=False)]),
        ("AND OR NOT", [word("and"), word("or"), word("not")]),
        ("NEAR(a b)", [Term(("near", "a"), is_prefix=False), word("b")]),
        ('"unbalanced', [word("unbalanced")]),
        ("col:value -minus ^up", [Term(("col", "value"), False), word("minus"), word("up")]),
        ("'; DROP TABLE calls --", [word("drop"), word("table"), word("calls")]),
        ('"" * ! () "***"', []),
        ("", []),
    ],
)
def test_terms(text: str, terms: list[Term]) -> None:
    assert parse_query(text) == terms


def test_a_query_that_is_too_long_is_refused() -> None:
    parse_query("a" * MAX_CHARACTERS)
    parse_query(" ".join(f"w{n}" for n in range(MAX_TERMS)))
    with pytest.raises(InvalidQuery, match="200 characters"):
        parse_query("a" * (MAX_CHARACTERS + 1))
    with pytest.raises(InvalidQuery, match="16 words"):
        parse_query(" ".join(f"w{n}" for n in range(MAX_TERMS + 1)))


def test_a_query_with_too_many_prefixes_is_refused() -> None:
    letters = "abcdefghijklmnop"
    few, many = letters[:MAX_PREFIXES], letters[: MAX_PREFIXES + 1]
    parse_query(" ".join(f"{letter}*" for letter in few) + " " + " ".join(letters[:12]))
    for query in (
        " ".join(f"{letter}*" for letter in many),
        " ".join(f'"see {letter}*"' for letter in many),
    ):
        with pytest.raises(InvalidQuery, match="4 words or phrases with a star"):
            parse_query(query)


@pytest.mark.parametrize(
    ("query", "text", "parts"),
    [
        ("rechnung", "Die Rechnung. Eine RECHNUNG!", ["Rechnung", "RECHNUNG"]),
        ('"der rechnung"', "Der Rechnung, der  Rechnung", ["Der Rechnung", "der  Rechnung"]),
        ("cafe", "Au café", ["café"]),
        ("café", "The cafe", ["cafe"]),
        ("rech*", "Rechnung und Recht", ["Rechnung", "Recht"]),
        ("rech", "Rechnung", []),
        ("請求書", "昨日の請求書です", ["請求書"]),
        ("書請", "請求書", []),
        ("書*", "請求書です", ["書"]),
        ("l'eau", "De l\u2019eau", ["l\u2019eau"]),
    ],
)
def test_a_term_in_a_text(query: str, text: str, parts: list[str]) -> None:
    (term,) = parse_query(query)
    assert [text[start:end] for start, end in find_term(term, split_words(text))] == parts


@given(st.text(max_size=40))
def test_no_query_is_an_error_but_for_its_size(text: str) -> None:
    try:
        terms = parse_query(text)
    except InvalidQuery:
        return
    for term in terms:
        for character in "".join(term.words):
            assert character.isalnum() or not character.isascii(), "the syntax of an engine"
        assert find_term(term, split_words(" ".join(term.words)))
