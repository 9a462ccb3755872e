"""From a track's audio, in order, to segments. Pure: it knows no timestamps and no files.

The segmenter appends audio where the track stands, fills gaps with silence, and ends segments where
the stream's cuts are. It decides nothing about where audio belongs: ``streamer/track.py`` does.

What it promises:

- Segments hold exactly the samples that were appended, inserted or filled in, in order; a cut
  splits them and drops none.
- At most ``flush_bytes`` of audio are buffered; ``flush`` hands them to the segment's writer.
- Audio that arrives late replaces the silence that was filled in for it while its segment is open.
- Drift is corrected at the quietest place of what is buffered, and counted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from acs.media import BYTES_PER_SAMPLE, FRAME_MILLISECONDS
from contract.manifest import Counts
from streamer.chunks import find_frame, find_quietest, insert, overlay, shorten
from streamer.cuts import CutPlanner
from streamer.gaps import Gaps
from streamer.recent_audio import RecentAudio

_NO_SEGMENT = -(1 << 62)
"""The boundary while no segment is open: every position is past it."""


class SegmentWriter(Protocol):
    """Where a segmenter writes one open segment. Offsets are in bytes from its first sample."""

    def append(self, pcm: bytes) -> None:
        """Write at the end."""

    def patch(self, offset: int, pcm: bytes) -> None:
        """Overwrite what lies at ``offset``."""

    def cut(self, offset: int) -> bytes:
        """Remove and return everything from ``offset`` on."""

    def finish(self, samples: int, counts: Counts, skew: float) -> None:
        """Complete the segment, which is ``samples`` long.

        ``skew`` is how far timestamps are ahead of the audio at its end, in samples.
        """


class Segmenter:
    """Cuts one track's audio into segments.

    The attributes without an underscore, from ``position`` to ``counts``, are what ``Track.place``
    works on directly, once for each frame, because a call would cost more than the work.

    Attributes:
        position: Where the next sample goes, in samples; None before the first.
        pending: The buffered audio. A list: joining it once a second is cheaper than copying each
            frame into a buffer.
        buffered: The number of bytes in ``pending``.
        direct_bytes: How many bytes may be buffered by appending to ``pending`` directly; 0 where
            the cut planner listens to all audio.
        boundary: The position at which the open segment must be cut; below all positions while no
            segment is open.
        counts: The counts of the open segment.
        totals: The sum of the counts of all finished segments.
        start: The position of the open segment's first sample.
        skew: How far timestamps are ahead of the audio, in samples, for the segment's writer.
    """

    __slots__ = (
        "_closed_gaps",
        "_cuts",
        "_flush_bytes",
        "_gaps",
        "_is_shortened",
        "_marks",
        "_open_segment",
        "_recent",
        "_sample_rate",
        "_writer",
        "boundary",
        "buffered",
        "counts",
        "direct_bytes",
        "pending",
        "position",
        "skew",
        "start",
        "totals",
    )

    def __init__(
        self,
        cuts: CutPlanner,
        open_segment: Callable[[int], SegmentWriter],
        *,
        sample_rate: int,
        flush_bytes: int,
    ) -> None:
        """Make a segmenter that has no open segment.

        Args:
            cuts: The cut planner that all tracks of the stream share.
            open_segment: Returns the writer of a segment that starts at a position.
            sample_rate: Samples per second.
            flush_bytes: How much audio may be buffered.
        """
        self._cuts = cuts
        self._open_segment = open_segment
        self._sample_rate = sample_rate
        self._flush_bytes = flush_bytes
        self._writer: SegmentWriter | None = None
        self._gaps = Gaps()
        self._closed_gaps = Gaps()
        # What was counted at which position, where a cut may come before it.
        self._marks: list[tuple[int, str, int]] = []
        # What was flushed last: with ``pending``, the audio that ``contains`` can compare with.
        self._recent = RecentAudio(sample_rate * BYTES_PER_SAMPLE)
        # Whether frames that are buffered have been shortened.
        self._is_shortened = False
        self.position: int | None = None
        self.pending: list[bytes] = []
        self.buffered = self.direct_bytes = 0
        self.allow_direct()
        self.boundary = _NO_SEGMENT
        self.start, self.skew = 0, 0.0
        self.counts = Counts()
        self.totals = Counts()

    @property
    def is_open(self) -> bool:
        """Whether a segment is open."""
        return self._writer is not None

    def allow_direct(self) -> None:
        """Let ``pending`` be appended to directly, where no cut planner listens."""
        self.direct_bytes = 0 if self._cuts.listens else self._flush_bytes

    def count(self, name: str, amount: int = 1, *, position: int | None = None) -> None:
        """Count what happens at a position, or where the track stands: a cut may come before it."""
        setattr(self.counts, name, getattr(self.counts, name) + amount)
        if self._cuts.listens:
            position = self.position if position is None else position
            assert position is not None
            self._marks.append((position, name, amount))

    def append(self, pcm: bytes) -> None:
        """Append one frame where the track stands."""
        self.counts.frames += 1
        self._write(pcm)

    def insert(self, pcm: bytes, distance: int) -> bool:
        """Insert a frame before the last ``distance`` samples, where one of the others begins.

        Returns False, and does nothing, where none of those that are buffered begins near there.
        """
        index = find_frame(self.pending, len(pcm), distance * BYTES_PER_SAMPLE)
        if index is None:
            return False
        assert self.position is not None
        if self._cuts.listens:
            self._cuts.listen(self.position, pcm)
        self.counts.frames += 1
        self._rewrite(self.pending, insert(self.pending, index, pcm), is_correction=False)
        return True

    def fill(self, samples: int) -> None:
        """Append a gap: ``samples`` of silence, a second at a time; each segment gets its part."""
        assert self.position is not None
        self.count("gaps")
        self._recent.expect_silence(samples * BYTES_PER_SAMPLE)
        end = self.position + samples
        while self.position < end:
            if self._writer is None:
                self._open(self.position)
            step = min(end, self.boundary, self.position + self._sample_rate)
            self._gaps.add(self.position, step)
            self.counts.filled_samples += step - self.position
            self._write(bytes((step - self.position) * BYTES_PER_SAMPLE))

    def replace_gap(self, position: int, pcm: bytes, tolerance: int) -> bool:
        """Write a late frame over the silence of the open segment that stands in for it.

        Returns False, and does nothing, where no gap has room for it within ``tolerance`` samples
        of ``position``. Of a frame that the cut before the segment splits, the rest is written.
        """
        is_split = self._closed_gaps.ends_at(self.start)
        samples = len(pcm) // BYTES_PER_SAMPLE
        place = self._gaps.claim(position, samples, tolerance, cut=self.start if is_split else None)
        if place is None:
            return False
        closed = max(0, self.start - place)
        self._patch(place + closed, pcm[closed * BYTES_PER_SAMPLE :])
        self.counts.frames += 1
        self.count("late", position=place + closed)
        self.counts.filled_samples -= samples - closed
        return True

    def contains(
        self, position: int, pcm: bytes, tolerance: int, *, is_unique: bool = False
    ) -> bool:
        """Return whether ``pcm`` lies within ``tolerance`` samples of ``position`` already.

        Only about two seconds are compared. With ``is_unique``, it must not be there twice.
        """
        assert self.position is not None
        distance = self.position - position
        return self._recent.contains(
            pcm,
            self.pending,
            (distance + tolerance) * BYTES_PER_SAMPLE,
            (distance - tolerance) * BYTES_PER_SAMPLE,
            is_unique=is_unique,
        )

    def is_gap(self, position: int, samples: int, tolerance: int) -> bool:
        """Return whether silence stands in for audio of ``position`` in the open segment."""
        return self._gaps.has_room(position, samples, tolerance)

    def is_missing(self, position: int, samples: int, tolerance: int) -> bool:
        """Return whether audio of ``position`` is missing, also in a segment that is closed."""
        gaps = self._closed_gaps.join(self._gaps)
        return gaps.has_room(position, samples, tolerance)

    def restart_at(self, position: int) -> None:
        """Close the open segment; the next audio goes to ``position``, in a segment of its own."""
        self.close_segment()
        if self.position is not None:
            self._closed_gaps.add(self.position, position)
        self.position = position
        self._recent.clear()

    def correct(self, samples: int) -> int:
        """Correct drift at the quietest place of what is buffered.

        Args:
            samples: How many samples of silence to insert or, where negative, how many to remove.

        Returns:
            How many were inserted or removed; 0 where nothing is buffered. At least half of each
            frame stays: what was shortened is not shortened again.
        """
        chunks = self.pending
        if not chunks or (samples < 0 and self._is_shortened):
            return 0
        if samples > 0:
            silence = bytes(samples * BYTES_PER_SAMPLE)
            changes = insert(chunks, find_quietest(chunks), silence)
        else:
            self._is_shortened = True
            changes = shorten(chunks, -samples)
            for chunk, change in zip(chunks, changes, strict=True):
                if change:
                    self._recent.note_shortened(chunk)
        self._rewrite(chunks, changes, is_correction=True)
        return sum(changes)

    def flush(self) -> None:
        """Hand the buffered audio to the open segment's writer."""
        if self.buffered and self._writer is not None:
            audio = b"".join(self.pending)
            self._writer.append(audio)
            self._recent.append(audio)
            self.pending, self.buffered = [], 0
            self._is_shortened = False

    def close_segment(self) -> None:
        """End the open segment where the track stands, if there is one."""
        if self._writer is None or self.position is None:
            return
        self.flush()
        writer, self._writer = self._writer, None
        self.totals.add(self.counts)
        counts, self.counts = self.counts, Counts()
        # A correction writes audio again: gaps may lie behind the cut.
        closed_gaps, self._gaps = self._gaps.split(self.position)
        self._closed_gaps.extend(closed_gaps)
        self._marks = []
        self.boundary = _NO_SEGMENT
        writer.finish(self.position - self.start, counts, self.skew)

    def _rewrite(self, chunks: list[bytes], changes: list[int], *, is_correction: bool) -> None:
        """Write again from where the buffer began, with chunks of other lengths: cuts may move."""
        assert self.position is not None
        self.position -= self.buffered // BYTES_PER_SAMPLE
        after = [len(chunk) // BYTES_PER_SAMPLE for chunk in chunks]
        lengths = [(size - change, size) for size, change in zip(after, changes, strict=True)]
        self._gaps.follow_correction(self.position, lengths)
        self.pending, self.buffered = [], 0
        is_shortened = self._is_shortened
        for chunk, change in zip(chunks, changes, strict=True):
            if change and is_correction:
                self.count("corrected_samples", change)
                self.count("corrections")
            self._write(chunk, is_heard=True)
        # Behind a cut, which flushes, frames of the same buffer may follow.
        self._is_shortened = is_shortened and bool(self.pending)

    def _open(self, position: int) -> None:
        self.start = position
        self.boundary = self._cuts.after(position)
        self._writer = self._open_segment(position)

    def _write(self, pcm: bytes, *, is_heard: bool = False) -> None:
        """Append audio, across the cuts in it; the cut planner may have heard it before."""
        assert self.position is not None
        if not pcm:
            # It must not open a segment.
            return
        if self._writer is None:
            self._open(self.position)
        end = self.position + len(pcm) // BYTES_PER_SAMPLE
        if self._cuts.listens and not is_heard:
            self._cuts.listen(self.position, pcm)
        while end >= self.boundary:
            head = (self.boundary - self.position) * BYTES_PER_SAMPLE
            self._buffer(pcm[:head])
            pcm = pcm[head:]
            self.position = self.boundary
            self._cut(len(pcm) // BYTES_PER_SAMPLE)
            if not pcm:
                return
            if self._writer is None:
                self._open(self.position)
        self._buffer(pcm)
        self.position = end

    def _buffer(self, pcm: bytes) -> None:
        """Buffer audio, or hand it on where it is larger than the buffer."""
        if self.buffered + len(pcm) > self._flush_bytes:
            self.flush()
        if len(pcm) > self._flush_bytes:
            assert self._writer is not None
            self._writer.append(pcm)
            self._recent.clear()
            return
        self.pending.append(pcm)
        self.buffered += len(pcm)

    def _cut(self, rest: int) -> None:
        """End the segment at the boundary; what lies behind the cut starts the next one.

        ``rest`` samples of a frame follow. Another track may have decided on a later cut, or more.
        """
        assert self.position is not None
        position = self.position
        self._cuts.decide(position)
        while (cut := self._cuts.after(self.start)) < position:
            self._cut_at(cut, rest)
        if cut == position:
            self.close_segment()
        else:
            self.boundary = cut

    def _cut_at(self, cut: int, rest: int) -> None:
        """Split the open segment at a position before its end; the tail is the next segment's."""
        assert self.position is not None
        assert self._writer is not None
        position = self.position
        self.flush()
        tail = self._writer.cut((cut - self.start) * BYTES_PER_SAMPLE)
        _, gaps = self._gaps.split(cut)
        counts, marks = self._take_counts(cut, gaps.samples, rest)
        self.position = cut
        self.close_segment()
        self._open(cut)
        self.counts, self._marks = counts, marks
        # Straight to the writer: the buffer must go on following the recent frames.
        self._writer.append(tail)
        self._gaps = gaps
        self.position = position

    def _take_counts(
        self, cut: int, filled_samples: int, rest: int
    ) -> tuple[Counts, list[tuple[int, str, int]]]:
        """Take out of the open segment's counts what lies behind a cut, and return that."""
        assert self.position is not None
        marks = [mark for mark in self._marks if mark[0] >= cut]
        tail = Counts(filled_samples=filled_samples)
        for _, name, amount in marks:
            setattr(tail, name, getattr(tail, name) + amount)
        frame_samples = self._sample_rate * FRAME_MILLISECONDS // 1000
        audio_samples = self.position + rest - cut - filled_samples - tail.corrected_samples
        tail.frames = min(self.counts.frames, max(0, audio_samples) // frame_samples)
        for name in tail.__struct_fields__:
            setattr(self.counts, name, getattr(self.counts, name) - getattr(tail, name))
        return tail, marks

    def _patch(self, place: int, pcm: bytes) -> None:
        """Overwrite audio of the open segment, in the buffer, in the file, or across both."""
        assert self._writer is not None
        assert self.position is not None
        first_buffered = self.position - self.buffered // BYTES_PER_SAMPLE
        if place < first_buffered:
            flushed_bytes = (first_buffered - place) * BYTES_PER_SAMPLE
            self._writer.patch((place - self.start) * BYTES_PER_SAMPLE, pcm[:flushed_bytes])
        offset = (place - first_buffered) * BYTES_PER_SAMPLE
        self._recent.overlay(pcm, -offset)
        self.pending = overlay(self.pending, offset, pcm)
