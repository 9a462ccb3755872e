"""Where a frame belongs. Pure: timestamps, audio and time in, calls to a Segmenter out.

ACS's timestamps have millisecond resolution and jitter, frames carry no sequence number, and senders'
clocks are set. A timestamp says where a frame belongs, but it is not believed against all else.

What it promises:

- **Audio is dropped only when it is byte for byte what already lies at its place** (``repeated``), or
  when its place is in a segment that is closed (``late_dropped``), or when a sender runs further ahead
  of time than ``MAX_LEAD_SECONDS`` (``lost``). All three are counted.
- Where timestamps and arrival agree, every frame lies within 60 ms of its timestamp.
- A gap needs a second witness: further frames, or the time that passed. It becomes silence of exactly
  the missing length or, beyond ``jump``, a new segment at its own time.
- A timestamp that is ahead of the time that passed, or behind the track with audio that is not there
  yet, is an outlier or a step of the sender's clock. An outlier is placed by the frames around it. Some
  frames in a row are a step: it is counted once, and belongs to the stream's clock, so that all tracks
  keep lining up.
- Drift between timestamps and samples is corrected at the quietest place of a second of audio.
- A frame waits for a decision for less than a second.
- No stream becomes longer than the time for which it was open and ``MAX_LEAD_SECONDS``.

The rules: a frame that fits where the track stands follows on directly; that is the fast path. Any
other frame waits, and with it all that follow, until one of the rules in ``_decide`` applies.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from acs.media import BYTES_PER_SAMPLE, FRAME_MILLISECONDS
from contract.manifest import Counts
from streamer.clock import HALF_SECOND, MICROSECONDS, Clock
from streamer.cuts import CutPlanner
from streamer.segmenter import Segmenter, SegmentWriter

WITNESSES = 3
"""How many frames in a row must agree on a gap, or on a step of the sender's clock."""

DECISION_FRAMES = 15
"""How many frames must agree that audio within the tolerance was lost, and is not jitter."""

HOLD_SECONDS = 0.3
"""After this time a waiting frame is placed by what is known."""

ARRIVAL_SLACK_SECONDS = 0.3
"""How inexact arrival is: reads in batches, jitter of the network, a busy event loop."""

MAX_LATE_SECONDS = 60
"""How late a track's first frame may arrive; one that seems later has another clock."""

_DRIFT_WEIGHT = 1 / 32
_NO_RAW = -(1 << 80)


class TrackSettings(NamedTuple):
    """How a track places its frames; lengths in samples, ``flush_bytes`` in bytes."""

    tolerance: int
    jump: int
    flush_bytes: int


class _Frame(NamedTuple):
    """A frame that waits. ``raw`` is its timestamp's raw position; None: it has none that helps.

    ``elapsed`` is when it arrived, in samples since the stream's first frame.
    """

    raw: int | None
    elapsed: int
    pcm: bytes
    silent: bool

    @property
    def samples(self) -> int:
        return len(self.pcm) // BYTES_PER_SAMPLE


class Track:
    """Decides where one track's frames belong, and has its segmenter write them there."""

    __slots__ = (
        "_clock",
        "_half",
        "_hold",
        "_jump",
        "_last_raw",
        "_late",
        "_max_skew",
        "_offset",
        "_reference_us",
        "_sample_rate",
        "_segmenter",
        "_skew",
        "_slack",
        "_tolerance",
        "_waiting",
    )

    def __init__(self, clock: Clock, settings: TrackSettings, segmenter: Segmenter) -> None:
        self._clock = clock
        self._sample_rate = clock.sample_rate
        # The clock's, once the track has started: until then no frame takes the fast path.
        self._reference_us: int | None = None
        self._segmenter = segmenter
        self._tolerance = settings.tolerance
        self._jump = settings.jump
        self._half = clock.sample_rate * FRAME_MILLISECONDS // 2000
        # So far behind the track, a timestamp may be jitter.
        self._late = settings.tolerance - self._half
        self._max_skew = self._half * 3 // 2
        self._slack = round(ARRIVAL_SLACK_SECONDS * clock.sample_rate)
        self._hold = round(HOLD_SECONDS * clock.sample_rate)
        # In the order of arrival.
        self._waiting: list[_Frame] = []
        # From raw positions to positions. The clock's, as this track's sender uses it.
        self._offset = 0
        self._last_raw = _NO_RAW
        # The running mean of how far timestamps are ahead of the samples, in samples.
        self._skew = 0.0

    @property
    def position(self) -> int | None:
        """Where the next sample goes, in samples; None before the first frame."""
        return self._segmenter.position

    @property
    def is_open(self) -> bool:
        """Whether a segment is open."""
        return self._segmenter.is_open

    @property
    def is_waiting(self) -> bool:
        """Whether frames wait for a decision."""
        return bool(self._waiting)

    @property
    def counts(self) -> Counts:
        """The counts of the open segment."""
        return self._segmenter.counts

    @property
    def totals(self) -> Counts:
        """The sum of the counts of all finished segments."""
        return self._segmenter.totals

    @property
    def pending_bytes(self) -> int:
        """How much audio is in memory only."""
        return self._segmenter.buffered + sum(len(frame.pcm) for frame in self._waiting)

    @property
    def anomalies(self) -> int:
        """A number that changes with every count, except that of placed frames."""
        return self.counts.anomalies + self.totals.anomalies

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
        if -self._half <= deviation <= self._half and not self._waiting:
            # The fast path: nothing waits, and the frame follows on directly.
            size = len(pcm)
            end = position + size // BYTES_PER_SAMPLE
            buffered = segmenter.buffered + size
            self._last_raw = raw
            if end >= segmenter.boundary or buffered > segmenter.direct_bytes or silent:
                self._put(raw, pcm, silent)
                return
            self._skew += deviation * _DRIFT_WEIGHT
            # Segmenter.append, inlined.
            segmenter.pending.append(pcm)
            segmenter.buffered = buffered
            segmenter.position = end
            segmenter.counts.frames += 1
            return
        self._place_with_care(raw, pcm, silent)

    def flush(self) -> None:
        """Hand the buffered audio to the open segment's writer; drift is corrected before."""
        if abs(self._skew) >= self._max_skew:
            self._skew -= self._segmenter.correct(round(self._skew))
        self._segmenter.flush()

    def decide(self) -> bool:
        """Place the frames that have waited long enough; whether there were any.

        To be called about twice a second.
        """
        if self._segmenter.position is not None and not self._waiting:
            self._clock.observe(self._segmenter.position)
        overdue = self._clock.elapsed() - self._hold
        if not self._waiting or self._waiting[0].elapsed > overdue:
            return False
        self._decide(overdue)
        return True

    def finish(self) -> None:
        """Place every frame that waits, and end the open segment."""
        self._decide(self._clock.elapsed())
        if abs(self._skew) >= self._max_skew:
            self._skew -= self._segmenter.correct(round(self._skew))
        self._segmenter.close_segment()

    # Off the fast path.

    def _place_with_care(self, raw: int | None, pcm: bytes, silent: bool) -> None:
        frame = _Frame(raw, self._clock.elapsed(), pcm, silent)
        if self._segmenter.position is not None:
            self._reference_us = self._clock.reference_us
        if raw is not None:
            repeats = raw == self._last_raw
            self._last_raw = raw
            if self._is_done_late(frame) or self._repeats_a_waiting_one(frame):
                return
            if repeats:
                # Timestamps in whole seconds, say: one that repeats says nothing.
                frame = frame._replace(raw=None)
        self._waiting.append(frame)
        self._decide(None)

    def _is_done_late(self, frame: _Frame) -> bool:
        """Whether a frame behind the track fills a gap, or is there already."""
        segmenter = self._segmenter
        if segmenter.position is None or self._advance(frame) >= -self._half:
            return False
        position = segmenter.position + self._advance(frame)
        if segmenter.replace_gap(position, frame.pcm, self._half):
            segmenter.counts.silent_frames += frame.silent
            return True
        # Silence is like other silence: it may as well be new.
        if any(frame.pcm) and segmenter.contains(position, frame.pcm, self._half):
            segmenter.counts.repeated += 1
            return True
        return False

    def _repeats_a_waiting_one(self, frame: _Frame) -> bool:
        if any(other.raw == frame.raw and other.pcm == frame.pcm for other in self._waiting):
            self._segmenter.counts.repeated += 1
            return True
        return False

    def _advance(self, frame: _Frame) -> int:
        """How far a frame's timestamp is ahead of where the track stands, in samples."""
        assert frame.raw is not None
        assert self._segmenter.position is not None
        return frame.raw + self._offset - self._segmenter.position - round(self._skew)

    def _missing(self, frame: _Frame) -> int:
        """How much audio is missing before a frame by the time that passed, in samples."""
        assert self._segmenter.position is not None
        return self._clock.missing(self._segmenter.position, frame.elapsed)

    def _decide(self, overdue: int | None) -> None:
        """Place what can be decided; and all that arrived up to ``overdue``."""
        if self._segmenter.position is None and self._waiting and not self._start(overdue):
            return
        while self._waiting and (
            self._put_unstamped()
            or self._put_fitting()
            or self._put_outliers()
            or self._follow_known_step()
            or self._accept_run()
            or self._accept_lost_frames(overdue)
            or self._put_overdue(overdue)
        ):
            pass

    def _put(self, raw: int | None, pcm: bytes, silent: bool) -> None:
        """Place a frame where the track stands."""
        segmenter = self._segmenter
        position = segmenter.position
        assert position is not None
        if self._clock.is_beyond_limit(position):
            # Every frame is looked at until time has caught up.
            segmenter.direct_bytes = 0
            segmenter.counts.lost += 1
            return
        segmenter.allow_direct()
        if raw is not None:
            self._skew += (raw + self._offset - position - self._skew) * _DRIFT_WEIGHT
        if segmenter.buffered + len(pcm) > segmenter.direct_bytes:
            self.flush()
        segmenter.append(pcm)
        segmenter.counts.silent_frames += silent

    def _put_waiting(self, frame: _Frame) -> None:
        self._waiting.remove(frame)
        self._put(frame.raw, frame.pcm, frame.silent)

    def _put_in_order_of_arrival(self, frame: _Frame) -> None:
        """Place a frame whose timestamp does not say where it belongs."""
        self._waiting.remove(frame)
        self._put(None, frame.pcm, frame.silent)
        self._segmenter.counts.unstamped += 1

    # The rules. Each one says whether it placed a frame, or moved the track.

    def _put_unstamped(self) -> bool:
        frame = self._waiting[0]
        if frame.raw is not None:
            return False
        self._put_in_order_of_arrival(frame)
        return True

    def _put_fitting(self) -> bool:
        """Place the earliest frame that fits where the track stands, within jitter."""
        run = self._run()
        fitting = [
            frame
            for frame in self._waiting
            if frame.raw is not None
            and -self._late <= self._advance(frame) <= self._half
            and frame not in run
        ]
        if not fitting:
            return False
        self._put_waiting(min(fitting, key=self._advance))
        return True

    def _is_far(self, frame: _Frame) -> bool:
        """Whether a frame's timestamp is too far from the track for jitter."""
        return frame.raw is None or not -self._late <= self._advance(frame) <= self._tolerance

    def _put_outliers(self) -> bool:
        """Place outliers where a frame behind them shows that there is just room for them."""
        outliers: list[_Frame] = []
        room = 0
        for frame in self._waiting:
            if (
                outliers
                and frame.raw is not None
                and abs(self._advance(frame) - room) <= self._half
            ):
                for outlier in outliers:
                    self._put_in_order_of_arrival(outlier)
                return True
            if not self._is_far(frame):
                return False
            outliers.append(frame)
            room += frame.samples
        return False

    def _follow_known_step(self) -> bool:
        """Follow a step of the sender's clock that the stream has seen: then the frame fits."""
        assert self._segmenter.position is not None
        frame = self._waiting[0]
        if frame.raw is None or not self._is_far(frame):
            return False
        for offset in reversed(self._clock.offsets):
            deviation = frame.raw + offset - self._segmenter.position
            if offset != self._offset and abs(deviation) <= self._half:
                self._use_offset(offset)
                return True
        return False

    def _accept_run(self) -> bool:
        """Believe frames in a row that agree: a gap, or a step of the sender's clock."""
        run = self._run()
        if len(run) < WITNESSES:
            return False
        line = self._line_of(run[0])
        for frame in self._waiting[: -len(run)]:
            if frame not in line and self._is_far(frame):
                self._put_or_drop(frame)
        self._move_to(min(line, key=self._advance))
        return True

    def _run(self) -> list[_Frame]:
        """The last waiting frames that follow on each other, the first of them far from the track."""
        run: list[_Frame] = []
        for frame in reversed(self._waiting):
            if frame.raw is None:
                break
            if run:
                next_raw = run[-1].raw
                assert next_raw is not None
                if abs(next_raw - frame.raw - frame.samples) > self._half:
                    break
            run.append(frame)
        near = self._near()
        while run and (run[-1] in near or not self._is_far(run[-1])):
            run.pop()
        return run[::-1]

    def _line_of(self, first: _Frame) -> list[_Frame]:
        """The waiting frames whose timestamps agree with one of them, whatever their order."""
        assert first.raw is not None
        slots: dict[int, int] = {}
        slot = 0
        for index, frame in enumerate(self._waiting):
            slots[index] = slot
            slot += frame.samples
        start = first.raw - slots[self._waiting.index(first)]
        return [
            frame
            for index, frame in enumerate(self._waiting)
            if frame.raw is not None and abs(frame.raw - start - slots[index]) <= self._tolerance
        ]

    def _move_to(self, frame: _Frame) -> None:
        """Move the track to a frame: over a gap, or by a step of the sender's clock."""
        assert frame.raw is not None
        position = self._segmenter.position
        assert position is not None
        clock = self._clock
        # The stream's latest step is the best explanation, also for a track that was silent then.
        for offset in reversed(clock.offsets):
            moved = frame.raw + offset
            if moved < position - self._half:
                continue
            if clock.is_possible(moved, frame.elapsed, self._slack):
                if offset != self._offset:
                    self._use_offset(offset)
                break
        else:
            self._step(frame)
            return
        advance = self._advance(frame)
        if advance > self._jump:
            self._segmenter.restart_at(position + advance)
            self._skew = 0.0
        elif advance > self._half:
            self._segmenter.fill(advance)

    def _step(self, frame: _Frame) -> None:
        """Take a step of the sender's clock: the frame follows on where the track stands.

        Where time passed meanwhile, too, it becomes a gap.
        """
        assert frame.raw is not None
        assert self._segmenter.position is not None
        missing = self._missing(frame)
        gap = missing if missing > self._slack else 0
        self._skew = 0.0
        self._use_offset(self._segmenter.position + gap - frame.raw)
        if gap > self._jump:
            self._segmenter.restart_at(self._segmenter.position + gap)
        elif gap:
            self._segmenter.fill(gap)

    def _use_offset(self, offset: int) -> None:
        """Use another offset; for the stream that is a step, unless it is its latest one."""
        clock = self._clock
        if clock.offsets and clock.offsets[-1] != offset:
            self._segmenter.counts.clock_steps += 1
        clock.add_offset(offset)
        self._offset = offset
        self._skew = 0.0

    def _accept_lost_frames(self, overdue: int | None) -> bool:
        """Decide about frames within the tolerance: jitter, or the first frames after a loss."""
        near = self._near()
        if not near:
            return False
        count, advance = self._compare_with_track(near)
        if count:
            for frame in near[:count]:
                self._put_waiting(frame)
            return True
        if len(near) < DECISION_FRAMES and (overdue is None or near[0].elapsed > overdue):
            return False
        # Senders lose whole frames. What is less than one is the timestamps' own offset: drift.
        length = 2 * self._half
        lost = (advance + self._half * 3 // 20) // length * length
        assert self._segmenter.position is not None
        end = self._segmenter.position + lost
        if lost and not self._clock.is_possible(end, near[-1].elapsed, self._slack):
            # There was no time for them: the sender's clock was set, by little.
            self._use_offset(self._offset - lost)
        elif lost:
            self._segmenter.fill(lost)
        else:
            self._skew += advance
        return True

    def _near(self) -> list[_Frame]:
        """The waiting frames, by time, that follow on within the tolerance."""
        stamped = [frame for frame in self._waiting if frame.raw is not None]
        near: list[_Frame] = []
        room = 0
        for frame in sorted(stamped, key=self._advance):
            advance = self._advance(frame)
            if advance > 0 and advance - room <= self._tolerance:
                near.append(frame)
                room += frame.samples
        return near

    def _compare_with_track(self, near: list[_Frame]) -> tuple[int, int]:
        """Return how many frames simply follow on, and 0.

        Where none does, return 0 and the advance that all of them show, in samples.
        """
        room, least = 0, self._jump
        for index, frame in enumerate(near):
            advance = self._advance(frame) - room
            if advance <= self._half:
                return index + 1, 0
            least = min(least, advance)
            room += frame.samples
        return 0, least

    def _put_overdue(self, overdue: int | None) -> bool:
        """Place the first frame if it has waited long enough: by its time, if that passed."""
        frame = self._waiting[0]
        if overdue is None or frame.elapsed > overdue:
            return False
        if frame.raw is not None and self._advance(frame) > self._half:
            if self._agrees_with_arrival(frame):
                self._move_to(frame)
                return True
        self._put_or_drop(frame)
        return True

    def _agrees_with_arrival(self, frame: _Frame) -> bool:
        """Whether a timestamp, by some offset that the stream knows, says when the frame arrived."""
        assert frame.raw is not None
        clock, slack = self._clock, self._slack
        return any(
            clock.is_possible(frame.raw + offset, frame.elapsed, slack)
            and clock.is_recent(frame.raw + offset, frame.elapsed, slack)
            for offset in {*clock.offsets, self._offset}
        )

    def _put_or_drop(self, frame: _Frame) -> None:
        """Place an outlier in the order of arrival, unless its place is known and closed."""
        segmenter = self._segmenter
        if frame.raw is not None and self._advance(frame) < 0:
            assert segmenter.position is not None
            position = segmenter.position + self._advance(frame)
            if segmenter.contains(position, frame.pcm, self._half):
                self._waiting.remove(frame)
                segmenter.counts.repeated += 1
                return
            if segmenter.is_closed_gap(position, frame.samples, self._half):
                self._waiting.remove(frame)
                segmenter.counts.late_dropped += 1
                return
        self._put_in_order_of_arrival(frame)

    # The first frames.

    def _start(self, overdue: int | None) -> bool:
        """Find where the track begins; False where that needs more frames.

        The first frames may be out of order, and one of their timestamps may be wrong or missing.
        """
        first = self._waiting[0]
        if len(self._waiting) < WITNESSES and (overdue is None or first.elapsed > overdue):
            return False
        slots: list[int] = []
        room = 0
        for frame in self._waiting:
            slots.append(room)
            room += frame.samples
        lines = [
            frame.raw - slot
            for frame, slot in zip(self._waiting, slots, strict=True)
            if frame.raw is not None
        ]
        if not lines:
            self._start_at(None, first)
            return True
        line = sorted(lines)[len(lines) // 2]
        ordered = sorted(
            zip(self._waiting, slots, strict=True),
            key=lambda pair: (
                pair[0].raw
                if pair[0].raw is not None and abs(pair[0].raw - line - pair[1]) <= self._tolerance
                else line + pair[1]
            ),
        )
        earliest, slot = ordered[0]
        is_outlier = earliest.raw is None or abs(earliest.raw - line - slot) > self._tolerance
        self._start_at(line + slot if is_outlier else earliest.raw, first)
        self._waiting = [frame for frame, _ in ordered]
        return True

    def _set_position(self, position: int) -> None:
        """Begin: from now on, frames may take the fast path."""
        self._segmenter.position = position
        self._reference_us = self._clock.reference_us

    def _start_at(self, raw: int | None, first: _Frame) -> None:
        """Begin the track at a raw position, or (None) where audio is by the time that passed."""
        clock = self._clock
        expected = clock.expected(first.elapsed)
        late = MAX_LATE_SECONDS * clock.sample_rate
        if not clock.offsets and clock.origin_us is None:
            clock.begin(raw)
            if raw is not None:
                self._offset = -raw
                clock.add_offset(-raw)
            self._set_position(0)
            return
        if raw is None:
            self._offset = clock.offsets[-1] if clock.offsets else 0
            self._set_position(expected)
            return
        for offset in reversed(clock.offsets):
            position = raw + offset
            possible = clock.is_possible(position, first.elapsed, self._slack)
            if possible and clock.is_recent(position, first.elapsed, late):
                self._offset = offset
                break
        else:
            # Another clock than the stream's: what arrives now was spoken now.
            self._use_offset(expected - raw)
        self._set_position(raw + self._offset)


def create_track(
    clock: Clock,
    cuts: CutPlanner,
    settings: TrackSettings,
    open_segment: Callable[[int], SegmentWriter],
) -> Track:
    """Create a track with a segmenter of its own.

    Args:
        clock: The stream's clock, which all its tracks share.
        cuts: The stream's cut planner, which all its tracks share.
        settings: How to place frames.
        open_segment: Returns the writer of a segment that starts at a position.
    """
    segmenter = Segmenter(
        cuts, open_segment, sample_rate=clock.sample_rate, flush_bytes=settings.flush_bytes
    )
    return Track(clock, settings, segmenter)
