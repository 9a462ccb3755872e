"""The open segments that a killed process left: which samples and which frames each one has.

A cut's tail is written to the later segment first, and stays in the earlier file until that is
sealed. A process that is killed in between leaves it in both. The rules:

- Where the later file has all of the tail, the earlier one ends where the later one begins.
- Where it has only a part of the tail, it has nothing else: the earlier one keeps all of it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path

import msgspec

from acs.media import FRAME_MILLISECONDS
from contract import names, wav
from contract.manifest import Counts, SegmentEntry
from streamer.part_header import part_name, split_part_name
from streamer.segment_counts import limit_marked
from streamer.segment_file import SegmentFile
from streamer.spool import PART, Spool
from streamer.stream_folder import StreamState

_MICROSECONDS = 1_000_000
_INEXACT = timedelta(milliseconds=1)
"""A start that is only known from the file's name is exact to this."""


class Part(msgspec.Struct):
    """An open segment's file, and what it holds.

    ``counted_lost`` frames were counted as lost by the process that lost them.
    """

    file: SegmentFile
    counts: Counts = msgspec.field(default_factory=Counts)
    counted_lost: int = 0


def read_parts(
    spool: Spool, folder: Path, entries: list[SegmentEntry]
) -> tuple[list[Part], list[tuple[Path, str]]]:
    """Open the files of a stream's folder, and take out of them what two of them have.

    Args:
        spool: The spool.
        folder: The stream's folder.
        entries: The stream's sealed segments; some may not have been moved yet.

    Returns:
        The segments that have audio, in the order of track and start, and the files that cannot be
        read with the reason.

    Raises:
        OSError: The disk does not accept the change now.
    """
    starts = {part_name(entry.track, entry.start): entry.start for entry in entries}
    parts: list[Part] = []
    unreadable: list[tuple[Path, str]] = []
    for path in sorted(folder.glob(f"*{PART}")):
        if path.stat().st_size < wav.HEADER_BYTES + 2:
            path.unlink()
            continue
        try:
            file = SegmentFile.reopen(spool, path)
        except ValueError as error:
            unreadable.append((path, str(error)))
            continue
        file.start = starts.get(file.key, file.start)
        parts.append(Part(file))
    whole: list[Part] = []
    for _, track_parts in groupby(parts, lambda part: part.file.track):
        whole += _separate(list(track_parts))
    return whole, unreadable


def _separate(parts: list[Part]) -> list[Part]:
    """Remove from one track's segments the audio that two of them have."""
    kept: list[Part] = []
    for part in parts:
        previous = kept[-1] if kept else None
        if previous is None or previous.file.end - part.file.start < _INEXACT:
            kept.append(part)
        elif part.file.end + _INEXACT <= previous.file.end:
            part.file.discard()
        else:
            previous.file.shorten(_samples_before(previous.file, part.file.start))
            kept.append(part)
    return kept


def settle_counts(state: StreamState, parts: list[Part], entries: list[SegmentEntry]) -> int:
    """Set the counts of the segments by what the state says and what their files have.

    Returns how many frames the state knows that are in no file.
    """
    by_key = {part.file.key: part for part in parts}
    starts = [(part.file.track, part.file.start) for part in parts]
    starts += [(entry.track, entry.start) for entry in entries]
    sealed = {part_name(entry.track, entry.start) for entry in entries}
    extra: dict[str, list[str]] = {}
    lost_frames = 0
    for key, counts in state.open_counts.items():
        if key in by_key or key in sealed:
            continue
        holder = _find_holder(key, parts, entries)
        if isinstance(holder, Part):
            # Its audio is still in the segment from which a cut was moving it.
            extra.setdefault(holder.file.key, []).append(key)
        elif holder is None:
            lost_frames += counts.frames
            state.counts.add(_without_audio(counts))
    for key, part in by_key.items():
        keys = [key, *extra.get(key, [])]
        known = [state.open_counts[k] for k in keys if k in state.open_counts]
        for counts in known:
            part.counts.add(counts)
        part.counted_lost = part.counts.lost
        samples = sum(_known_samples(state, k, part.file.sample_rate) for k in keys)
        _match_length(part, samples, _moved_samples(part.file, samples, starts))
    return lost_frames


def _known_samples(state: StreamState, key: str, sample_rate: int) -> int:
    """Return how long a segment was when the state was saved; 0 where the state lacks it."""
    counts = state.open_counts.get(key, Counts())
    frame_samples = sample_rate * FRAME_MILLISECONDS // 1000
    estimate = counts.frames * frame_samples + counts.filled_samples + counts.corrected_samples
    return state.open_samples.get(key, estimate)


def _moved_samples(file: SegmentFile, samples: int, starts: list[tuple[str, datetime]]) -> int:
    """Return how many of a segment's ``samples`` the next segments of its track have.

    A state of before a cut still counts them in this one.
    """
    later = [start for name, start in starts if name == file.track and start > file.start]
    before = [_samples_before(file, start) for start in later]
    return samples - min([samples, *before])


def _match_length(part: Part, samples: int, moved_samples: int) -> None:
    """Change a segment's counts, of when it had this many samples, to its file's length.

    Frames that are missing are lost, but for those of the ``moved_samples``.
    """
    counts, file = part.counts, part.file
    frame_samples = file.sample_rate * FRAME_MILLISECONDS // 1000
    missing = samples - file.samples
    if missing <= 0:
        counts.frames += -missing // frame_samples
        return
    audio_samples = samples - counts.filled_samples - counts.corrected_samples
    if counts.frames:
        frame_samples = max(1, audio_samples // counts.frames)
    frames = min(counts.frames, (missing + frame_samples // 2) // frame_samples)
    counts.frames -= frames
    limit_marked(counts)
    counts.filled_samples = min(
        counts.filled_samples, max(0, file.samples - counts.frames * frame_samples)
    )
    moved = min(frames, (moved_samples + frame_samples // 2) // frame_samples)
    counts.lost += frames - moved


def _find_holder(
    key: str, parts: list[Part], entries: list[SegmentEntry]
) -> Part | SegmentEntry | None:
    """Return the segment that has the audio of one without a file; None where none has."""
    track, name = split_part_name(key)
    try:
        start = names.parse_start(name) + _INEXACT
    except names.MalformedName:
        return None
    for part in parts:
        file = part.file
        if file.track == track and file.start < start < file.end:
            return part
    for entry in entries:
        if entry.track == track and entry.start < start < entry.end:
            return entry
    return None


def _without_audio(counts: Counts) -> Counts:
    """Return what of a lost segment's counts still holds: frames that were in no segment anyway."""
    return Counts(
        repeated=counts.repeated,
        late_dropped=counts.late_dropped,
        clock_steps=counts.clock_steps,
        lost=counts.lost,
    )


def _samples_before(file: SegmentFile, moment: datetime) -> int:
    """Return how many samples lie between a segment's start and a later moment."""
    microseconds = (moment - file.start) // timedelta(microseconds=1)
    return (microseconds * file.sample_rate + _MICROSECONDS // 2) // _MICROSECONDS
