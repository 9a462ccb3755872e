"""The call's timeline: who spoke when, overlaps, silence, interruptions. Pure.

All times are milliseconds from the recording's start.
"""

from __future__ import annotations

import bisect
import itertools
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from calls import speech
from calls.analysis import PEAK_WINDOW_MS, Analysis, SpeechSpan
from calls.layout import Layout, Placement
from calls.speech import Span
from contract import names

SCHEMA = 1
NOT_ANALYSED = "not analysed"
_AT_ODDS_MS = 500
"""An interruption cuts in on one who has spoken this long, and both then speak this long."""


class Faulty(msgspec.Struct, frozen=True, kw_only=True):
    """A segment in which audio was lost on the way: silence of ``filled_ms`` stands for it."""

    start_ms: int
    end_ms: int
    gaps: int
    filled_ms: float


class MissingSegment(msgspec.Struct, frozen=True, kw_only=True):
    """A segment that the recording or the timeline had to do without, and why."""

    track: str
    participant: str | None
    start: datetime
    start_ms: int
    end_ms: int
    blob: str
    reason: str


class Waveform(msgspec.Struct, frozen=True, kw_only=True):
    """The highest sample of each window, as a share of full scale."""

    window_ms: int = PEAK_WINDOW_MS
    peaks: list[float]


class Track(msgspec.Struct, frozen=True, kw_only=True):
    """One participant; its place in the list is its channel in the recording.

    ``talk_share`` is its share of all speech. ``gaps`` lie between its first and its last audio.
    """

    track: str
    participant: str | None
    speech_ms: int
    talk_share: float
    speech: list[SpeechSpan]
    gaps: list[SpeechSpan]
    faults: list[Faulty]
    waveform: Waveform


class Interruption(msgspec.Struct, frozen=True, kw_only=True):
    """One participant cut in on another, who went on for a while."""

    at_ms: int
    by: str
    of: str


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """A call's timeline; ``partial`` while a stream's manifest is missing."""

    schema: int = SCHEMA
    call_connection_id: str
    started_at: datetime
    duration_ms: int
    partial: bool
    tracks: list[Track]
    overlaps: list[SpeechSpan]
    longest_silence: SpeechSpan | None
    interruptions: list[Interruption]
    missing_segments: list[MissingSegment]


def build(
    call: str, layout: Layout, analyses: Mapping[str, Analysis], *, partial: bool
) -> Timeline:
    """The timeline; ``analyses`` are found by the names of their blobs, and may be missing."""
    placed: dict[str, list[Placement]] = {track: [] for track in layout.tracks}
    for placement in sorted(layout.placements, key=lambda placement: placement.position):
        placed[placement.track].append(placement)
    spoken = {track: _speech(layout, placed[track], analyses) for track in layout.tracks}
    streamed = {track: _covered(layout, placed[track]) for track in layout.tracks}
    covered = {
        track: _covered(layout, [placement for placement in placed[track] if not placement.fault])
        for track in layout.tracks
    }
    lengths = {track: _length(spans) for track, spans in spoken.items()}
    all_speech = sum(lengths.values())
    return Timeline(
        call_connection_id=call,
        started_at=layout.started_at,
        duration_ms=layout.duration_ms,
        partial=partial,
        tracks=[
            Track(
                track=track,
                participant=names.participant_raw_id(track),
                speech_ms=lengths[track],
                talk_share=round(lengths[track] / all_speech, 4) if all_speech else 0.0,
                speech=_shown(spoken[track]),
                gaps=_shown(_between(streamed[track])),
                faults=_faults(layout, placed[track]),
                waveform=_waveform(layout, placed[track], analyses),
            )
            for track in layout.tracks
        ],
        overlaps=_shown(overlaps(list(spoken.values()))),
        longest_silence=_longest_silence(spoken.values(), covered.values()),
        interruptions=interruptions(spoken),
        missing_segments=_missing(layout, analyses),
    )


def overlaps(tracks: Sequence[Sequence[Span]]) -> list[Span]:
    """Where two or more speak at once; each track's spans are in order and apart."""
    edges = sorted(
        edge for spans in tracks for start, end in spans for edge in ((start, 1), (end, -1))
    )
    found: list[Span] = []
    speakers, begun = 0, 0
    for at, step in edges:
        speakers += step
        if step == 1 and speakers == 2:
            begun = at
        elif step == -1 and speakers == 1 and at > begun:
            found.append((begun, at))
    return found


def interruptions(spoken: Mapping[str, Sequence[Span]]) -> list[Interruption]:
    """Where one cuts in on another who has spoken for 500 ms, and both go on for 500 ms."""
    found = []
    for by, spans in spoken.items():
        for of, others in spoken.items():
            if by == of:
                continue
            for start, end in spans:
                at = bisect.bisect_right(others, (start - _AT_ODDS_MS, sys.maxsize)) - 1
                if at >= 0 and min(end, others[at][1]) - start >= _AT_ODDS_MS:
                    found.append(Interruption(at_ms=start, by=_who(by), of=_who(of)))
    return sorted(found, key=lambda cut: (cut.at_ms, cut.by, cut.of))


def _who(track: str) -> str:
    return names.participant_raw_id(track) or track


def _shown(spans: Iterable[Span]) -> list[SpeechSpan]:
    return [SpeechSpan(start, end) for start, end in spans]


def _length(spans: Iterable[Span]) -> int:
    return sum(end - start for start, end in spans)


def _speech(
    layout: Layout, placed: Sequence[Placement], analyses: Mapping[str, Analysis]
) -> list[Span]:
    """A track's speech; what was cut between two segments is whole again."""
    found = []
    for placement in placed:
        if placement.analysis_blob in analyses:
            at = layout.milliseconds(placement.position)
            spans = analyses[placement.analysis_blob].speech
            found += [(at + span.start_ms, at + span.end_ms) for span in spans]
    return [
        (start, end)
        for start, end in speech.bridge(sorted(found))
        if end - start >= speech.SHORTEST_MS
    ]


def _covered(layout: Layout, placed: Sequence[Placement]) -> list[Span]:
    """Where segments of a track lie."""
    return speech.bridge(
        (
            (layout.milliseconds(placement.position), layout.milliseconds(placement.end))
            for placement in placed
        ),
        pause_ms=2,
    )


def _between(spans: Sequence[Span]) -> list[Span]:
    return [(before[1], after[0]) for before, after in itertools.pairwise(spans)]


def _longest_silence(
    spoken: Iterable[Sequence[Span]], covered: Iterable[Sequence[Span]]
) -> SpeechSpan | None:
    """The longest time in which audio was there, and nobody spoke."""
    talk = speech.bridge(sorted(span for spans in spoken for span in spans), pause_ms=1)
    audio = speech.bridge(sorted(span for spans in covered for span in spans), pause_ms=1)
    longest: Span = (0, 0)
    for start, end in audio:
        at = start
        within = [span for span in talk if span[1] > start and span[0] < end]
        for from_, to in [*within, (end, end)]:
            if min(from_, end) - at > longest[1] - longest[0]:
                longest = (at, min(from_, end))
            at = max(at, to)
    return SpeechSpan(*longest) if longest[1] else None


def _faults(layout: Layout, placed: Sequence[Placement]) -> list[Faulty]:
    return [
        Faulty(
            start_ms=layout.milliseconds(placement.position),
            end_ms=layout.milliseconds(placement.end),
            gaps=placement.counts.gaps,
            filled_ms=round(placement.counts.filled_samples * 1000 / placement.sample_rate, 3),
        )
        for placement in placed
        if placement.counts.filled_samples
    ]


def _waveform(
    layout: Layout, placed: Sequence[Placement], analyses: Mapping[str, Analysis]
) -> Waveform:
    peaks = [0.0] * -(-layout.duration_ms // PEAK_WINDOW_MS)
    for placement in placed:
        analysis = analyses.get(placement.analysis_blob)
        first = round(layout.milliseconds(placement.position) / PEAK_WINDOW_MS)
        for at, peak in enumerate(analysis.peaks if analysis else [], first):
            if at < len(peaks):
                peaks[at] = max(peaks[at], peak)
    return Waveform(peaks=peaks)


def _missing(layout: Layout, analyses: Mapping[str, Analysis]) -> list[MissingSegment]:
    return [
        MissingSegment(
            track=placement.track,
            participant=names.participant_raw_id(placement.track),
            start=placement.start,
            start_ms=layout.milliseconds(placement.position),
            end_ms=layout.milliseconds(placement.end),
            blob=f"{names.SEGMENTS}/{placement.blob}",
            reason=placement.fault or NOT_ANALYSED,
        )
        for placement in layout.placements
        if placement.fault or placement.analysis_blob not in analyses
    ]
