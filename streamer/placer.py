"""Where a track stands, and how it moves: on by a frame, over a gap, by a step of the clock. Pure.

``streamer/track.py`` decides what happens; this carries it out, and counts it.
"""

from __future__ import annotations

from typing import NamedTuple

from acs.media import FRAME_MILLISECONDS
from contract.manifest import Counts
from streamer.clock import Clock
from streamer.drift import DRIFT_WEIGHT, Drift
from streamer.frames import Frame
from streamer.segmenter import Segmenter

ARRIVAL_SLACK_SECONDS = 0.3
"""How inexact arrival is: reads in batches, jitter of the network, a busy event loop."""

ARRIVAL_GRAIN_SECONDS = 0.1
"""The shortest time that arrival shows at all: sockets are read in batches of ``READ_BATCH_MS``."""

CAREFUL_SECONDS = 2
"""For so long after a step of the sender's clock, every frame is compared with those before it."""

MAX_LATE_SECONDS = 10
"""How late a track's first frame may arrive; one that seems later has another clock."""


class TrackSettings(NamedTuple):
    """How a track places its frames; lengths in samples, ``flush_bytes`` in bytes."""

    tolerance: int
    jump: int
    flush_bytes: int


class Placer:
    """A track's place on the stream's clock. All lengths are in samples.

    A raw position and the track's offset make a position. The skew is the running mean of how far
    timestamps are ahead of the audio, without the mean's lag. It is drift, and corrected before it
    is a frame long.
    """

    __slots__ = (
        "_careful_until",
        "_clock",
        "_drift",
        "_flush_bytes",
        "_grain",
        "_half",
        "_jump",
        "_late",
        "_least",
        "_max_skew",
        "_most",
        "_offset",
        "_reference_us",
        "_sample_rate",
        "_seen_ahead",
        "_seen_position",
        "_segmenter",
        "_skew",
        "_slack",
        "_tolerance",
    )

    def __init__(self, clock: Clock, settings: TrackSettings, segmenter: Segmenter) -> None:
        self._clock = clock
        self._sample_rate = clock.sample_rate
        self._segmenter = segmenter
        # The clock's, once the track has started: until then no frame takes the fast path.
        self._reference_us: int | None = None
        # Half a frame: timestamps have so much jitter.
        self._half = clock.sample_rate * FRAME_MILLISECONDS // 2000
        # So far behind the track, a timestamp may be jitter.
        self._late = settings.tolerance - self._half
        self._max_skew = self._half * 3 // 2
        self._slack = clock.arrival_samples(ARRIVAL_SLACK_SECONDS)
        # A shorter gap cannot be told from a step of the clock: every track takes it for a gap.
        self._grain = clock.arrival_samples(ARRIVAL_GRAIN_SECONDS)
        self._tolerance = settings.tolerance
        self._jump = settings.jump
        self._flush_bytes = settings.flush_bytes
        # Before this position, frames from before a step of the clock may come again.
        self._careful_until = 0
        self._seen_ahead = 0
        self._seen_position = 0
        self._offset = 0
        self._skew = 0.0
        self._drift = Drift(2 * self._half)
        # A frame that is so far ahead of the skew follows on directly.
        self._least = -float(self._half)
        self._most = float(self._half)

    @property
    def position(self) -> int | None:
        """Where the next sample goes; None before the first frame."""
        return self._segmenter.position

    @property
    def is_open(self) -> bool:
        """Whether a segment is open."""
        return self._segmenter.is_open

    @property
    def counts(self) -> Counts:
        """The counts of the open segment."""
        return self._segmenter.counts

    @property
    def totals(self) -> Counts:
        """The sum of the counts of all finished segments."""
        return self._segmenter.totals

    @property
    def anomalies(self) -> int:
        """A number that changes with every count, except that of placed frames."""
        return self.counts.anomalies + self.totals.anomalies

    def flush(self) -> None:
        """Hand the buffered audio to the open segment's writer; drift is corrected before."""
        if self._segmenter.position is not None:
            self._drift.follow(self._skew, self._segmenter.position)
            self._least, self._most = self._drift.lag - self._half, self._drift.lag + self._half
        self._correct_drift()
        self._segmenter.flush()

    def _correct_drift(self) -> None:
        if abs(self._ahead) >= self._max_skew:
            self._shift_skew(-self._segmenter.correct(round(self._ahead)))
        self._segmenter.skew = self._ahead

    def _shift_skew(self, samples: float) -> None:
        """Change the skew by what frames do not show."""
        self._skew += samples
        self._drift.shift(samples)

    def _restart_skew(self) -> None:
        """Have the next timestamp exact, where the track goes on by another rule."""
        self._skew = -self._drift.lag
        self._drift.restart()

    @property
    def _ahead(self) -> float:
        """How far timestamps are ahead of the audio."""
        return self._skew + self._drift.lag

    def _position(self) -> int:
        """The position of a track that has started."""
        assert self._segmenter.position is not None
        return self._segmenter.position

    def _base(self) -> int:
        """The raw position at which the track stands."""
        return self._position() - self._offset + round(self._ahead)

    def cut_now(self) -> None:
        """End the open segment where the track stands. Frames that wait go to the next one."""
        self._segmenter.cut_now()

    def _put(
        self, raw: int | None, pcm: bytes, silent: bool, *, is_unstamped: bool = False
    ) -> None:
        """Place a frame where the track stands; ``raw`` None: its timestamp says nothing."""
        segmenter = self._segmenter
        position = self._position()
        if self._clock.is_beyond_limit(position):
            # Every frame is looked at until time has caught up.
            segmenter.direct_bytes = 0
            segmenter.counts.lost += 1
            return
        segmenter.allow_direct()
        if raw is not None:
            self._skew += (raw + self._offset - position - self._skew) * DRIFT_WEIGHT
        if segmenter.buffered + len(pcm) > self._flush_bytes:
            self.flush()
        elif position + self._half * 2 >= segmenter.boundary:
            # A cut flushes, too.
            self._correct_drift()
        segmenter.skew = self._ahead
        # Before the frame: that may end the segment.
        if silent:
            segmenter.count("silent_frames")
        if is_unstamped:
            segmenter.count("unstamped")
        segmenter.append(pcm)

    def _is_done_late(self, frame: Frame) -> bool:
        """Whether a frame behind the track fills a gap, or is there already."""
        segmenter = self._segmenter
        if segmenter.position is None:
            return False
        advance = frame.advance(self._base())
        position = segmenter.position + advance
        # It may be from before a step of the sender's clock.
        may_be_older = abs(advance) > self._tolerance or segmenter.position < self._careful_until
        if may_be_older and any(
            offset != self._offset
            and self._is_repeated(frame, frame.position(offset), is_unique=True)
            for offset in self._clock.offsets
        ):
            return True
        if advance >= -self._half:
            return False
        # One that is very late waits for those behind it: the sender's clock may have been set.
        is_recent = self._clock.is_recent(position, frame.elapsed, self._slack)
        return (is_recent and self._fill_gap(frame)) or self._is_repeated(frame, position)

    def _fill_gap(self, frame: Frame) -> bool:
        """Write a frame over the silence that stands in for it; False where there is none."""
        advance = frame.advance(self._base())
        position = self._position() + advance
        if advance >= -self._half or not self._segmenter.replace_gap(
            position, frame.pcm, self._half
        ):
            return False
        if frame.silent:
            self._segmenter.count("silent_frames", position=position)
        return True

    def _may_fill_gap(self, frame: Frame) -> bool:
        """Whether silence stands in for a frame behind the track."""
        advance = frame.advance(self._base())
        position = self._position() + advance
        return advance < 0 and self._segmenter.is_gap(position, frame.samples, self._half)

    def _is_repeated(
        self, frame: Frame, position: int, *, or_silence: bool = False, is_unique: bool = False
    ) -> bool:
        """Whether a frame's audio lies at a position already; then it is counted.

        Silence is like other silence: it may as well be new, until the frames around it show that
        it is not (``or_silence``). With ``is_unique``, audio that was there more than once may be
        new, too.
        """
        if not or_silence and not any(frame.pcm):
            return False
        # Drift was not the same then.
        if not self._segmenter.contains(position, frame.pcm, self._tolerance, is_unique=is_unique):
            return False
        self._segmenter.counts.repeated += 1
        return True

    def _may_repeat_silence(self, frame: Frame) -> bool:
        """Whether a frame is silence, and its timestamp says that it lies there already."""
        if frame.raw is None or any(frame.pcm):
            return False
        advance = frame.advance(self._base())
        position = self._position() + advance
        return advance < -self._half and self._segmenter.contains(position, frame.pcm, self._half)

    def _is_done_with(self, frame: Frame) -> bool:
        """Whether a frame behind the track is there already, or its place is closed; counted."""
        advance = frame.advance(self._base())
        if advance >= 0:
            return False
        position = self._position() + advance
        if self._is_repeated(frame, position, or_silence=True):
            return True
        if self._segmenter.is_closed_gap(position, frame.samples, self._half):
            self._segmenter.counts.late_dropped += 1
            return True
        return False

    def _find_known_step(self, frame: Frame, follower: Frame) -> int | None:
        """Return an offset that the stream has used and that has two frames follow on here.

        None where frames were lost for as long as the clock would have been set: the time passed.
        """
        advance = frame.advance(self._base())
        if advance > 0 and self._clock.has_passed(advance, self._position(), frame.elapsed):
            return None
        for offset in reversed(self._clock.offsets):
            base = self._position() - offset
            if (
                offset != self._offset
                and frame.is_within(base, -self._late, self._tolerance)
                and follower.is_within(base + frame.samples, -self._late, self._tolerance)
            ):
                return offset
        return None

    def _move_over(self, samples: int) -> None:
        """Move on over a gap: silence or, where it is long, a new segment behind it."""
        if samples > self._jump:
            self._segmenter.restart_at(self._position() + samples)
            self._restart_skew()
        elif samples > 0:
            self._segmenter.fill(samples)

    def _move_to(self, frame: Frame) -> None:
        """Move to a frame's timestamp: over a gap, or by a step of the sender's clock."""
        clock = self._clock
        # The stream's latest step is the best explanation, also for a track that was silent then.
        for offset in reversed(clock.offsets):
            moved = frame.position(offset)
            gap = moved - self._position() - (round(self._ahead) if offset == self._offset else 0)
            is_gap = (
                gap <= self._grain
                or not clock.has_witness
                or clock.has_passed(gap, self._position(), frame.elapsed)
            )
            if gap >= -self._late and is_gap and self._is_possible(moved, frame):
                if offset != self._offset:
                    self._use_offset(offset)
                advance = frame.advance(self._base())
                self._move_over(self._round(advance) if advance > self._half else 0)
                return
        self._step(frame)

    def _round(self, samples: int) -> int:
        """Round a length to whole frames if jitter explains it, so lost ones fit if they come."""
        length = 2 * self._half
        whole = (samples + self._half) // length * length
        return whole if abs(whole - samples) <= self._half // 2 else samples

    def _step(self, frame: Frame) -> None:
        """Take a step of the sender's clock: the frame follows on where the track stands.

        Where time passed meanwhile, too, it becomes a gap.
        """
        missing = self._clock.missing(self._position(), frame.elapsed)
        gap = missing if missing > self._slack else 0
        self._use_offset(self._position() + gap - frame.position(0))
        self._move_over(gap)

    def _follow_stream_clock(self) -> None:
        """Follow the stream's latest step where a loss of the same length has hidden it.

        Then this track's audio comes later, by more than half of that length, a tick after it too.
        """
        position, clock = self._position(), self._clock
        ahead = clock.offsets[-1] - self._offset if clock.offsets else 0
        was_moving, self._seen_position = position != self._seen_position, position
        was_ahead, self._seen_ahead = ahead == self._seen_ahead, ahead
        is_behind = clock.has_passed(ahead, position, clock.elapsed())
        if was_moving and was_ahead and ahead > self._half and is_behind:
            self._move_over(ahead)
            self._use_offset(clock.offsets[-1])

    def _use_offset(self, offset: int) -> None:
        """Use another offset; for the stream that is a step, unless it is its latest one."""
        clock = self._clock
        if clock.offsets and clock.offsets[-1] != offset:
            self._segmenter.counts.clock_steps += 1
        clock.add_offset(offset)
        self._offset = offset
        self._restart_skew()
        if self._segmenter.position is not None:
            self._careful_until = self._segmenter.position + CAREFUL_SECONDS * self._sample_rate
            self._reference_us = None

    def _is_possible(self, position: int, frame: Frame) -> bool:
        """Whether a frame can have arrived when it did if it belongs to a position."""
        return self._clock.is_possible(position, frame.elapsed, self._slack)

    def _is_far(self, frame: Frame) -> bool:
        """Whether a frame's timestamp is too far from the track for jitter."""
        return not frame.is_within(self._base(), -self._late, self._tolerance)

    def _may_come_later(self, frame: Frame) -> bool:
        """Whether a frame's timestamp is ahead, but not of the time that passed.

        By an offset that the stream has used: the sender's clock may have been set.
        """
        if frame.raw is None or frame.advance(self._base()) <= self._half:
            return False
        return any(
            frame.position(offset) >= self._position() - self._late
            and self._is_possible(frame.position(offset), frame)
            for offset in {*self._clock.offsets, self._offset}
        )

    def _start_at(self, raw: int | None, first: Frame) -> None:
        """Begin at a raw position or, where that is None, by the time at which ``first`` arrived.

        From now on, frames may take the fast path.
        """
        clock = self._clock
        if clock.origin_us is None:
            clock.begin(raw)
            position = 0
            if raw is not None:
                self._use_offset(-raw)
        elif raw is None:
            self._offset = clock.offsets[-1] if clock.offsets else 0
            position = clock.expected(first.elapsed)
        else:
            offset = self._find_offset(raw, first)
            if offset is None:
                # Another clock than the stream's: what arrives now was spoken now.
                self._use_offset(clock.expected(first.elapsed) - raw)
            else:
                self._offset = offset
            position = raw + self._offset
        self._segmenter.position = position
        self._reference_us = clock.reference_us

    def _find_offset(self, raw: int, first: Frame) -> int | None:
        """Return an offset that the stream has used and that explains when ``first`` arrived."""
        late = MAX_LATE_SECONDS * self._sample_rate
        for offset in reversed(self._clock.offsets):
            position = raw + offset
            if self._is_possible(position, first) and self._clock.is_recent(
                position, first.elapsed, late
            ):
                return offset
        return None
