"""How a track moves: on by a frame, over a gap, by a step of the sender's clock. Pure.

``streamer/rules.py`` decides what happens; this carries it out, and counts it.
"""

from __future__ import annotations

from collections import deque

from streamer.clock import Clock
from streamer.frames import Frame
from streamer.placed_audio import PlacedAudio
from streamer.segmenter import Segmenter
from streamer.track_state import TrackSettings

CAREFUL_SECONDS = 2
"""For so long after a step of the sender's clock, every frame is compared with those before it."""

MAX_LATE_SECONDS = 10
"""How late a track's first frame may arrive; one that seems later has another clock."""

_MAX_FITS = 50


class Placer(PlacedAudio):
    """Moves a track on the stream's clock. All lengths are in samples."""

    __slots__ = (
        "_fits",
        "_seen_ahead",
        "_seen_missing",
        "_seen_position",
        "_waiting",
    )

    def __init__(self, clock: Clock, settings: TrackSettings, segmenter: Segmenter) -> None:
        super().__init__(clock, settings, segmenter)
        # In the order of arrival.
        self._waiting: list[Frame] = []
        # When the latest frames arrived that were where the track stood, while others waited.
        self._fits: deque[int] = deque(maxlen=_MAX_FITS)
        # What the last tick saw.
        self._seen_ahead = 0
        self._seen_missing = 0
        self._seen_position = 0

    @property
    def pending_bytes(self) -> int:
        """How much audio is in memory only."""
        return self._segmenter.buffered + sum(len(frame.pcm) for frame in self._waiting)

    def flush(self) -> None:
        """Hand on the buffered audio; a frame that may belong into it is placed before."""
        self._insert_overtaken()
        super().flush()

    def write(self) -> None:
        """Hand on the buffered audio, its drift uncorrected."""
        self._insert_overtaken()
        self._segmenter.flush()

    def _insert_overtaken(self) -> None:
        if len(self._waiting) == 1 and 0 < self._waiting[0].behind <= self._tolerance:
            self._insert(self._waiting[0], is_last=True)

    def _put_waiting(self, frame: Frame) -> None:
        """Place a frame that waits where the track stands, or before those that overtook it."""
        if not self._insert(frame):
            self._waiting.remove(frame)
            self._put(frame.raw, frame.pcm, frame.silent)

    def _put_in_order_of_arrival(self, frame: Frame) -> None:
        """Place a frame whose timestamp does not say where it belongs."""
        self._waiting.remove(frame)
        self._put(None, frame.pcm, frame.silent, is_unstamped=True)

    def _put_or_drop(self, frame: Frame) -> None:
        """Place an outlier in the order of arrival, unless its place is known and closed."""
        if frame.raw is not None and (
            self._fill_gap(frame, self._half)
            or self._is_done_with(frame)
            # What was placed meanwhile may have moved its place.
            or self._fill_gap(frame, self._late)
        ):
            self._waiting.remove(frame)
        else:
            self._put_in_order_of_arrival(frame)

    def _put_outlier(self, frame: Frame) -> None:
        """Place a frame for which there is room, but not at its time.

        One that is a little behind was overtaken: its timestamp is right, and drift hid the room.
        """
        if frame.behind > self._tolerance or not self._insert(frame):
            self._put_or_drop(frame)

    def _put_late(self, frame: Frame) -> None:
        """Place a frame that is late, and no step of the clock. It need not become later."""
        position = self._position()
        if self._fill_gap(frame, self._half):
            self._waiting.remove(frame)
        elif not self._insert(frame):
            self._put_or_drop(frame)
            # What it takes of the time of the others is drift.
            self._shift_skew(position - self._position())

    def _is_late_in_a_stall(self, frame: Frame) -> bool:
        """Whether a frame behind the track comes while those that belong here do not."""
        missing = self._clock.missing(self._position(), frame.elapsed)
        return frame.is_before(self._base() - self._late) and missing > self._slack

    def _goes_on_without(self, frame: Frame) -> bool:
        """Whether a frame behind the track has waited, and those that belong here came meanwhile.

        Behind a step of the sender's clock, they would not.
        """
        time = self._clock.elapsed() - frame.elapsed
        fits = sum(arrival > frame.elapsed for arrival in self._fits)
        return (
            frame.is_before(self._base() - self._late)
            and time >= self._grain
            and 2 * fits * 2 * self._half >= time
        )

    def _may_be_overtaken(self, frame: Frame) -> bool:
        """Whether the frame before this one may belong behind it: drift hid that it was missing."""
        return (
            frame.raw is not None
            and self._half <= frame.behind <= self._slack
            and frame.advance(self._base()) < -self._half
            and any(frame.pcm)
        )

    def _is_overtaken(self, frame: Frame) -> bool:
        """Whether a frame behind this one shows, too, that the sender's clock was not set back."""
        later = frame.advance(-frame.behind - self._half)
        others = self._waiting[self._waiting.index(frame) + 1 :]
        return any(other.raw is not None and other.raw > later for other in others)

    def _insert(self, frame: Frame, *, is_last: bool = False) -> bool:
        """Insert a frame before those that overtook it, where these are still buffered.

        With ``is_last``, the frames behind it are not there yet.
        """
        distance = self._position() - frame.end + frame.behind
        if (
            not self._may_be_overtaken(frame)
            or not (is_last or self._is_overtaken(frame))
            or self._clock.is_beyond_limit(self._position())
            or not self._segmenter.insert(frame.pcm, distance)
        ):
            return False
        if frame.silent:
            self._segmenter.count("silent_frames")
        self._waiting.remove(frame)
        return True

    def _find_known_step(self, frame: Frame, follower: Frame) -> int | None:
        """Return an offset that the stream has used and that has two frames follow on here.

        None where frames were lost for as long as the clock would have been set: the time passed.
        """
        advance = frame.advance(self._base())
        if advance > 0 and self._clock.has_passed(advance, self._position(), frame.elapsed):
            return None
        for offset in self._clock.offsets_at(frame.elapsed):
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
        offset = self._explain(frame)
        if offset is None:
            self._step(frame)
            return
        if offset != self._offset:
            self._use_offset(offset, frame.elapsed)
        advance = frame.advance(self._base())
        self._move_over(self._round(advance) if advance > self._half else 0)

    def _explain(self, frame: Frame) -> int | None:
        """Return the offset that explains a frame without a new step of the sender's clock.

        The stream's latest step is the best one, also for a track that was silent then. Then the
        track's own, by which no clock was set.
        """
        clock = self._clock
        latest, *others = clock.offsets_at(frame.elapsed) or [self._offset]
        for offset in (latest, self._offset, *others):
            moved = frame.position(offset)
            gap = moved - self._position() - (round(self._ahead) if offset == self._offset else 0)
            is_gap = (
                gap <= self._grain
                or not clock.has_witness
                or clock.has_passed(gap, self._position(), frame.elapsed)
            )
            if gap >= -self._late and is_gap and self._is_possible(moved, frame):
                return offset
        return None

    def _round(self, samples: int) -> int:
        """Round a length to whole frames if jitter explains it, so lost ones fit if they come."""
        length = 2 * self._half
        whole = (samples + self._half) // length * length
        return whole if abs(whole - samples) <= self._half // 2 else samples

    def _step(self, frame: Frame) -> None:
        """Take a step of the sender's clock: the frame follows on where the track stands.

        Where time passed meanwhile, too, it becomes a gap.
        """
        missing = self._missing_behind_waiting()
        # In a burst behind a stall, what is missing is still to come. What waits does not count.
        before = self._clock.missing(self._position(), frame.elapsed)
        is_catching_up = before < self._seen_missing - self._slack
        gap = missing if missing > self._slack and not is_catching_up else 0
        self._use_offset(self._position() + gap - frame.position(0), frame.elapsed)
        self._move_over(gap)

    def _missing_behind_waiting(self) -> int:
        """How much audio is missing behind what waits, by the time that passed."""
        samples = sum(frame.samples for frame in self._waiting)
        return self._clock.missing(self._position() + samples, self._waiting[-1].elapsed)

    def _compare_with_clock(self) -> None:
        """Compare a track that has started with time, and with its stream."""
        clock, position = self._clock, self._position()
        self._seen_missing = clock.missing(position, clock.elapsed())
        if not self._waiting:
            clock.observe(position)
        self._follow_stream_clock()

    def _follow_stream_clock(self) -> None:
        """Follow the stream's latest step where a loss has hidden it, or was taken for a step.

        In the one case this track's audio comes later than it lies, by more than half of the step,
        a tick after it too. In the other it lies later than the others' of the same time, though it
        did not come late: that is drift, to be corrected where it is quietest.
        """
        position, clock = self._position(), self._clock
        ahead = clock.offsets[-1] - self._offset if clock.offsets else 0
        was_moving, self._seen_position = position != self._seen_position, position
        was_ahead, self._seen_ahead = ahead == self._seen_ahead, ahead
        end = position + sum(frame.samples for frame in self._waiting)
        elapsed = clock.elapsed()
        is_behind = clock.has_passed(ahead, end, elapsed) and clock.is_possible(
            end + ahead, elapsed, self._slack
        )
        if was_moving and was_ahead and ahead > self._half and is_behind:
            self._move_over(ahead)
            self._use_offset(clock.offsets[-1], elapsed)
        is_recent = clock.has_witness and clock.is_recent(end + ahead, elapsed, self._slack)
        if was_moving and was_ahead and ahead < -self._half and is_recent:
            self._use_offset(clock.offsets[-1], elapsed)
            self._shift_skew(ahead)

    def _use_offset(self, offset: int, elapsed: int) -> None:
        """Use another offset, for a frame that arrived after ``elapsed``.

        For the stream that is a step, unless it is its latest one, or was before its latest step.
        """
        clock = self._clock
        if offset not in clock.offsets or not clock.precedes_step(elapsed):
            if clock.offsets and clock.offsets[-1] != offset:
                self._segmenter.counts.clock_steps += 1
            clock.add_offset(offset, elapsed)
        self._offset = offset
        self._ahead_before_step = round(self._ahead)
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
                self._use_offset(-raw, first.elapsed)
        elif raw is None:
            self._offset = clock.offsets[-1] if clock.offsets else 0
            position = clock.expected(first.elapsed)
        else:
            offset = self._find_offset(raw, first)
            if offset is None:
                # Another clock than the stream's: what arrives now was spoken now.
                self._use_offset(clock.expected(first.elapsed) - raw, first.elapsed)
            else:
                self._offset = offset
            position = raw + self._offset
        self._segmenter.position = position
        self._allow_fast_path(clock.elapsed())

    def _allow_fast_path(self, elapsed: int) -> None:
        """Let frames take the fast path, where none must be looked at with care.

        In a stream's first burst, each one shows how far the sender is.
        """
        if self._position() >= self._careful_until and not self._clock.is_beginning(elapsed):
            self._reference_us = self._clock.reference_us

    def _find_offset(self, raw: int, first: Frame) -> int | None:
        """Return an offset that the stream has used and that explains when ``first`` arrived."""
        late = MAX_LATE_SECONDS * self._sample_rate
        for offset in self._clock.offsets_at(first.elapsed):
            position = raw + offset
            if self._is_possible(position, first) and self._clock.is_recent(
                position, first.elapsed, late
            ):
                return offset
        return None
