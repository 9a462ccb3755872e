"""Cutting a track into chunks for an engine, and placing its phrases on the timeline. Pure.

Times are in milliseconds: of chunks and speech from the recording's start, of phrases from their
chunk's start.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from acs.identifiers import one_line
from calls.results.participants import Participants
from calls.results.voice_activity import Span
from calls.transcripts.engine import Phrase
from calls.transcripts.model import Utterance, Word

PADDING_MS = 200
"""Added on both sides of speech, so that no sound is cut off."""


def plan_chunks(
    speech: Sequence[Span], max_chunk_ms: int, max_pause_ms: int, end_ms: int
) -> list[Span]:
    """Plan what to send to an engine: speech with 200 ms around it, never cut within speech.

    Args:
        speech: A track's speech, in order.
        max_chunk_ms: The longest chunk. Only a single stretch of speech that is longer is cut.
        max_pause_ms: A longer pause begins a new chunk.
        end_ms: The recording's end.
    """
    chunks: list[Span] = []
    for start, end in _split_long(speech, max_chunk_ms - 2 * PADDING_MS):
        padded_start, padded_end = max(0, start - PADDING_MS), min(end_ms, end + PADDING_MS)
        if (
            chunks
            and padded_end - chunks[-1][0] <= max_chunk_ms
            and start - chunks[-1][1] <= max_pause_ms
        ):
            chunks[-1] = (chunks[-1][0], padded_end)
        else:
            chunks.append((padded_start, padded_end))
    return chunks


def _split_long(spans: Iterable[Span], max_ms: int) -> Iterable[Span]:
    for start, end in spans:
        for part_start in range(start, end, max_ms):
            yield part_start, min(end, part_start + max_ms)


def silence_pauses(pcm: bytes, sample_rate: int, chunk: Span, speech: Iterable[Span]) -> bytes:
    """Replace what is farther than 200 ms from speech by digital silence: it is not sent.

    Args:
        pcm: The chunk's samples, mono s16le.
        sample_rate: Their rate, in Hz.
        chunk: Where the chunk is.
        speech: The track's speech.
    """
    silenced = bytearray(len(pcm))
    for start, end in speech:
        first, last = (
            2 * (max(0, at_ms - chunk[0]) * sample_rate // 1000)
            for at_ms in (start - PADDING_MS, end + PADDING_MS)
        )
        silenced[first:last] = pcm[first:last]
    return bytes(silenced)


def place_phrase(
    track: str,
    chunk: Span,
    phrase: Phrase,
    speech: Sequence[Span],
    participants: Participants,
) -> Utterance:
    """Place a phrase on the timeline, within its chunk and within ``speech``.

    The text becomes one line: a blank line would end a WebVTT cue.
    """
    start, end = (
        min(max(chunk[0] + offset, chunk[0]), chunk[1])
        for offset in (phrase.start_ms, phrase.end_ms)
    )
    start, end = _clip_to_speech(speech, *((start, end) if start < end else chunk))
    words = []
    for word in phrase.words:
        word_start = min(max(chunk[0] + word.start_ms, start), end)
        word_end = min(max(chunk[0] + word.end_ms, word_start), end)
        words.append(Word(word_start, word_end, word.text))
    return Utterance(
        track=track,
        participant=participants.raw_id(track),
        name=participants.name(track),
        speaker=phrase.speaker,
        locale=phrase.locale,
        start_ms=start,
        end_ms=end,
        text=one_line(phrase.text),
        words=words,
    )


def _clip_to_speech(speech: Sequence[Span], start: int, end: int) -> Span:
    """Return a span from the first to the last speech in it; unchanged if it has none."""
    within = [span for span in speech if span[0] < end and span[1] > start]
    if not within:
        return start, end
    return max(start, within[0][0]), min(end, within[-1][1])
