"""A search: words in any order, "phrases" and prefix*. Anything else separates words. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from calls.search.words import Word, split_words

MAX_CHARACTERS = 200
MAX_TERMS = 16
MAX_PREFIXES = 4
"""Each prefix of one letter takes 40 ms at 100,000 calls: all words that begin with it are read."""

_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»「」『』", '"'))
_CHUNK = re.compile(r'"([^"]*)"|([^\s"]+)')


class Term(NamedTuple):
    """Words in a row; with ``is_prefix``, the last one may go on."""

    words: tuple[str, ...]
    is_prefix: bool


class InvalidQuery(ValueError):
    """Raised for a query that is too long, or too wide. Its text says what it must be."""


def parse_query(text: str) -> list[Term]:
    """Return the terms of a search: each of them must be in a call. None if it has no word.

    A word with a hyphen, an apostrophe or a dot in it is a phrase: *e-mail*, *l'eau*, *3.5*.

    Raises InvalidQuery.
    """
    if len(text) > MAX_CHARACTERS:
        raise InvalidQuery(f"must have up to {MAX_CHARACTERS} characters")
    terms: list[Term] = []
    for match in _CHUNK.finditer(text.translate(_QUOTES)):
        chunk = match[1] if match[1] is not None else match[2]
        words = tuple(word.text for word in split_words(chunk))
        term = Term(words, chunk.endswith("*"))
        if words and term not in terms:
            terms.append(term)
    if len(terms) > MAX_TERMS:
        raise InvalidQuery(f"must have up to {MAX_TERMS} words or phrases")
    if sum(term.is_prefix for term in terms) > MAX_PREFIXES:
        raise InvalidQuery(f"must have up to {MAX_PREFIXES} words or phrases with a star")
    return terms


def find_term(term: Term, words: Sequence[Word]) -> list[tuple[int, int]]:
    """Return where a term is in a text, in characters: from the first to behind the last of each.

    Args:
        term: The term.
        words: The text's words, in order.
    """
    *firsts, last = term.words
    spans = []
    for index in range(len(words) - len(firsts)):
        final = words[index + len(firsts)]
        is_last = final.text.startswith(last) if term.is_prefix else final.text == last
        if is_last and all(words[index + n].text == first for n, first in enumerate(firsts)):
            spans.append((words[index].start, final.end))
    return spans
