"""The word error rate of a transcript. Pure."""

from __future__ import annotations

import re

_WORD = re.compile(r"[\w']+")


def word_error_rate(reference: str, transcript: str) -> float:
    """Return the words to substitute, insert or delete, as a share of the reference's words.

    Case and punctuation are ignored; ``reference`` must have a word.
    """
    expected, actual = _words(reference), _words(transcript)
    distances = list(range(len(actual) + 1))
    for row, word in enumerate(expected, 1):
        diagonal, distances[0] = distances[0], row
        for column, other in enumerate(actual, 1):
            substitution = diagonal + (word != other)
            diagonal = distances[column]
            distances[column] = min(substitution, diagonal + 1, distances[column - 1] + 1)
    return distances[-1] / len(expected)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())
