"""What of a transcript matches a search: the utterances to show, and what to highlight. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from calls.search.query import Term, find_term
from calls.search.words import split_words

MAX_MATCHES = 3
MAX_TEXT_CHARACTERS = 300
_BEFORE = 60
"""So many characters of a long utterance are shown before its first match."""

_ELLIPSIS = "…"


class Utterance(msgspec.Struct, frozen=True):
    """What a search must know of an utterance; see ``calls.transcripts.model``."""

    track: str
    start_ms: int
    end_ms: int
    text: str
    participant: str | None = None
    name: str | None = None
    speaker: int | None = None


class Match(msgspec.Struct, kw_only=True, frozen=True):
    """An utterance of the transcript that matches a search. Times are from the recording's start.

    ``speaker`` is as in the transcript: the number of a voice of a mixed track.
    """

    start_ms: int
    end_ms: int
    track: str
    participant: Annotated[str | None, Meta(description="the raw id of who has said it")]
    name: str | None
    speaker: int | None
    text: Annotated[str, Meta(description="of a long utterance the part around the first match")]
    ranges: Annotated[
        list[list[int]],
        Meta(
            description="what to highlight: from which to before which character (Unicode code "
            "point) of `text`",
            examples=[[[4, 12]]],
        ),
    ]


def find_matches(terms: Sequence[Term], utterances: Sequence[Utterance]) -> list[Match]:
    """Return up to ``MAX_MATCHES`` utterances, in order, in which all terms are if possible.

    Returns:
        The matches; none if a term is nowhere in the transcript.
    """
    spans: dict[int, list[tuple[int, int]]] = {}
    first_of_term: list[int] = []
    words = [split_words(utterance.text) for utterance in utterances]
    for term in terms:
        found = {n: here for n, of_text in enumerate(words) if (here := find_term(term, of_text))}
        if not found:
            return []
        first_of_term.append(min(found))
        for number, here in found.items():
            spans.setdefault(number, []).extend(here)
    # The first utterance of each term comes first, then what else there is.
    chosen = list(dict.fromkeys([*first_of_term, *sorted(spans)]))[:MAX_MATCHES]
    return [_match(utterances[number], _join(spans[number])) for number in sorted(chosen)]


def _join(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans in order, those that overlap as one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _match(utterance: Utterance, spans: list[tuple[int, int]]) -> Match:
    text, ranges = _shorten(utterance.text, spans)
    return Match(
        start_ms=utterance.start_ms,
        end_ms=utterance.end_ms,
        track=utterance.track,
        participant=utterance.participant,
        name=utterance.name,
        speaker=utterance.speaker,
        text=text,
        ranges=[list(span) for span in ranges],
    )


def _shorten(text: str, spans: list[tuple[int, int]]) -> tuple[str, list[tuple[int, int]]]:
    """Return the part of a text around its first match, and the spans in it."""
    if len(text) <= MAX_TEXT_CHARACTERS:
        return text, spans
    start = max(0, min(spans[0][0] - _BEFORE, len(text) - MAX_TEXT_CHARACTERS))
    if start:
        # Not in the middle of a word, where there are spaces.
        space = text.find(" ", start, spans[0][0])
        start = space + 1 if space >= 0 else start
    end = min(len(text), start + MAX_TEXT_CHARACTERS)
    before, after = _ELLIPSIS if start else "", _ELLIPSIS if end < len(text) else ""
    shift = len(before) - start
    ranges = [(first + shift, min(last, end) + shift) for first, last in spans if first < end]
    return f"{before}{text[start:end]}{after}", ranges
