"""The word error rate: how far a transcript is from what was said. Pure."""

from __future__ import annotations

import re

_WORD = re.compile(r"[\w']+")


def word_error_rate(said: str, heard: str) -> float:
    """Words to change, add or leave out in ``heard``, as a share of those ``said`` (not empty).

    Case and punctuation do not count.
    """
    wanted, found = _words(said), _words(heard)
    distances = list(range(len(found) + 1))
    for row, word in enumerate(wanted, 1):
        diagonal, distances[0] = distances[0], row
        for column, other in enumerate(found, 1):
            changed = diagonal + (word != other)
            diagonal = distances[column]
            distances[column] = min(changed, diagonal + 1, distances[column - 1] + 1)
    return distances[-1] / len(wanted)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())
