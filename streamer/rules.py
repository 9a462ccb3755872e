"""The rules by which frames that wait are placed. Pure.

``streamer/track.py`` says what they achieve together. Each rule looks at all frames that wait, and
returns whether it placed one or moved the track; then the first rule has its turn again.
"""

from __future__ import annotations

from streamer import frames
from streamer.clock import Clock
from streamer.frames import Frame
from streamer.placer import Placer
from streamer.segmenter import Segmenter
from streamer.track_state import TrackSettings

WITNESSES = 3
"""How many frames in a row must agree on a gap, or on a step of the sender's clock."""

DECISION_FRAMES = 15
"""How many frames must agree that audio within the tolerance was lost, and is not jitter."""

HOLD_SECONDS = 0.3
"""After this time a waiting frame is placed by what is known."""

MAX_MOVES = 8
"""How often the track may move without placing a frame: rules must never take turns for ever."""


class Rules(Placer):
    """Decides about the frames that wait. All lengths are in samples."""

    __slots__ = ("_hold", "_is_ending")

    def __init__(self, clock: Clock, settings: TrackSettings, segmenter: Segmenter) -> None:
        super().__init__(clock, settings, segmenter)
        self._hold = clock.arrival_samples(HOLD_SECONDS)
        # Whether the stream has ended, so that nothing follows what waits.
        self._is_ending = False

    def _decide(self, overdue: int | None) -> None:
        """Place what can be decided; and all that arrived up to ``overdue``."""
        if self._segmenter.position is None and self._waiting and not self._start(overdue):
            return
        moves = 0
        while self._waiting:
            count = len(self._waiting)
            if moves == MAX_MOVES:
                self._put_in_order_of_arrival(self._waiting[0])
            elif not self._apply_rules(overdue):
                return
            moves = moves + 1 if len(self._waiting) == count else 0

    def _apply_rules(self, overdue: int | None) -> bool:
        return (
            self._put_unstamped()
            or self._follow_latest_step()
            or self._put_fitting(overdue)
            or self._put_outliers()
            or self._follow_known_step()
            or self._accept_run(overdue)
            or self._accept_lost_frames(overdue)
            or self._put_overdue(overdue)
        )

    def _start(self, overdue: int | None) -> bool:
        """Find where the track begins; False where that needs more frames."""
        first = self._waiting[0]
        is_overdue = overdue is not None and first.elapsed <= overdue
        if len(self._waiting) < WITNESSES and not is_overdue:
            return False
        raw, ordered, agreeing = frames.order_first(self._waiting, self._tolerance)
        if agreeing < WITNESSES and not is_overdue:
            return False
        self._waiting = ordered
        self._start_at(raw, first)
        return True

    # The rules. Each one says whether it placed a frame, or moved the track.

    def _put_unstamped(self) -> bool:
        """Place the first frame if it has no timestamp."""
        frame = self._waiting[0]
        if frame.raw is None:
            self._put_in_order_of_arrival(frame)
        return frame.raw is None

    def _follow_latest_step(self) -> bool:
        """Follow the stream's latest step where it explains why a frame seems late."""
        frame, clock = self._waiting[0], self._clock
        latest = clock.offsets[-1] if clock.offsets else self._offset
        if latest == self._offset or frame.advance(self._base()) >= -self._half:
            return False
        if clock.precedes_step(frame.elapsed):
            return False
        moved = frame.position(latest)
        if moved < self._position() - self._half or not self._is_possible(moved, frame):
            return False
        if not self._put_near(frame):
            self._use_offset(latest, frame.elapsed)
        return True

    def _put_fitting(self, overdue: int | None) -> bool:
        """Place the earliest frame that fits where the track stands, within jitter."""
        base, run = self._base(), self._find_run()
        fitting = [
            frame
            for frame in self._waiting
            if frame.is_within(base, -self._late, self._half)
            and frame not in run
            and not self._may_repeat_silence(frame)
        ]
        if not fitting:
            return False
        fit = min(fitting, key=lambda frame: frame.advance(base))
        before = self._waiting[: self._waiting.index(fit)]
        late = [frame for frame in before if frame.is_before(base - self._late)]
        if len(frames.find_last_run(late, 2 * self._half - 1)) >= WITNESSES:
            # These are a step of the sender's clock, behind which an earlier frame came.
            late = []
        for frame in before:
            if frame in late or self._may_repeat_silence(frame):
                self._put_late(frame)
                return True
        if overdue is None and len(self._waiting) == 1 and self._may_be_overtaken(fit):
            # The next frame shows whether it was, or the sender's clock was set back.
            return False
        self._put_waiting(fit)
        self._fits.append(fit.elapsed)
        return True

    def _put_outliers(self) -> bool:
        """Place outliers where a frame behind them shows that there is just room for them."""
        base = self._base()
        outliers: list[Frame] = []
        room = 0
        for frame in self._waiting:
            if outliers and frame.is_within(base + room, -min(room // 2, self._late), self._half):
                if any(self._may_be_early(outlier) for outlier in outliers):
                    return False
                for outlier in outliers:
                    self._put_outlier(outlier)
                return True
            if not self._is_far(frame):
                return False
            outliers.append(frame)
            room += frame.samples
        return False

    def _follow_known_step(self) -> bool:
        """Follow a step of the sender's clock that the stream has seen: then the frame is near."""
        if len(self._waiting) == 1 or not self._is_far(self._waiting[0]):
            # A frame alone may just be late.
            return False
        offset = self._find_known_step(*self._waiting[:2])
        if offset is not None and not self._put_near(self._waiting[0]):
            self._use_offset(offset, self._waiting[0].elapsed)
        return offset is not None

    def _put_near(self, first: Frame) -> bool:
        """Place what waits and belongs before a step that ``first`` begins, if there is any."""
        base = self._base()
        line = frames.find_line(self._waiting, first, self._tolerance)
        others = [frame for frame in self._waiting if frame not in line]
        for frame in others:
            if frame.is_within(base, -self._half, self._half):
                self._put_waiting(frame)
                return True
        near = frames.find_near(others, base, self._tolerance)
        return bool(near) and self._accept_lost_frames(near[0].elapsed)

    def _accept_run(self, overdue: int | None) -> bool:
        """Believe frames in a row that agree: a gap, or a step of the sender's clock."""
        run = self._find_run()
        if len(run) < WITNESSES:
            return False
        if overdue is None and (
            self._clock.is_beginning(run[-1].elapsed) or self._may_end_a_stall(run)
        ):
            # What is a gap in a burst, and a step otherwise, the next frames show.
            return False
        base = self._base()
        near = frames.find_near(self._waiting, base, self._tolerance)
        if run[0].advance(base) <= 0 and self._put_near(run[0]):
            return True
        if self._goes_on_without(run[0]):
            # At once: its segment may be closed soon.
            self._put_late(run[0])
            return True
        if self._may_be_late(run, overdue):
            return False
        line = frames.find_line(self._waiting, run[0], self._tolerance)
        later = list(filter(self._may_come_later, self._waiting))
        if run[0].advance(base) > 0:
            # What belongs before it comes first.
            line += later + near
        is_first = True
        for frame in self._waiting[: -len(run)]:
            if frame.raw is None and not is_first:
                # It belongs behind the one before it, which waits on.
                continue
            if frame in line or frame in later or not self._is_far(frame):
                is_first = False
            else:
                self._put_or_drop(frame)
        self._move_to(min(line, key=lambda frame: frame.advance(base)))
        return True

    def _may_be_late(self, run: list[Frame], overdue: int | None) -> bool:
        """Whether a run comes at once to where audio is missing, whichever segments that is in.

        But a clock may have been set back to a gap of a segment that is closed: then it is new, and
        must not be dropped. While it waits, the next frames show that.
        """
        if frames.are_paced(run, DECISION_FRAMES):
            return False
        if self._may_fill_gap(run[0]):
            return True
        if not self._is_missing(run[0]) and not self._is_missing(run[-1]):
            return False
        has_waited = self._clock.elapsed() - run[0].elapsed >= self._hold
        ends_a_stall = self._clock.missing(run[0].end, run[0].elapsed) > self._slack
        return overdue is None or not (has_waited or ends_a_stall or self._is_ending)

    def _may_end_a_stall(self, run: list[Frame]) -> bool:
        """Whether a step came during a stall: what is missing may follow at once, or never."""
        return (
            self._missing_behind_waiting() > self._slack
            and not frames.are_paced(run, WITNESSES)
            and self._explain(run[0]) is None
        )

    def _accept_lost_frames(self, overdue: int | None) -> bool:
        """Decide about frames within the tolerance: jitter, or the first frames after a loss."""
        base, run = self._base(), self._find_run()
        # What a run that waits leads to is decided with it.
        others = self._waiting if len(run) < WITNESSES else self._waiting[: -len(run)]
        near = frames.find_near(others, base, self._tolerance)
        if not near:
            return False
        count, advance = frames.compare_near(near, base, self._half)
        if count:
            for frame in near[:count]:
                self._put_waiting(frame)
            return True
        if len(near) < DECISION_FRAMES and (overdue is None or near[0].elapsed > overdue):
            return False
        # Senders lose whole frames. What is less than one is the timestamps' own offset: drift.
        length = 2 * self._half
        lost = (advance + self._half // 2) // length * length
        if not lost:
            self._shift_skew(advance)
        elif self._is_possible(self._position() + lost, near[-1]):
            self._segmenter.fill(lost)
        else:
            # There was no time for them: the sender's clock was set, by little.
            self._use_offset(self._offset - lost, near[-1].elapsed)
        return True

    def _put_overdue(self, overdue: int | None) -> bool:
        """Place the first frame if it has waited long enough: by its time, if that passed."""
        frame = self._waiting[0]
        if overdue is None or frame.elapsed > overdue:
            return False
        credible = [other for other in self._waiting if self._may_come_later(other)]
        first = min(credible, key=lambda frame: frame.advance(0), default=frame)
        if frame in credible and self._is_credible(first):
            self._move_to(first)
        elif self._is_late_in_a_stall(frame) or self._goes_on_without(frame):
            self._put_late(frame)
        else:
            self._put_or_drop(frame)
        return True

    def _is_credible(self, frame: Frame) -> bool:
        """Whether the track may move to a frame: a step of the clock needs two that agree."""
        line = frames.find_line(self._waiting, frame, self._tolerance)
        return len(line) > 1 or self._explain(frame) is not None

    def _may_be_early(self, frame: Frame) -> bool:
        """Whether a frame may have overtaken others: it is a little ahead, and its place is free.

        The frame that belongs there comes while this one waits, if there is one.
        """
        if not frame.is_within(self._base() + 1, 0, self._hold * 4 // 5):
            return False
        base = frame.advance(0)
        rivals = [
            other for other in self._waiting if other.is_within(base, -self._half, self._half)
        ]
        return len(rivals) == 1 and self._is_possible(frame.position(self._offset), frame)

    def _find_run(self) -> list[Frame]:
        """The last waiting frames that follow on each other, the first of them far from here."""
        run = frames.find_last_run(self._waiting, 2 * self._half - 1)
        near = frames.find_near(self._waiting, self._base(), self._tolerance)
        while run and (run[0] in near or not self._is_far(run[0])):
            del run[0]
        return run
