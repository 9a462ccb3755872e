"""A labelled dialogue of two voices, one track each, built from recordings of one reader each.

It has turns with pauses and with a short overlap, a word of assent, two who begin at once, hold
music on one track, and one interruption.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from benchmarks.accuracy import sounds
from benchmarks.accuracy.sounds import RATE
from calls.results.voice_activity import Span

READER, GUEST = "reader", "guest"
LENGTH_MS = 66_000
FADE_MS = 20


class Line(NamedTuple):
    """What one says: from which recording, which part of it, and when in the dialogue."""

    track: str
    recording: str
    part: int | None
    """The index of a stretch of speech in the recording; None for all."""
    start_ms: int
    longest_ms: int = 60_000


SCRIPT = [
    Line(READER, "austen_0870", None, 1_000),
    Line(GUEST, "jfk", 0, 9_000),
    Line(READER, "austen_0880", None, 12_000),
    # The guest interrupts: the reader has spoken for two seconds, and goes on for three.
    Line(READER, "austen_0890", None, 17_000),
    Line(GUEST, "jfk", 2, 19_200),
    # A word of assent of 350 ms interrupts nobody.
    Line(READER, "austen_0920", None, 25_000),
    Line(GUEST, "jfk", 1, 28_000, 350),
    # The next turn begins when this one is about to end.
    Line(GUEST, "jfk", 2, 33_500),
    Line(READER, "austen_0930", None, 35_500),
    # Two who begin at once.
    Line(READER, "austen_0880", None, 41_000),
    Line(GUEST, "jfk", 0, 41_150),
    # The guest speaks while the reader's track has hold music (below).
    Line(GUEST, "jfk", 2, 52_000),
    Line(READER, "austen_0930", None, 61_000),
]
HOLD_MUSIC_MS = (47_000, 59_000)


class Dialogue(NamedTuple):
    """The samples of each track, and the labels of their speech."""

    samples: dict[str, np.ndarray]
    labels: dict[str, list[Span]]


def make_dialogue(recordings: dict[str, np.ndarray], labels: dict[str, list[Span]]) -> Dialogue:
    """Make the dialogue from clean recordings at the same level, and the labels of their speech."""
    samples = {track: np.zeros(LENGTH_MS * RATE // 1000) for track in (READER, GUEST)}
    spans: dict[str, list[Span]] = {READER: [], GUEST: []}
    for line in SCRIPT:
        spoken = labels[line.recording]
        first, last = (spoken[0], spoken[-1]) if line.part is None else (spoken[line.part],) * 2
        start, end = first[0], min(last[1], first[0] + line.longest_ms)
        _add(samples[line.track], recordings[line.recording], start, end, line.start_ms)
        within = spoken if line.part is None else [(start, end)]
        offset = line.start_ms - start
        spans[line.track] += [(from_ms + offset, to_ms + offset) for from_ms, to_ms in within]
    start, end = (at * RATE // 1000 for at in HOLD_MUSIC_MS)
    music = sounds.music(end - start, ("pad", "piano", "lead"), 96, drums=True)
    samples[READER][start:end] += sounds.set_level(music, -25)
    return Dialogue(samples, spans)


def _add(track: np.ndarray, recording: np.ndarray, start: int, end: int, at: int) -> None:
    """Add a part of a recording, faded in and out; all in milliseconds."""
    part = recording[start * RATE // 1000 : end * RATE // 1000].copy()
    fade = np.linspace(0, 1, FADE_MS * RATE // 1000)
    part[: len(fade)] *= fade
    part[-len(fade) :] *= fade[::-1]
    first = at * RATE // 1000
    track[first : first + len(part)] += part
