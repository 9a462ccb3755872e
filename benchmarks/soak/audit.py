"""The audit of one stream: what its socket sent, against what was recorded. Pure.

What it accepts without finding the audio, and why:

- A silent frame that the manifest counts as silent is kept: it has no samples to look for. After a
  kill, it is one of those that the manifest counts as placed, and that carry no number.
- A silent frame that the manifest counts as repeated, beyond the copies that were sent, is
  reported: it is equal to the silence at the place that its timestamp says, and nothing tells the
  two apart.
- A frame may lack samples where its own segment counts a correction of drift. None may be gone
  altogether: at least half of each one stays.

And what it does not judge: the places of one or two frames with which a participant begins before
the sender's clock is set. A track begins where two of its first three frames agree, and these are
then the ones behind the step.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from statistics import median
from typing import NamedTuple

import numpy as np

from benchmarks.soak.ledger import (
    MAX_ERROR_AFTER_STEP_MS,
    MAX_ERROR_MS,
    MAX_SHIFT_PER_STEP_MS,
    SentFrame,
    SocketRecord,
    Totals,
)
from benchmarks.soak.numbered import UNIT_SAMPLES, find_units
from contract.manifest import Manifest, SegmentEntry

_MEETS_US = 100
_OVERLAP_US = 1_000
_JITTER_US = 20_000
_SLACK_SECONDS = 12
_WITNESSES = 5
_FIRST_FRAMES = 3


class Segment(NamedTuple):
    """A recorded segment: its manifest entry, and its samples, s16le."""

    entry: SegmentEntry
    pcm: bytes

    @property
    def start_us(self) -> int:
        """The moment of its first sample, in microseconds since 1970."""
        return round(self.entry.start.timestamp() * 1_000_000)

    @property
    def end_us(self) -> float:
        """The moment after its last sample."""
        return self.start_us + len(self.pcm) * 500_000 / self.entry.sample_rate


class FoundFrame(NamedTuple):
    """A frame in a recording.

    ``missing`` is how many of its samples are not there. ``is_explained`` says whether a correction
    of drift, or a cut that a late frame lay over, accounts for them.
    """

    track: str
    place_us: float
    missing: int
    is_explained: bool


def audit(
    record: SocketRecord, manifest: Manifest, segments: list[Segment], speed: float
) -> Totals:
    """Compare a socket with its stream. ``speed``: how much faster than life the sender was."""
    totals = Totals(sent=len(record.sent), streams=1)
    found: dict[int, FoundFrame] = {}
    by_track: dict[str, list[Segment]] = defaultdict(list)
    for segment in segments:
        by_track[segment.entry.track].append(segment)
    for parts in by_track.values():
        parts.sort(key=lambda segment: segment.start_us)
        _check_lengths(record, parts, speed, totals)
        for run in _join(parts):
            for number, frame in _find_frames(record, run, totals).items():
                if number in found:
                    totals.duplicates += 1
                    _report(totals, record, f"frame {number} is in two places")
                found[number] = frame
    _account(record, manifest, found, totals)
    _check_places(record, found, totals)
    return totals


def _report(totals: Totals, record: SocketRecord, error: str) -> None:
    totals.errors.append(f"{record.call} {record.correlation_id}: {error}")


def _check_lengths(
    record: SocketRecord, parts: list[Segment], speed: float, totals: Totals
) -> None:
    """Check that segments do not overlap, and are no longer than their time explains."""
    for before, after in pairwise(parts):
        overlap_us = before.end_us - after.start_us
        if overlap_us > _OVERLAP_US:
            at = after.entry.start.isoformat()
            _report(totals, record, f"segments overlap by {overlap_us / 1000:.1f} ms at {at}")
    for segment in parts:
        if len(segment.pcm) != 2 * segment.entry.samples:
            _report(totals, record, f"{segment.entry.start} has another length than it says")
    open_seconds = (record.ended_at - record.opened_at) * speed
    seconds = (parts[-1].end_us - parts[0].start_us) / 1e6
    if seconds > open_seconds + _SLACK_SECONDS:
        _report(totals, record, f"{seconds:.1f} s recorded, but {open_seconds:.1f} s open")


def _join(parts: list[Segment]) -> list[list[Segment]]:
    """Group segments that meet: a frame may be split between them."""
    runs: list[list[Segment]] = []
    for segment in parts:
        if runs and abs(segment.start_us - runs[-1][-1].end_us) <= _MEETS_US:
            runs[-1].append(segment)
        else:
            runs.append([segment])
    return runs


def _find_frames(record: SocketRecord, run: list[Segment], totals: Totals) -> dict[int, FoundFrame]:
    """Find the frames of segments that meet."""
    units = find_units(b"".join(segment.pcm for segment in run))
    if not len(units.numbers):
        return {}
    track, frame_samples = run[0].entry.track, record.sample_rate // 50
    rate = run[0].entry.sample_rate
    starts = np.cumsum([0] + [len(segment.pcm) // 2 for segment in run])
    counts = [segment.entry.counts for segment in run]
    # By segment: may frames have been shortened in it? A killed process did not save all counts.
    corrected = [
        bool(count.corrections) or segment.entry.recovered
        for count, segment in zip(counts, run, strict=True)
    ]
    has_late = any(count.late for count in counts)
    order = np.lexsort((units.places, units.numbers))
    numbers, places, positions = units.numbers[order], units.places[order], units.positions[order]
    is_first = np.diff(numbers, prepend=-1) != 0
    is_again = ~is_first & (np.diff(places, prepend=-1) == 0)
    first = np.flatnonzero(is_first)
    columns = (
        numbers[first],
        np.minimum.reduceat(positions - places * UNIT_SAMPLES, first),
        np.maximum.reduceat(positions, first) + UNIT_SAMPLES,
        places[first],
        np.add.reduceat(~is_again, first, dtype=np.int64),
        np.add.reduceat(is_again, first, dtype=np.int64),
    )
    found: dict[int, FoundFrame] = {}
    for number, origin, last, place, present, again in zip(
        *(column.tolist() for column in columns), strict=True
    ):
        if again:
            totals.duplicates += 1
            _report(totals, record, f"{track}: frame {number} is there twice")
        missing = frame_samples - UNIT_SAMPLES * present
        is_explained = True
        if missing:
            # What is left of a unit that lacks samples lies behind the last whole one.
            rest = np.searchsorted(units.positions, last)
            end = min([last + UNIT_SAMPLES, *units.positions[rest : rest + 1].tolist()])
            touched = range(
                max(0, int(np.searchsorted(starts, origin, "right")) - 1),
                min(len(run), int(np.searchsorted(starts, end, "left"))),
            )
            is_trimmed = any(corrected[index] for index in touched)
            # A late frame over a cut: what lies behind the cut is kept.
            is_headless = has_late and place > 0
            is_explained = is_trimmed or is_headless
        place_us = run[0].start_us + origin * 1_000_000 / rate
        found[number] = FoundFrame(track, place_us, missing, is_explained)
    return found


def _account(
    record: SocketRecord, manifest: Manifest, found: dict[int, FoundFrame], totals: Totals
) -> None:
    """Explain every frame that is not found."""
    counts = manifest.counts
    sent = {frame.number: frame for frame in record.sent if not frame.is_silent}
    for number in found.keys() - sent.keys():
        _report(totals, record, f"frame {number} was not sent on this socket")
    whole = 0
    for number, frame in found.items():
        if number not in sent:
            continue
        participant = manifest.participants.get(frame.track, frame.track)
        if participant != sent[number].participant:
            _report(totals, record, f"frame {number} is on another track")
        if not frame.is_explained and _explain_by_end(record, sent[number]) == "nothing":
            totals.unaccounted += 1
            _report(totals, record, f"frame {number} lacks {frame.missing} samples")
            continue
        whole += 1
        totals.shortened += frame.missing > 0
    first_sent: dict[int, SentFrame] = {}
    copies: list[SentFrame] = []
    for entry in record.sent:
        if entry.is_silent:
            continue
        if entry.number in first_sent:
            copies.append(entry)
        else:
            first_sent[entry.number] = entry
    missing = [entry for number, entry in first_sent.items() if number not in found]
    silent = [entry for entry in record.sent if entry.is_silent]
    silent_kept = min(len(silent), _count_silent(manifest, len(found)))
    totals.kept += whole + silent_kept
    _account_copies(record, manifest, copies, totals)
    # Silent frames carry no number: those of the end are missing, but for repeated ones.
    # One whose timestamp is late, say, is equal to the silence at its place.
    silent_repeated = min(len(silent) - silent_kept, counts.repeated - totals.repeated)
    totals.repeated += silent_repeated
    missing += silent[silent_kept + silent_repeated :]
    gone = Counter(_explain_by_end(record, entry) for entry in missing)
    totals.unflushed += gone["unflushed"]
    totals.in_flight += gone["in_flight"]
    # Copies that were not repeats when they arrived are among what was dropped.
    certain = sum(_explain_by_end(record, entry) == "nothing" for entry in copies)
    dropped_copies = max(0, certain - counts.repeated - totals.duplicates)
    reported = max(0, counts.late_dropped + counts.lost - dropped_copies)
    unexplained = gone["nothing"]
    explained = min(unexplained, reported)
    totals.late_dropped += min(explained, counts.late_dropped)
    totals.lost += max(0, explained - counts.late_dropped)
    if unexplained > reported:
        totals.unaccounted += unexplained - reported
        numbers = [entry.number for entry in missing if _explain_by_end(record, entry) == "nothing"]
        _report(
            totals,
            record,
            f"{unexplained - reported} frames are unaccounted for "
            f"({record.ended_by}; reported lost {reported}): {numbers[:10]}",
        )


def _count_silent(manifest: Manifest, numbered_frames: int) -> int:
    """Count the silent frames of a manifest.

    A killed process may not have saved that its last frames were silent: the file has them all the
    same, and those that carry no number are silent.
    """
    counts = manifest.counts
    if any(entry.recovered for entry in manifest.segments):
        return max(counts.silent_frames, counts.frames - numbered_frames)
    return counts.silent_frames


def _account_copies(
    record: SocketRecord, manifest: Manifest, copies: list[SentFrame], totals: Totals
) -> None:
    """Tell what became of frames that were sent again.

    One that a kill or a reset may have lost counts as that, though it may be a repeat, too.
    """
    counts = manifest.counts
    uncertain = sum(_explain_by_end(record, entry) != "nothing" for entry in copies)
    # Silence is equal to other silence, and may be taken for a repeat of it.
    silent = sum(frame.is_silent and not frame.is_copy for frame in record.sent)
    if counts.repeated > len(copies) + silent:
        _report(totals, record, f"{counts.repeated} repeated, but {len(copies)} sent again")
    repeated = min(counts.repeated, len(copies) - uncertain)
    # What is there twice is reported as that.
    rest = max(0, len(copies) - repeated - totals.duplicates)
    totals.repeated += repeated
    totals.unflushed += min(rest, uncertain)
    rest -= min(rest, uncertain)
    dropped = min(rest, counts.late_dropped + counts.lost)
    totals.late_dropped += dropped
    rest -= dropped
    if rest:
        totals.unaccounted += rest
        _report(totals, record, f"{rest} copies are neither repeated nor dropped")


def _explain_by_end(record: SocketRecord, frame: SentFrame) -> str:
    """How the socket's end explains that a frame is missing."""
    if frame.sent_at >= record.unflushed_from:
        return "unflushed"
    if frame.sent_at >= record.in_flight_from:
        return "in_flight"
    return "nothing"


def _check_places(record: SocketRecord, found: dict[int, FoundFrame], totals: Totals) -> None:
    """Check that frames lie where their timestamps say.

    Until the sender's clock is set, that is to the millisecond; after that, the stream's clock is
    as good as arrival, and frames must lie where the others of the same time do.
    """
    if not record.sent:
        return
    base = record.sent[0]
    is_sure = all(frame.is_clean for frame in record.sent[:_WITNESSES])
    last_eras = {frame.participant: frame.era for frame in record.sent}
    for (participant, era), errors in _measure_errors(record, found).items():
        if era < last_eras[participant] and len(errors) < _FIRST_FRAMES and era == base.era:
            continue
        middle = median(error for error, _ in errors)
        if era == base.era and is_sure:
            middle = 0.0
        elif is_sure:
            shift = middle + errors[0][1].clock_ms - base.clock_ms
            if abs(shift) > MAX_SHIFT_PER_STEP_MS * (era - base.era) + MAX_ERROR_MS:
                _report(totals, record, f"{participant}: {shift:.0f} ms off after clock step {era}")
        worst, frame = max(errors, key=lambda item: abs(item[0] - middle))
        error = abs(worst - middle)
        totals.worst_error_ms = max(totals.worst_error_ms, error)
        limit = MAX_ERROR_MS if era == base.era else MAX_ERROR_AFTER_STEP_MS
        if error > limit:
            count = sum(abs(item - middle) > limit for item, _ in errors)
            _report(
                totals,
                record,
                f"{participant}: {count} of {len(errors)} frames off, frame {frame.number} by "
                f"{worst - middle:.0f} ms",
            )


def _measure_errors(
    record: SocketRecord, found: dict[int, FoundFrame]
) -> dict[tuple[str, int], list[tuple[float, SentFrame]]]:
    """Measure how far frames lie behind their timestamps, in ms, by participant and clock."""
    starts: dict[str, float] = {}
    for place in found.values():
        starts[place.track] = min(place.place_us, starts.get(place.track, place.place_us))
    errors: dict[tuple[str, int], list[tuple[float, SentFrame]]] = defaultdict(list)
    for frame in record.sent:
        location = found.get(frame.number)
        if location is None or not frame.is_clean or frame.is_copy:
            continue
        assert frame.stamp_us is not None
        has_begun = frame.stamp_us < starts[location.track] - _JITTER_US
        if has_begun and frame.era == record.sent[0].era:
            # When it arrived, its track had begun behind it: it has no place.
            continue
        error_ms = (location.place_us - frame.stamp_us) / 1000
        errors[frame.participant, frame.era].append((error_ms, frame))
    return errors
