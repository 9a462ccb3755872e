"""Where a frame lies in time. Pure: stamps and bytes in, audio and cuts out.

A track's clock is the packets' timestamps, never their arrival. The stamps have millisecond
resolution, jitter, and no sequence number, so the rules are these:

- A frame stamped within half a frame of where the track stands follows on directly.
- A frame stamped past that, but within ``tolerance``, may be jitter or may tell of a lost frame. It
  is held, with those after it, until one that fits shows that it was jitter (or that the missing
  frame was only late), or until ``DECISION_FRAMES`` of them agree that audio is missing.
- Past the tolerance there is a gap: silence of exactly the missing length.
- Behind the track, a frame that came before is dropped as repeated; one that fits into a gap of the
  open segment is put there; else it is counted.
- Past ``jump`` a new segment starts at its own time, rather than hours of silence. One stray stamp
  moves nothing: the frame is placed in the order it came in.
- A sender's clock that was set back (``CLOCK_STEP_FRAMES`` in a row behind the track) costs no
  audio: the track goes on where it stands.
- Slow drift between stamps and samples is tracked, and corrected inside silent frames only.
- All tracks of a stream share one clock and one set of cuts, so that their segments line up.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from typing import NamedTuple, Protocol

from acs.media import BYTES_PER_SAMPLE, FRAME_MILLISECONDS
from contract.manifest import Counts
from streamer.cuts import CutPlanner

DECISION_FRAMES = 25
"""How many held frames must agree before a shift within the tolerance is a loss: half a second."""

CLOCK_STEP_FRAMES = 50
"""How many frames in a row behind the track mean that the sender's clock was set back: a second."""

RECENT_FRAMES = 16
"""How many frames, at least, a repeat is compared with; all within the tolerance in any case."""

_DRIFT_WEIGHT = 1 / 256
_MICROSECONDS = 1_000_000
_HALF_SECOND = _MICROSECONDS // 2
_NO_SEGMENT = -(1 << 62)


class SegmentWriter(Protocol):
    """What a track writes one open segment to. Offsets are in bytes from its first sample."""

    def append(self, pcm: bytes) -> None:
        """Write at the end."""

    def patch(self, offset: int, pcm: bytes) -> None:
        """Write over what lies at ``offset``."""

    def cut(self, offset: int) -> bytes:
        """Take off, and return, all from ``offset`` on."""

    def finish(self, samples: int, counts: Counts) -> None:
        """The segment is whole: ``samples`` long."""


class Clock:
    """The one clock of a stream's tracks: positions are samples since its first stamp."""

    __slots__ = ("origin_us", "sample_rate")

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self.origin_us: int | None = None

    def position(self, timestamp_us: int) -> int:
        """The position, in samples, of a moment; the first moment asked for is position 0."""
        if self.origin_us is None:
            self.origin_us = timestamp_us
        elapsed = (timestamp_us - self.origin_us) * self.sample_rate
        return (elapsed + _HALF_SECOND) // _MICROSECONDS

    def microseconds(self, position: int) -> int:
        """The moment, in microseconds since 1970, of a position. The clock must have begun."""
        assert self.origin_us is not None
        return self.origin_us + position * _MICROSECONDS // self.sample_rate


class TrackSettings(NamedTuple):
    """How a track places its frames; lengths in samples, ``flush_bytes`` in bytes."""

    tolerance: int
    jump: int
    flush_bytes: int


class _Frame(NamedTuple):
    """A frame that waits for its place. Sorted by position, then by arrival."""

    position: int
    arrival: int
    pcm: bytes
    silent: bool


class Track:
    """Places one track's frames, and cuts them into segments.

    ``open_segment(position)`` gives the writer of a segment that starts there. ``counts`` are the
    open segment's; ``totals`` those of the finished ones.
    """

    __slots__ = (
        "_ahead",
        "_arrivals",
        "_behind",
        "_boundary",
        "_buffered",
        "_capacity",
        "_clock",
        "_cuts",
        "_gaps",
        "_half",
        "_held",
        "_jump",
        "_open_segment",
        "_pending",
        "_recall",
        "_recent",
        "_shift",
        "_skew",
        "_start",
        "_tolerance",
        "_writer",
        "counts",
        "position",
        "totals",
    )

    def __init__(
        self,
        clock: Clock,
        cuts: CutPlanner,
        settings: TrackSettings,
        open_segment: Callable[[int], SegmentWriter],
    ) -> None:
        self._clock = clock
        self._cuts = cuts
        self._open_segment = open_segment
        self._tolerance = settings.tolerance
        self._jump = settings.jump
        self._half = clock.sample_rate * FRAME_MILLISECONDS // 2000
        self._writer: SegmentWriter | None = None
        # Frames as they came, joined once a second: copying each into a buffer costs more.
        self._pending: list[bytes] = []
        self._capacity = settings.flush_bytes
        self._buffered = 0
        self._start = 0
        self._boundary = _NO_SEGMENT
        self._gaps: list[tuple[int, int]] = []
        self._held: list[_Frame] = []
        self._ahead: _Frame | None = None
        self._behind: list[_Frame] = []
        self._recent: list[bytes] = []
        self._recall = BYTES_PER_SAMPLE * max(
            RECENT_FRAMES * 2 * self._half, self._tolerance + 4 * self._half
        )
        self._arrivals = 0
        self._shift = 0
        self._skew = 0.0
        self.position: int | None = None
        self.counts = Counts()
        self.totals = Counts()

    @property
    def is_open(self) -> bool:
        """Whether a segment is open."""
        return self._writer is not None

    @property
    def start(self) -> int:
        """The position of the open segment's first sample."""
        return self._start

    @property
    def pending_bytes(self) -> int:
        """How much audio is in memory only."""
        return self._buffered + sum(len(frame.pcm) for frame in self._held + self._behind)

    @property
    def noted(self) -> int:
        """Changes with every count, of this segment or an earlier one, but that of frames."""
        return self.counts.noted + self.totals.noted

    def place(self, timestamp_us: int | None, pcm: bytes, silent: bool) -> None:
        """Place one frame of whole samples, stamped in microseconds since 1970.

        ``timestamp_us`` None (it could not be read) follows in the order of arrival.
        """
        if timestamp_us is None:
            self._place_unstamped(pcm, silent)
            return
        clock = self._clock
        if clock.origin_us is None:
            clock.origin_us = timestamp_us
        # Clock.position, written out: a call costs more than all it does.
        elapsed = (timestamp_us - clock.origin_us) * clock.sample_rate
        stamped = (elapsed + _HALF_SECOND) // _MICROSECONDS + self._shift
        position = self.position
        if position is None:
            self.position = position = stamped
        residual = stamped - position
        deviation = residual - self._skew
        if -self._half <= deviation <= self._half and not (
            self._held or self._behind or self._ahead
        ):
            # The fast path: nothing waits, and the frame follows on.
            size = len(pcm)
            end = position + size // BYTES_PER_SAMPLE
            buffered = self._buffered + size
            if end >= self._boundary or buffered > self._capacity or silent or self._cuts.listens:
                self._put(pcm, silent, stamped)
                return
            self._skew += deviation * _DRIFT_WEIGHT
            self._pending.append(pcm)
            self._buffered = buffered
            self.position = end
            self.counts.frames += 1
            return
        self._place_with_care(stamped, pcm, silent)

    def flush(self) -> None:
        """Hand what is buffered to the writer."""
        if self._buffered and self._writer is not None:
            self._writer.append(b"".join(self._pending))
            self._remember()
            self._pending = []
            self._buffered = 0

    def _remember(self) -> None:
        """Keep the last frames for ``_came_before``, also those of flushes just before."""
        kept = self._recent + self._pending
        first, size = len(kept), 0
        while first and size < self._recall:
            first -= 1
            size += len(kept[first])
        self._recent = kept[first:]

    def finish(self) -> None:
        """Place what is held, and end the open segment."""
        self._settle_strays()
        self._release(force=True)
        self.close_segment()

    def close_segment(self) -> None:
        """End the open segment where the track stands, if there is one."""
        if self._writer is None or self.position is None:
            return
        self.flush()
        writer, self._writer = self._writer, None
        self.totals.add(self.counts)
        counts, self.counts = self.counts, Counts()
        self._gaps.clear()
        self._boundary = _NO_SEGMENT
        writer.finish(self.position - self._start, counts)

    # Off the fast path.

    def _place_unstamped(self, pcm: bytes, silent: bool) -> None:
        if self.position is None:
            self.position = 0
        self._settle_strays()
        self._release(force=True)
        self._put(pcm, silent)
        self.counts.unstamped += 1

    def _place_with_care(self, stamped: int, pcm: bytes, silent: bool) -> None:
        assert self.position is not None
        self._arrivals += 1
        frame = _Frame(stamped, self._arrivals, pcm, silent)
        deviation = stamped - self.position - round(self._skew)
        if deviation > self._jump:
            self._stray_ahead(frame)
            return
        if deviation < -self._half:
            if self._fill_gap(frame):
                return
            if self._came_before(frame):
                self.counts.repeated += 1
                return
            if deviation < -self._tolerance and not self._holds_after(stamped):
                self._stray_behind(frame)
                return
        self._settle_strays()
        if any(held.position == stamped and held.pcm == pcm for held in self._held):
            self.counts.repeated += 1
            return
        insort(self._held, frame)
        self._release(force=False)

    def _came_before(self, frame: _Frame) -> bool:
        """Whether the very same audio lies at the frame's place already."""
        assert self.position is not None
        wanted = frame.position - round(self._skew)
        start = self.position
        for kept in reversed(self._recent + self._pending):
            start -= len(kept) // BYTES_PER_SAMPLE
            if abs(start - wanted) <= self._half and kept == frame.pcm:
                return True
            if start < wanted - self._half:
                break
        return False

    @property
    def _buffer_position(self) -> int:
        """The position of the first buffered sample."""
        assert self.position is not None
        return self.position - self._buffered // BYTES_PER_SAMPLE

    def _holds_after(self, stamped: int) -> bool:
        return bool(self._held) and self._held[0].position <= stamped

    def _release(self, *, force: bool) -> None:
        """Place the held frames that are decided; all of them with ``force``."""
        held = self._held
        while held:
            assert self.position is not None
            ahead = held[0].position - self.position - round(self._skew)
            if ahead <= self._half:
                decided = 1
            elif ahead > self._tolerance:
                self._fill(ahead)
                decided = 1
            else:
                decided, shift = self._look_through()
                if not decided:
                    if not force and len(held) < DECISION_FRAMES:
                        return
                    self._accept(shift)
                    continue
            for frame in held[:decided]:
                self._put(frame.pcm, frame.silent, frame.position)
            del held[:decided]

    def _accept(self, shift: int) -> None:
        """All held frames show a shift of at least this: fill the whole frames that are lost.

        Senders lose whole frames, so what is less than one is the stamps' own offset, and drift's
        business.
        """
        frame = 2 * self._half
        lost = (shift + self._half * 3 // 20) // frame * frame
        if lost:
            self._fill(lost)
        else:
            self._skew += shift

    def _look_through(self) -> tuple[int, int]:
        """How many held frames simply follow on, or none and the shift that all of them show."""
        assert self.position is not None
        expected = self.position + round(self._skew)
        shift = self._jump
        for index, frame in enumerate(self._held):
            ahead = frame.position - expected
            if ahead <= self._half:
                return index + 1, 0
            shift = min(shift, ahead)
            expected += len(frame.pcm) // BYTES_PER_SAMPLE
        return 0, shift

    def _put(self, pcm: bytes, silent: bool, stamped: int | None = None) -> None:
        """Place a frame where the track stands."""
        assert self.position is not None
        if stamped is not None:
            self._skew += (stamped - self.position - self._skew) * _DRIFT_WEIGHT
        if silent and abs(self._skew) > self._half:
            pcm = self._correct_drift(pcm)
        self._append(pcm)
        if silent:
            self.counts.silent_frames += 1

    def _correct_drift(self, pcm: bytes) -> bytes:
        """Lengthen or shorten a silent frame by the drift, at most by the frame itself."""
        samples = len(pcm) // BYTES_PER_SAMPLE
        change = max(-samples, min(samples, round(self._skew)))
        self._skew -= change
        self.counts.corrected_samples += change
        return bytes((samples + change) * BYTES_PER_SAMPLE)

    def _append(self, pcm: bytes) -> None:
        assert self.position is not None
        self.counts.frames += 1
        self._write(pcm)

    def _write(self, pcm: bytes) -> None:
        """Add audio where the track stands, over as many cuts as lie within it."""
        assert self.position is not None
        if not pcm:
            # A silent frame that drift has taken whole: it is no reason for a segment.
            return
        if self._writer is None:
            self._open(self.position)
        end = self.position + len(pcm) // BYTES_PER_SAMPLE
        if self._cuts.listens:
            self._cuts.listen(self.position, pcm)
        while end >= self._boundary:
            head = (self._boundary - self.position) * BYTES_PER_SAMPLE
            self._keep(pcm[:head])
            pcm = pcm[head:]
            self.position = self._boundary
            self._cut()
            if not pcm:
                return
            if self._writer is None:
                self._open(self.position)
        self._keep(pcm)
        self.position = end

    def _keep(self, pcm: bytes) -> None:
        """Buffer audio, or hand it on where it is more than the buffer holds."""
        if self._buffered + len(pcm) > self._capacity:
            self.flush()
        if len(pcm) > self._capacity:
            assert self._writer is not None
            self._writer.append(pcm)
            self._recent = []
            return
        self._pending.append(pcm)
        self._buffered += len(pcm)

    def _open(self, position: int) -> None:
        self._start = position
        self._boundary = self._cuts.after(position)
        self._writer = self._open_segment(position)

    def _cut(self) -> None:
        """The boundary is reached: end the segment at the cut, and what lies behind it goes on.

        Other tracks may have decided meanwhile, so that there is no cut here yet, or several.
        """
        assert self.position is not None
        position = self.position
        self._cuts.decide(position)
        while (cut := self._cuts.after(self._start)) < position:
            assert self._writer is not None
            self.flush()
            tail = self._writer.cut((cut - self._start) * BYTES_PER_SAMPLE)
            gaps = [(max(start, cut), end) for start, end in self._gaps if end > cut]
            # What lies behind the cut is the next segment's to tell of.
            filled = sum(end - start for start, end in gaps)
            frames = min(self.counts.frames, (position - cut - filled) // (2 * self._half))
            self.counts.filled_samples -= filled
            self.counts.frames -= frames
            self.position = cut
            self.close_segment()
            self._open(cut)
            self.counts = Counts(frames=frames, filled_samples=filled)
            # Past the buffer, so that it goes on to follow the recent frames.
            self._writer.append(tail)
            self._gaps = gaps
            self.position = position
        if cut == position:
            self.close_segment()
        else:
            self._boundary = cut

    def _fill(self, samples: int) -> None:
        """Silence of the missing length; where it crosses a cut, each segment gets its part."""
        assert self.position is not None
        self.counts.gaps += 1
        end = self.position + samples
        while self.position < end:
            if self._writer is None:
                self._open(self.position)
            step = min(end, self._boundary, self.position + self._clock.sample_rate)
            self._gaps.append((self.position, step))
            self.counts.filled_samples += step - self.position
            self._write(bytes((step - self.position) * BYTES_PER_SAMPLE))
        self._join_gaps()

    def _join_gaps(self) -> None:
        joined: list[tuple[int, int]] = []
        for start, end in self._gaps:
            if joined and joined[-1][1] == start:
                joined[-1] = (joined[-1][0], end)
            else:
                joined.append((start, end))
        self._gaps = joined

    def _fill_gap(self, frame: _Frame) -> bool:
        """Put a late frame into the gap of the open segment that it left, if it is there."""
        samples = len(frame.pcm) // BYTES_PER_SAMPLE
        wanted = frame.position - round(self._skew)
        for index, (start, end) in enumerate(self._gaps):
            place = max(start, min(wanted, end - samples))
            if end - start < samples or abs(place - wanted) > self._half:
                continue
            self._patch(place, frame.pcm)
            self._gaps[index : index + 1] = [
                part for part in ((start, place), (place + samples, end)) if part[0] < part[1]
            ]
            self.counts.frames += 1
            self.counts.silent_frames += frame.silent
            self.counts.late += 1
            self.counts.filled_samples -= samples
            return True
        return False

    def _patch(self, place: int, pcm: bytes) -> None:
        """Write over audio of the open segment, in the buffer, in the file, or across both."""
        assert self._writer is not None
        buffered = self._buffer_position
        if place < buffered:
            flushed = (buffered - place) * BYTES_PER_SAMPLE
            self._writer.patch((place - self._start) * BYTES_PER_SAMPLE, pcm[:flushed])
        at = (place - buffered) * BYTES_PER_SAMPLE
        self._recent = _laid_over(self._recent, at + sum(map(len, self._recent)), pcm)
        self._pending = _laid_over(self._pending, at, pcm)

    # Strays: stamps that may be wrong rather than tell of the audio's place.

    def _stray_ahead(self, frame: _Frame) -> None:
        before, self._ahead = self._ahead, None
        follows = before is not None and 0 <= frame.position - before.position <= self._jump
        if not follows:
            if before is not None:
                self._put_stray(before)
            self._ahead = frame
            return
        # Two stamps agree: the stream has moved on, and a new segment starts at its own time.
        assert before is not None
        self._release(force=True)
        self._drop_behind()
        self.close_segment()
        self.position = before.position
        self._skew = 0.0
        self._put(before.pcm, before.silent, before.position)
        self._place_with_care(frame.position, frame.pcm, frame.silent)

    def _stray_behind(self, frame: _Frame) -> None:
        if self._behind and frame.position < self._behind[-1].position:
            self._drop_behind()
        self._behind.append(frame)
        if len(self._behind) < CLOCK_STEP_FRAMES:
            return
        # The clock was set back: these frames are new audio, and follow where the track stands.
        assert self.position is not None
        behind, self._behind = self._behind, []
        self._settle_strays()
        self._release(force=True)
        shift = self.position - behind[0].position
        self._shift += shift
        self._skew = 0.0
        self.counts.clock_steps += 1
        for late in behind:
            self._place_with_care(late.position + shift, late.pcm, late.silent)

    def _settle_strays(self) -> None:
        """A frame that fits has come: what strayed before it did so alone."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            self._put_stray(ahead)
        self._drop_behind()

    def _put_stray(self, frame: _Frame) -> None:
        self._release(force=True)
        self._put(frame.pcm, frame.silent)
        self.counts.unstamped += 1

    def _drop_behind(self) -> None:
        for frame in self._behind:
            if self._writer is not None and frame.position >= self._start:
                self.counts.repeated += 1
            else:
                self.counts.late_dropped += 1
        self._behind.clear()


def _laid_over(chunks: list[bytes], at: int, pcm: bytes) -> list[bytes]:
    """The chunks with ``pcm`` over them, in a chunk of its own, so that it is known when repeated.

    ``at`` is in bytes from the first chunk's beginning; what lies outside of them is left out.
    """
    laid: list[bytes] = []
    for chunk in chunks:
        begin, end = max(0, min(at, len(chunk))), max(0, min(at + len(pcm), len(chunk)))
        parts = (
            (chunk[:begin], pcm[begin - at : end - at], chunk[end:]) if begin < end else (chunk,)
        )
        laid += filter(None, parts)
        at -= len(chunk)
    return laid
