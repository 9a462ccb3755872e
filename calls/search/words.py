"""Text as words: without case and accents, the same for what is said and what is searched. Pure.

Japanese, Chinese, Thai and their neighbours have no spaces between words, so each character is a
word: a search for 請求書 is one for three words in a row, and finds them in any sentence.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

BREAK = "¶"
"""Stands between utterances: no query has it, so no phrase goes from one into the next."""

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003347f"
)
"""Scripts without spaces: Thai, Lao, Burmese, Khmer, Kana, Han."""

_VOICED = "\u3099\u309a\uff9e\uff9f"
"""Marks that make another Kana: か and が are different letters, not one with an accent."""

_WORD = re.compile(f"[{_UNSPACED}][{_VOICED}]?|(?:[^\\W_{_UNSPACED}][\u0300-\u036f]*)+")
_ASCII_WORD = re.compile("[a-z0-9]+")
_LETTERS = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d", "\u0131": "i"})
"""Letters that Unicode does not decompose."""

_WORD_CATEGORIES = "LMN"
"""Letters, marks and numbers; the scripts without spaces have signs of their own between them."""


class Word(NamedTuple):
    """A word, and where it is in the text: from ``start`` to before ``end``, in characters."""

    start: int
    end: int
    text: str


def split_words(text: str) -> list[Word]:
    """Return the words of a text, in order. A character such as ½ may be several words."""
    if text.isascii():
        return [Word(*match.span(), match[0]) for match in _ASCII_WORD.finditer(text.lower())]
    return [Word(*match.span(), word) for match in _WORD.finditer(text) for word in _fold(match[0])]


def join_utterances(texts: Iterable[str]) -> str:
    """Return the words of utterances as the engines store them: with spaces between them."""
    return f" {BREAK} ".join(" ".join(_plain_words(text)) for text in texts)


def _plain_words(text: str) -> list[str]:
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    return [word for part in _WORD.findall(text) for word in _fold(part)]


@lru_cache(maxsize=65_536)
def _fold(part: str) -> tuple[str, ...]:
    """Return a word without case and accents; none or several words for a few characters."""
    # Letters such as U+212C (a script capital B) become capitals only as they are decomposed.
    folded = unicodedata.normalize("NFKD", part.casefold()).casefold()
    decomposed = unicodedata.normalize("NFKD", folded)
    plain = "".join(
        character
        for character in decomposed
        if character in _VOICED or not unicodedata.combining(character)
    )
    word = unicodedata.normalize("NFC", plain).translate(_LETTERS)
    parts = _WORD.findall(word)
    return tuple(part for part in parts if unicodedata.category(part[0])[0] in _WORD_CATEGORIES)
