"""Where a frame belongs. Pure: timestamps, audio and time in, calls to a Segmenter out.

ACS's timestamps have millisecond resolution and jitter, frames carry no sequence number, and
senders' clocks are set. A timestamp says where a frame belongs, but it is not believed against all
else.

What it promises (tests/streamer/test_track_properties.py holds it to that):

- **Audio is dropped only when it is byte for byte what already lies at its place** (``repeated``;
  the last second or two are compared, as drift correction has left them), when its place is in a
  closed segment (``late_dropped``), or when a sender is more than ``MAX_LEAD_SECONDS`` ahead
  (``lost``). All three are counted. Drift correction adds silence and removes samples where it is
  quietest (``corrected_samples``).
- Where timestamps and arrival agree, every frame lies within 60 ms of its timestamp. They agree if
  it is as late as all others, or was overtaken and is less than ``ARRIVAL_SLACK_SECONDS`` late. One
  exception: a frame is placed as it arrives (two late: 70 ms off) where drift of 2 % hid that it
  was missing, and what overtook it was flushed or cut off before it came.
- A gap needs a second witness: further frames, or the time that passed. It becomes silence of
  exactly the missing length or, beyond ``jump``, a new segment at its own time. Late frames replace
  that silence; frames in a row that come as fast as they were spoken are not late.
- A timestamp ahead of the time that passed, or behind the track with audio that is not there yet,
  is an outlier or a step of the sender's clock. An outlier is placed by the frames around it. Some
  frames in a row are a step: it is counted once, and belongs to the stream's clock, so all tracks
  keep lining up: after a second also where a loss of the same length hid the step.
- Drift between timestamps and samples is corrected at the quietest place of a second of audio.
- A frame waits for a decision for less than a second, if ``decide`` is called twice a second.
- No stream becomes longer than the time for which it was open, ``MAX_LEAD_SECONDS`` and a second.
- No timestamp raises an exception.

The rules: a frame that fits where the track stands follows on directly; that is the fast path. Any
other frame waits, and with it all that follow, until a rule in ``_apply_rules`` applies.
"""

from __future__ import annotations

from collections.abc import Callable

from acs.media import BYTES_PER_SAMPLE
from streamer import frames
from streamer.clock import HALF_SECOND, MICROSECONDS, Clock
from streamer.cuts import CutPlanner
from streamer.drift import DRIFT_WEIGHT
from streamer.frames import Frame
from streamer.placer import Placer
from streamer.segmenter import Segmenter, SegmentWriter
from streamer.stamp_history import StampHistory
from streamer.track_state import TrackSettings

WITNESSES = 3
"""How many frames in a row must agree on a gap, or on a step of the sender's clock."""

DECISION_FRAMES = 15
"""How many frames must agree that audio within the tolerance was lost, and is not jitter."""

HOLD_SECONDS = 0.3
"""After this time a waiting frame is placed by what is known."""

MAX_WAITING = 50
"""How many frames may wait; with more, as in a burst, all of them are decided."""

MAX_MOVES = 8
"""How often the track may move without placing a frame: rules must never take turns for ever."""

_NO_RAW = -(1 << 80)


class Track(Placer):
    """Decides where one track's frames belong, and has its segmenter write them there."""

    __slots__ = ("_history", "_hold", "_last_raw", "_suspect")

    def __init__(self, clock: Clock, settings: TrackSettings, segmenter: Segmenter) -> None:
        super().__init__(clock, settings, segmenter)
        self._hold = clock.arrival_samples(HOLD_SECONDS)
        # Silence with the timestamp of the frame before it: a repeat, or of a coarse clock.
        self._suspect: Frame | None = None
        self._last_raw = _NO_RAW
        self._history = StampHistory()

    def place(self, timestamp_us: int | None, pcm: bytes, silent: bool) -> None:
        """Place one frame of whole samples.

        Args:
            timestamp_us: Its timestamp in microseconds since 1970. Without one (None) it follows in
                the order of arrival.
            pcm: Its audio, s16le mono.
            silent: Whether ACS marked it as silent.
        """
        if timestamp_us is None or self._reference_us is None:
            raw = None if timestamp_us is None else self._clock.raw_position(timestamp_us)
            self._place_with_care(raw, pcm, silent)
            return
        # Clock.raw_position, inlined: a call costs more than everything else here.
        elapsed = (timestamp_us - self._reference_us) * self._sample_rate
        raw = (elapsed + HALF_SECOND) // MICROSECONDS
        segmenter = self._segmenter
        position: int = segmenter.position  # type: ignore[assignment]  # the track has started
        deviation = raw + self._offset - position - self._skew
        if self._least <= deviation <= self._most and not self._waiting:
            # The fast path: nothing waits, and the frame follows on directly.
            size = len(pcm)
            end = position + size // BYTES_PER_SAMPLE
            buffered = segmenter.buffered + size
            self._last_raw = raw
            if end >= segmenter.boundary or buffered > segmenter.direct_bytes:
                self._put(raw, pcm, silent)
                return
            self._skew += deviation * DRIFT_WEIGHT
            # Segmenter.append, inlined.
            segmenter.pending.append(pcm)
            segmenter.buffered = buffered
            segmenter.position = end
            segmenter.counts.frames += 1
            if silent:
                segmenter.counts.silent_frames += 1
            return
        self._place_with_care(raw, pcm, silent)

    def decide(self) -> bool:
        """Place the frames that have waited long enough; whether there were any.

        To be called about twice a second.
        """
        if self._segmenter.position is not None:
            self._compare_with_clock()
        overdue = self._clock.elapsed() - self._hold
        if not self._waiting or self._waiting[0].elapsed > overdue:
            return False
        self._decide(overdue)
        return True

    def finish(self) -> None:
        """Place every frame that waits, and end the open segment."""
        self._decide(self._clock.elapsed())
        self._correct_drift()
        self._segmenter.close_segment()

    def _place_with_care(self, raw: int | None, pcm: bytes, silent: bool) -> None:
        behind = 0 if raw is None or self._waiting else self._last_raw - raw
        position = self._segmenter.position
        frame = Frame(raw, self._clock.elapsed(), pcm, silent, behind, position or 0)
        if position is not None and position >= self._careful_until:
            self._reference_us = self._clock.reference_us
        if raw is not None:
            is_same_time = raw == self._last_raw
            self._last_raw = raw
            is_coarse = self._history.is_coarse
            if not (is_same_time and is_coarse) and self._is_done(frame):
                return
            if is_coarse or any(pcm):
                self._history.note_time(is_same=is_same_time)
            if is_same_time and (is_coarse or any(pcm)):
                # In whole seconds, say: a timestamp that comes again says nothing.
                frame = frame._replace(raw=None)
            elif is_same_time and self._suspect is not None and self._suspect in self._waiting[-1:]:
                # Silence may be a repeat once, but not twice.
                self._waiting[-1] = self._waiting[-1]._replace(raw=None)
                frame = frame._replace(raw=None)
            elif is_same_time:
                self._suspect = frame
        self._waiting.append(frame)
        if position is not None and self._clock.is_beginning(frame.elapsed):
            self._clock.observe(position + sum(frame.samples for frame in self._waiting))
        self._decide(frame.elapsed if len(self._waiting) > MAX_WAITING else None)

    def _is_done(self, frame: Frame) -> bool:
        """Whether a frame is a repeat, or fills a gap."""
        is_waiting = any(
            other.raw == frame.raw and other.pcm == frame.pcm and other is not self._suspect
            for other in self._waiting
        )
        if self._history.repeats(frame) or is_waiting:
            self._segmenter.counts.repeated += 1
            return True
        return self._is_done_late(frame)

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
        if agreeing == 1 and not is_overdue:
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
        frame, latest = self._waiting[0], self._clock.offsets[-1:]
        if not latest or latest[0] == self._offset or frame.advance(self._base()) >= -self._half:
            return False
        moved = frame.position(latest[0])
        if moved < self._position() - self._half or not self._is_possible(moved, frame):
            return False
        if not self._put_near(frame):
            self._use_offset(latest[0])
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
        for frame in self._waiting[: self._waiting.index(fit)]:
            is_late = frame.raw is not None and frame.advance(base) < -self._late
            if is_late or self._may_repeat_silence(frame):
                self._put_late(frame)
                return True
        if overdue is None and len(self._waiting) == 1 and self._may_be_overtaken(fit):
            # The next frame shows whether it was, or the sender's clock was set back.
            return False
        self._put_waiting(fit)
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
            self._use_offset(offset)
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
        if overdue is None and self._clock.is_beginning(run[-1].elapsed):
            # What is a gap in a burst, and a step otherwise, the next frames show.
            return False
        base = self._base()
        near = frames.find_near(self._waiting, base, self._tolerance)
        if run[0].advance(base) <= 0 and self._put_near(run[0]):
            return True
        if self._may_fill_gap(run[0]) and not frames.are_paced(run, DECISION_FRAMES):
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

    def _accept_lost_frames(self, overdue: int | None) -> bool:
        """Decide about frames within the tolerance: jitter, or the first frames after a loss."""
        base = self._base()
        near = frames.find_near(self._waiting, base, self._tolerance)
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
            self._use_offset(self._offset - lost)
        return True

    def _put_overdue(self, overdue: int | None) -> bool:
        """Place the first frame if it has waited long enough: by its time, if that passed."""
        frame = self._waiting[0]
        if overdue is None or frame.elapsed > overdue:
            return False
        credible = [other for other in self._waiting if self._may_come_later(other)]
        if frame in credible:
            self._move_to(min(credible, key=lambda frame: frame.advance(0)))
        else:
            self._put_or_drop(frame)
        return True

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


def create_track(
    clock: Clock,
    cuts: CutPlanner,
    settings: TrackSettings,
    open_segment: Callable[[int], SegmentWriter],
) -> Track:
    """Create a track with a segmenter of its own; all tracks of a stream share the rest."""
    segmenter = Segmenter(
        cuts, open_segment, sample_rate=clock.sample_rate, flush_bytes=settings.flush_bytes
    )
    return Track(clock, settings, segmenter)
