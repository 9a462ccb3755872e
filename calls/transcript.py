"""The transcript: what was said, when and by whom; as JSON, WebVTT and text. Pure.

All times are milliseconds from the recording's start.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from acs.identifiers import shown
from calls.speech import Span
from contract import names

SCHEMA = 1
PAD_MS = 200
"""Kept around speech, so that no first sound is cut off."""

State = Literal["complete", "pending", "failed", "off"]


class Word(msgspec.Struct, frozen=True):
    """One word and its time."""

    start_ms: int
    end_ms: int
    text: str


class Utterance(msgspec.Struct, frozen=True, kw_only=True):
    """What one participant said in one go.

    ``speaker`` numbers the voices of a mixed track, where the transcriber tells them apart: anew in
    each of its passages (20 minutes with Azure).
    """

    track: str
    participant: str | None
    speaker: int | None = None
    start_ms: int
    end_ms: int
    text: str
    words: list[Word]


class Transcript(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A call's transcript; ``error`` says why it, or a part of it, failed.

    ``layout`` names the recording that it is of. ``claimed_at`` and ``attempts`` are of one that is
    still made, or failed.
    """

    schema: int
    call_connection_id: str
    provider: str
    state: State
    error: str | None
    utterances: list[Utterance]
    layout: str = ""
    claimed_at: datetime | None = None
    attempts: int = 0


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """An utterance as a transcriber heard it: times from the passage's start."""

    start_ms: int
    end_ms: int
    text: str
    words: list[Word] = msgspec.field(default_factory=list)
    speaker: int | None = None


def passages(speech: Sequence[Span], longest_ms: int, pause_ms: int, end_ms: int) -> list[Span]:
    """What to send to a transcriber: speech with 200 ms around it, never cut where one speaks.

    A passage is no longer than ``longest_ms``, unless one stretch of speech alone is: that is cut.
    A pause longer than ``pause_ms`` begins a new one.
    """
    found: list[Span] = []
    for start, end in _no_longer_than(longest_ms - 2 * PAD_MS, speech):
        from_, to = max(0, start - PAD_MS), min(end_ms, end + PAD_MS)
        if found and to - found[-1][0] <= longest_ms and start - found[-1][1] <= pause_ms:
            found[-1] = (found[-1][0], to)
        else:
            found.append((from_, to))
    return found


def _no_longer_than(longest_ms: int, spans: Iterable[Span]) -> Iterable[Span]:
    for start, end in spans:
        for at in range(start, end, longest_ms):
            yield at, min(end, at + longest_ms)


def utterance(track: str, passage: Span, heard: Heard, speech: Sequence[Span]) -> Utterance:
    """An utterance in the call's time; nothing is said outside of ``speech``, nor of its passage.

    Its text is one line: two line ends would close a WebVTT cue.
    """
    start, end = (
        min(max(passage[0] + at, passage[0]), passage[1]) for at in (heard.start_ms, heard.end_ms)
    )
    start, end = _within(speech, *((start, end) if start < end else passage))
    words = []
    for word in heard.words:
        from_, to = passage[0] + word.start_ms, passage[0] + word.end_ms
        from_ = min(max(from_, start), end)
        to = min(max(to, from_), end)
        words.append(Word(from_, to, word.text))
    return Utterance(
        track=track,
        participant=names.participant_raw_id(track),
        speaker=heard.speaker,
        start_ms=start,
        end_ms=end,
        text=" ".join(heard.text.split()),
        words=words,
    )


def _within(speech: Sequence[Span], start: int, end: int) -> Span:
    """The part of a span from the first to the last speech in it; all of it where none is."""
    spoken = [span for span in speech if span[0] < end and span[1] > start]
    if not spoken:
        return start, end
    return max(start, spoken[0][0]), min(end, spoken[-1][1])


def in_order(utterances: Iterable[Utterance]) -> list[Utterance]:
    """By time."""
    return sorted(utterances, key=lambda said: (said.start_ms, said.end_ms, said.track))


def to_vtt(transcript: Transcript) -> str:
    """WebVTT (W3C): a cue each utterance, its voice the participant."""
    cues = ["WEBVTT"]
    for said in transcript.utterances:
        voice = who(said)
        text = _escaped(said.text)
        cue = f"<v {_escaped(voice)}>{text}</v>" if voice else text
        cues.append(f"{_clock(said.start_ms)} --> {_clock(said.end_ms)}\n{cue}")
    return "\n\n".join(cues) + "\n"


def to_text(transcript: Transcript) -> str:
    """A line each utterance."""
    lines = []
    for said in transcript.utterances:
        voice = who(said)
        lines.append(f"[{_clock(said.start_ms)}] {voice + ': ' if voice else ''}{said.text}\n")
    return "".join(lines)


def who(said: Utterance) -> str:
    """The participant as people write them: a phone number without its ``4:``."""
    if said.participant is not None:
        return shown(said.participant)
    return f"speaker {said.speaker}" if said.speaker is not None else ""


def _clock(milliseconds: int) -> str:
    seconds, thousandths = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{thousandths:03}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
