"""The transcript's model: what was said, when and by whom. Pure data.

All times are milliseconds from the recording's start.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import msgspec

SCHEMA = 1

State = Literal["complete", "pending", "failed", "off"]


class Word(msgspec.Struct, frozen=True):
    """One word and its time."""

    start_ms: int
    end_ms: int
    text: str


class Utterance(msgspec.Struct, frozen=True, kw_only=True):
    """What one participant said without a long pause.

    ``participant`` is their raw id, ``name`` their display name, where that is known. ``speaker``
    numbers the voices of a mixed track, where the engine tells them apart. The numbers
    start again in each chunk (20 minutes with Azure). ``locale`` is the language that the engine
    was told or detected.
    """

    track: str
    participant: str | None
    name: str | None = None
    speaker: int | None = None
    locale: str | None = None
    start_ms: int
    end_ms: int
    text: str
    words: list[Word]


class Transcript(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A call's transcript; ``error`` says why it, or a part of it, failed.

    ``diarized`` says whether the voices of a mixed track were told apart; it is left out where each
    participant has a track. ``layout_digest`` identifies the recording that it belongs to.
    ``claimed_at`` and ``claimed_by`` are set while a run makes it.
    """

    schema: int
    call_connection_id: str
    provider: str
    state: State
    error: str | None
    utterances: list[Utterance]
    diarized: bool | None = None
    layout_digest: str = ""
    claimed_at: datetime | None = None
    claimed_by: str = ""


def sort_utterances(utterances: Iterable[Utterance]) -> list[Utterance]:
    """Sort utterances by their time."""
    return sorted(
        utterances, key=lambda utterance: (utterance.start_ms, utterance.end_ms, utterance.track)
    )
