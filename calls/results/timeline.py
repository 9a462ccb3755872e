"""The call's timeline: who spoke when, overlaps, silence, interruptions. Pure.

docs/accuracy.md defines speech, overlaps, the floor and interruptions, and how well they are found.
All times are milliseconds from the recording's start.
"""

from __future__ import annotations

import bisect
import itertools
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from calls.results import voice_activity
from calls.results.analysis import PEAK_WINDOW_MS, Analysis, SpeechSpan
from calls.results.layout import Layout, Placement
from calls.results.participants import Participants
from calls.results.voice_activity import Span
from contract import names

SCHEMA = 1
NOT_ANALYSED = "not analysed"

_OVERLAPPING_SPEAKERS = 2

SHORTEST_OVERLAP_MS = 200
"""A shorter overlap is a turn without a pause: the edges of speech are not known any better."""

FLOOR_MS = 500
"""Who has been speaking this long has the floor."""
INTERRUPTION_MS = 500
"""In an interruption, both then go on speaking for this long."""
RESUMED_MS = 1000
"""After a shorter pause, one goes on with what one said, and does not begin to speak."""


class LossSpan(msgspec.Struct, frozen=True, kw_only=True):
    """A segment in which audio was lost and replaced by ``filled_ms`` of silence."""

    start_ms: int
    end_ms: int
    gaps: int
    filled_ms: float


class MissingSegment(msgspec.Struct, frozen=True, kw_only=True):
    """A segment that is missing from the recording or the timeline, and why."""

    track: str
    participant: str | None
    start: datetime
    start_ms: int
    end_ms: int
    blob: str
    reason: str


class Waveform(msgspec.Struct, frozen=True, kw_only=True):
    """The highest sample of each window, as a share of full scale, 0 to 1."""

    window_ms: int = PEAK_WINDOW_MS
    peaks: list[float]


class Track(msgspec.Struct, frozen=True, kw_only=True):
    """One participant. Its index in the list is its channel in the recording.

    ``participant`` is its raw id, ``name`` its display name, where that is known. ``talk_share`` is
    its share of all speech, 0 to 1. ``gaps`` lie between its audio.
    """

    track: str
    participant: str | None
    name: str | None = None
    speech_ms: int
    talk_share: float
    speech: list[SpeechSpan]
    gaps: list[SpeechSpan]
    losses: list[LossSpan]
    waveform: Waveform


class Interruption(msgspec.Struct, frozen=True, kw_only=True):
    """One participant interrupted another, who went on speaking for a while."""

    at_ms: int
    interrupter: str
    interrupted: str


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """A call's timeline; ``partial`` while a stream's manifest is missing.

    ``sample_rate`` is the recording's; ``resampled_segments`` came at another.
    """

    schema: int = SCHEMA
    call_connection_id: str
    started_at: datetime
    duration_ms: int
    sample_rate: int
    resampled_segments: int
    partial: bool
    tracks: list[Track]
    overlaps: list[SpeechSpan]
    longest_silence: SpeechSpan | None
    interruptions: list[Interruption]
    missing_segments: list[MissingSegment]

    @property
    def participants(self) -> Participants:
        """The participants, as the tracks have them."""
        tracks = [(track.track, track.participant or "", track.name) for track in self.tracks]
        return Participants(
            raw_ids={track: raw_id for track, raw_id, _ in tracks if raw_id},
            names={raw_id: name for _, raw_id, name in tracks if name},
        )


def build_timeline(
    call: str,
    layout: Layout,
    analyses: Mapping[str, Analysis],
    participants: Participants,
    *,
    partial: bool,
) -> Timeline:
    """Build a call's timeline.

    Args:
        call: The call connection id.
        layout: The recording's layout.
        analyses: The segments' analyses by their blobs' names; some may be missing.
        participants: The call's participants.
        partial: Whether a stream's manifest is missing.
    """
    placements: dict[str, list[Placement]] = {track: [] for track in layout.tracks}
    for placement in sorted(layout.placements, key=lambda placement: placement.position):
        placements[placement.track].append(placement)
    speech = {track: _speech(layout, placements[track], analyses) for track in layout.tracks}
    streamed_spans = {track: _covered(layout, placements[track]) for track in layout.tracks}
    covered_spans = {
        track: _covered(
            layout, [placement for placement in placements[track] if not placement.fault]
        )
        for track in layout.tracks
    }
    lengths = {track: _length(spans) for track, spans in speech.items()}
    all_speech = sum(lengths.values())
    return Timeline(
        call_connection_id=call,
        started_at=layout.started_at,
        duration_ms=layout.duration_ms,
        sample_rate=layout.sample_rate,
        resampled_segments=sum(map(layout.is_resampled, layout.placements)),
        partial=partial,
        tracks=[
            Track(
                track=track,
                participant=participants.raw_id(track),
                name=participants.name(track),
                speech_ms=lengths[track],
                talk_share=round(lengths[track] / all_speech, 4) if all_speech else 0.0,
                speech=_to_spans(speech[track]),
                gaps=_to_spans(_between(streamed_spans[track])),
                losses=_losses(layout, placements[track]),
                waveform=_waveform(layout, placements[track], analyses),
            )
            for track in layout.tracks
        ],
        overlaps=_to_spans(find_overlaps(list(speech.values()))),
        longest_silence=_longest_silence(speech.values(), covered_spans.values()),
        interruptions=find_interruptions(
            {participants.raw_id(track) or track: spans for track, spans in speech.items()}
        ),
        missing_segments=_missing(layout, analyses, participants),
    )


def find_overlaps(
    tracks: Sequence[Sequence[Span]], shortest_ms: int = SHORTEST_OVERLAP_MS
) -> list[Span]:
    """Find where two or more speak at once, for ``shortest_ms`` or longer.

    Each track's spans must be in order and not touch.
    """
    edges = sorted(
        edge for track in tracks for start, end in track for edge in ((start, 1), (end, -1))
    )
    spans: list[Span] = []
    speakers, started_ms = 0, 0
    for time_ms, step in edges:
        speakers += step
        if step == 1 and speakers == _OVERLAPPING_SPEAKERS:
            started_ms = time_ms
        elif step == -1 and speakers == 1 and time_ms - started_ms >= shortest_ms:
            spans.append((started_ms, time_ms))
    return spans


def find_interruptions(speech: Mapping[str, Sequence[Span]]) -> list[Interruption]:
    """Find where one begins to speak while another has the floor, and both go on for 500 ms.

    Who has been speaking for 500 ms has the floor; of several, the one who began first. Who goes on
    after a pause of less than a second does not begin.
    """
    interruptions = []
    for interrupter, spans in speech.items():
        for (_, silent_from), (start, end) in itertools.pairwise([(0, -RESUMED_MS), *spans]):
            if start - silent_from < RESUMED_MS:
                continue
            holders = [
                (held[0], track)
                for track, others in speech.items()
                if track != interrupter and (held := _find_floor(others, start))
                if min(end, held[1]) - start >= INTERRUPTION_MS
            ]
            if holders:
                interruptions.append(
                    Interruption(at_ms=start, interrupter=interrupter, interrupted=min(holders)[1])
                )
    return sorted(interruptions, key=lambda one: (one.at_ms, one.interrupter, one.interrupted))


def _find_floor(spans: Sequence[Span], at_ms: int) -> Span | None:
    """Find the last of a track's spans that had begun 500 ms before; it may have ended."""
    index = bisect.bisect_right(spans, (at_ms - FLOOR_MS, sys.maxsize)) - 1
    return spans[index] if index >= 0 else None


def _to_spans(spans: Iterable[Span]) -> list[SpeechSpan]:
    return [SpeechSpan(start, end) for start, end in spans]


def _length(spans: Iterable[Span]) -> int:
    return sum(end - start for start, end in spans)


def _speech(
    layout: Layout, placements: Sequence[Placement], analyses: Mapping[str, Analysis]
) -> list[Span]:
    """Return a track's speech, with spans joined that were cut between two segments."""
    track_speech = []
    for placement in placements:
        if placement.analysis_blob in analyses:
            offset_ms = layout.milliseconds(placement.position)
            spans = analyses[placement.analysis_blob].speech
            track_speech += [(offset_ms + span.start_ms, offset_ms + span.end_ms) for span in spans]
    return [
        (start, end)
        for start, end in voice_activity.bridge_pauses(sorted(track_speech))
        if end - start >= voice_activity.SHORTEST_MS
    ]


def _covered(layout: Layout, placements: Sequence[Placement]) -> list[Span]:
    """Return the time that a track's segments cover."""
    return voice_activity.bridge_pauses(
        (
            (layout.milliseconds(placement.position), layout.milliseconds(placement.end))
            for placement in placements
        ),
        pause_ms=2,
    )


def _between(spans: Sequence[Span]) -> list[Span]:
    return [(before[1], after[0]) for before, after in itertools.pairwise(spans)]


def _longest_silence(
    speech: Iterable[Sequence[Span]], covered_spans: Iterable[Sequence[Span]]
) -> SpeechSpan | None:
    """Return the longest time with audio in which nobody spoke."""
    talk = voice_activity.bridge_pauses(
        sorted(span for spans in speech for span in spans), pause_ms=1
    )
    audio = voice_activity.bridge_pauses(
        sorted(span for spans in covered_spans for span in spans), pause_ms=1
    )
    longest: Span = (0, 0)
    for start, end in audio:
        silent_from = start
        within = [span for span in talk if span[1] > start and span[0] < end]
        for talk_start, talk_end in [*within, (end, end)]:
            if min(talk_start, end) - silent_from > longest[1] - longest[0]:
                longest = (silent_from, min(talk_start, end))
            silent_from = max(silent_from, talk_end)
    return SpeechSpan(*longest) if longest[1] else None


def _losses(layout: Layout, placements: Sequence[Placement]) -> list[LossSpan]:
    return [
        LossSpan(
            start_ms=layout.milliseconds(placement.position),
            end_ms=layout.milliseconds(placement.end),
            gaps=placement.counts.gaps,
            filled_ms=round(placement.counts.filled_samples * 1000 / placement.sample_rate, 3),
        )
        for placement in placements
        if placement.counts.filled_samples
    ]


def _waveform(
    layout: Layout, placements: Sequence[Placement], analyses: Mapping[str, Analysis]
) -> Waveform:
    peaks = [0.0] * -(-layout.duration_ms // PEAK_WINDOW_MS)
    for placement in placements:
        analysis = analyses.get(placement.analysis_blob)
        first = round(layout.milliseconds(placement.position) / PEAK_WINDOW_MS)
        for index, peak in enumerate(analysis.peaks if analysis else [], first):
            if index < len(peaks):
                peaks[index] = max(peaks[index], peak)
    return Waveform(peaks=peaks)


def _missing(
    layout: Layout, analyses: Mapping[str, Analysis], participants: Participants
) -> list[MissingSegment]:
    return [
        MissingSegment(
            track=placement.track,
            participant=participants.raw_id(placement.track),
            start=placement.start,
            start_ms=layout.milliseconds(placement.position),
            end_ms=layout.milliseconds(placement.end),
            blob=f"{names.SEGMENTS}/{placement.blob}",
            reason=placement.fault or NOT_ANALYSED,
        )
        for placement in layout.placements
        if placement.fault or placement.analysis_blob not in analyses
    ]
