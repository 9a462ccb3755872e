"""Where a frame belongs, by its timestamp. Pure: timestamps and audio in, calls to a Segmenter out.

Timestamps alone place frames; their arrival does not. ACS's timestamps have millisecond resolution
and jitter, and frames carry no sequence number. The rules:

- A frame stamped within half a frame of where the track stands follows on directly.
- A frame stamped later, but within ``tolerance``, is jitter or the first sign of a lost frame. It
  waits in the jitter buffer until a frame fits, which shows that it was jitter (or that the missing
  frame was only late), or until ``DECISION_FRAMES`` frames agree that audio is missing.
- Beyond the tolerance there is a gap: silence of exactly the missing length.
- A late frame, stamped before where the track stands, replaces the silence of a gap that it fits
  into. If the same audio is there already, it is dropped as repeated. Else it is counted.
- Beyond ``jump`` a new segment starts at its own time, instead of hours of silence. A single
  outlier moves nothing: its frame is placed in the order of arrival.
- ``CLOCK_STEP_FRAMES`` late frames in a row mean that the sender's clock was set back. That costs
  no audio: the track goes on where it stands.
- Slow drift between timestamps and samples is followed, and corrected in silent frames only.
- All tracks of a stream share one clock and one set of cuts, so that their segments line up.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from typing import NamedTuple

from acs.media import BYTES_PER_SAMPLE, FRAME_MILLISECONDS
from contract.manifest import Counts
from streamer.clock import HALF_SECOND, MICROSECONDS, Clock
from streamer.cuts import CutPlanner
from streamer.segmenter import Segmenter, SegmentWriter

DECISION_FRAMES = 25
"""How many frames in the jitter buffer must agree that audio was lost: half a second."""

CLOCK_STEP_FRAMES = 50
"""How many late frames in a row mean that the sender's clock was set back: a second."""

RECENT_FRAMES = 16
"""With how many frames, at least, a repeat is compared; all within the tolerance in any case."""

_DRIFT_WEIGHT = 1 / 256


class TrackSettings(NamedTuple):
    """How a track places its frames; lengths in samples, ``flush_bytes`` in bytes."""

    tolerance: int
    jump: int
    flush_bytes: int


class _Frame(NamedTuple):
    """A frame that waits for its place. Sorts by position, then by arrival."""

    position: int
    arrival: int
    pcm: bytes
    silent: bool


class Track:
    """Decides where one track's frames belong, and has its segmenter write them there."""

    __slots__ = (
        "_arrivals",
        "_clock",
        "_clock_offset",
        "_early",
        "_half",
        "_jitter_buffer",
        "_jump",
        "_late",
        "_segmenter",
        "_skew",
        "_tolerance",
    )

    def __init__(self, clock: Clock, settings: TrackSettings, segmenter: Segmenter) -> None:
        self._clock = clock
        self._segmenter = segmenter
        self._tolerance = settings.tolerance
        self._jump = settings.jump
        self._half = half_frame(clock.sample_rate)
        self._jitter_buffer: list[_Frame] = []
        # Outliers: one frame far ahead of the track, or frames in a row far behind it.
        self._early: _Frame | None = None
        self._late: list[_Frame] = []
        self._arrivals = 0
        # What the steps of the sender's clock add up to, in samples.
        self._clock_offset = 0
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
        waiting = self._jitter_buffer + self._late
        return self._segmenter.buffered + sum(len(frame.pcm) for frame in waiting)

    @property
    def anomalies(self) -> int:
        """A number that changes with every count, except that of placed frames."""
        return self.counts.anomalies + self.totals.anomalies

    def start_at(self, position: int) -> None:
        """Set where the first frame goes, if its timestamp does not say so."""
        self._segmenter.position = position

    def place(self, timestamp_us: int | None, pcm: bytes, silent: bool) -> None:
        """Place one frame of whole samples.

        Args:
            timestamp_us: Its timestamp in microseconds since 1970. Without one (None) it follows in
                the order of arrival.
            pcm: Its audio, s16le mono.
            silent: Whether ACS marked it as silent.
        """
        if timestamp_us is None:
            self._place_unstamped(pcm, silent)
            return
        clock = self._clock
        if clock.origin_us is None:
            clock.origin_us = timestamp_us
        # Clock.position, inlined: a call costs more than everything else here.
        elapsed = (timestamp_us - clock.origin_us) * clock.sample_rate
        stamped = (elapsed + HALF_SECOND) // MICROSECONDS + self._clock_offset
        segmenter = self._segmenter
        position = segmenter.position
        if position is None:
            segmenter.position = position = stamped
        deviation = stamped - position - self._skew
        if -self._half <= deviation <= self._half and not (
            self._jitter_buffer or self._late or self._early
        ):
            # The fast path: nothing waits, and the frame follows on directly.
            size = len(pcm)
            end = position + size // BYTES_PER_SAMPLE
            buffered = segmenter.buffered + size
            if end >= segmenter.boundary or buffered > segmenter.direct_bytes or silent:
                self._put(pcm, silent, stamped)
                return
            self._skew += deviation * _DRIFT_WEIGHT
            # Segmenter.append, inlined.
            segmenter.pending.append(pcm)
            segmenter.buffered = buffered
            segmenter.position = end
            segmenter.counts.frames += 1
            return
        self._place_with_care(stamped, pcm, silent)

    def flush(self) -> None:
        """Hand the buffered audio to the open segment's writer."""
        self._segmenter.flush()

    def finish(self) -> None:
        """Place every frame that waits, and end the open segment."""
        self._resolve_outliers()
        self._release(force=True)
        self._segmenter.close_segment()

    def cut_now(self) -> None:
        """End the open segment where the track stands. Frames that wait go to the next one."""
        self._segmenter.cut_now()

    # Off the fast path.

    def _place_unstamped(self, pcm: bytes, silent: bool) -> None:
        if self._segmenter.position is None:
            self._segmenter.position = 0
        self._resolve_outliers()
        self._release(force=True)
        self._put(pcm, silent)
        self._segmenter.counts.unstamped += 1

    def _place_with_care(self, stamped: int, pcm: bytes, silent: bool) -> None:
        segmenter = self._segmenter
        assert segmenter.position is not None
        self._arrivals += 1
        frame = _Frame(stamped, self._arrivals, pcm, silent)
        deviation = stamped - segmenter.position - round(self._skew)
        if deviation > self._jump:
            self._add_early(frame)
            return
        if deviation < -self._half:
            expected = stamped - round(self._skew)
            if segmenter.replace_gap(expected, pcm, self._half):
                segmenter.counts.silent_frames += silent
                return
            if segmenter.contains(expected, pcm, self._half):
                segmenter.counts.repeated += 1
                return
            waits_behind = bool(self._jitter_buffer) and self._jitter_buffer[0].position <= stamped
            if deviation < -self._tolerance and not waits_behind:
                self._add_late(frame)
                return
        self._resolve_outliers()
        if any(other.position == stamped and other.pcm == pcm for other in self._jitter_buffer):
            segmenter.counts.repeated += 1
            return
        insort(self._jitter_buffer, frame)
        self._release(force=False)

    def _put(self, pcm: bytes, silent: bool, stamped: int | None = None) -> None:
        """Place a frame where the track stands."""
        segmenter = self._segmenter
        assert segmenter.position is not None
        if stamped is not None:
            self._skew += (stamped - segmenter.position - self._skew) * _DRIFT_WEIGHT
        if silent and abs(self._skew) > self._half:
            pcm = self._correct_drift(pcm)
        segmenter.append(pcm)
        if silent:
            segmenter.counts.silent_frames += 1

    def _correct_drift(self, pcm: bytes) -> bytes:
        """Lengthen or shorten a silent frame by the drift, by at most its own length."""
        samples = len(pcm) // BYTES_PER_SAMPLE
        change = max(-samples, min(samples, round(self._skew)))
        self._skew -= change
        self._segmenter.counts.corrected_samples += change
        return bytes((samples + change) * BYTES_PER_SAMPLE)

    # The jitter buffer.

    def _release(self, *, force: bool) -> None:
        """Place the frames of the jitter buffer that are decided; all of them with ``force``."""
        frames = self._jitter_buffer
        while frames:
            assert self._segmenter.position is not None
            advance = frames[0].position - self._segmenter.position - round(self._skew)
            if advance <= self._half:
                count = 1
            elif advance > self._tolerance:
                self._segmenter.fill(advance)
                count = 1
            else:
                count, advance = self._compare_with_track()
                if not count:
                    if not force and len(frames) < DECISION_FRAMES:
                        return
                    self._accept(advance)
                    continue
            for frame in frames[:count]:
                self._put(frame.pcm, frame.silent, frame.position)
            del frames[:count]

    def _compare_with_track(self) -> tuple[int, int]:
        """Return how many frames of the jitter buffer simply follow on, and 0.

        Where none does, return 0 and the advance that all of them show, in samples.
        """
        assert self._segmenter.position is not None
        expected = self._segmenter.position + round(self._skew)
        least = self._jump
        for index, frame in enumerate(self._jitter_buffer):
            advance = frame.position - expected
            if advance <= self._half:
                return index + 1, 0
            least = min(least, advance)
            expected += len(frame.pcm) // BYTES_PER_SAMPLE
        return 0, least

    def _accept(self, advance: int) -> None:
        """Fill in the whole frames of an advance that all frames of the jitter buffer show.

        Senders lose whole frames, so that less than one is the timestamps' own offset: drift.
        """
        frame = 2 * self._half
        lost = (advance + self._half * 3 // 20) // frame * frame
        if lost:
            self._segmenter.fill(lost)
        else:
            self._skew += advance

    # Outliers: timestamps that may be wrong.

    def _add_early(self, frame: _Frame) -> None:
        previous, self._early = self._early, None
        if previous is None or not 0 <= frame.position - previous.position <= self._jump:
            if previous is not None:
                self._put_outlier(previous)
            self._early = frame
            return
        # Two timestamps agree: the stream has moved on, and a new segment starts at its own time.
        self._release(force=True)
        self._drop_late()
        self._segmenter.restart_at(previous.position)
        self._skew = 0.0
        self._put(previous.pcm, previous.silent, previous.position)
        self._place_with_care(frame.position, frame.pcm, frame.silent)

    def _add_late(self, frame: _Frame) -> None:
        if self._late and frame.position < self._late[-1].position:
            self._drop_late()
        self._late.append(frame)
        if len(self._late) < CLOCK_STEP_FRAMES:
            return
        # The clock was set back: these frames are new audio, and follow where the track stands.
        frames, self._late = self._late, []
        self._resolve_outliers()
        self._release(force=True)
        assert self._segmenter.position is not None
        step = self._segmenter.position - frames[0].position
        self._clock_offset += step
        self._skew = 0.0
        self._segmenter.counts.clock_steps += 1
        for late in frames:
            self._place_with_care(late.position + step, late.pcm, late.silent)

    def _resolve_outliers(self) -> None:
        """Place or count the outliers, because a frame that fits has shown them to be alone."""
        early, self._early = self._early, None
        if early is not None:
            self._put_outlier(early)
        self._drop_late()

    def _put_outlier(self, frame: _Frame) -> None:
        self._release(force=True)
        self._put(frame.pcm, frame.silent)
        self._segmenter.counts.unstamped += 1

    def _drop_late(self) -> None:
        segmenter = self._segmenter
        for frame in self._late:
            if segmenter.is_open and frame.position >= segmenter.start:
                segmenter.counts.repeated += 1
            else:
                segmenter.counts.late_dropped += 1
        self._late.clear()


def half_frame(sample_rate: int) -> int:
    """Return half the length of a frame, in samples."""
    return sample_rate * FRAME_MILLISECONDS // 2000


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
    half = half_frame(clock.sample_rate)
    segmenter = Segmenter(
        cuts,
        open_segment,
        sample_rate=clock.sample_rate,
        flush_bytes=settings.flush_bytes,
        recall_samples=max(RECENT_FRAMES * 2 * half, settings.tolerance + 4 * half),
    )
    return Track(clock, settings, segmenter)
