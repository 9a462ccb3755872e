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
  that silence. Frames in a row that come all at once while others flow are late, whichever segments
  their places are in; frames in a row that come as fast as they were spoken are not.
- A timestamp ahead of the time that passed, or behind the track with audio that is not there yet,
  is an outlier or a step of the sender's clock. An outlier is placed by the frames around it. Some
  frames in a row are a step: it is counted once, and belongs to the stream's clock, so all tracks
  keep lining up: after a second also where a loss of the same length hid the step.
- Drift between timestamps and samples is corrected at the quietest place of a second of audio.
- A frame waits for a decision for less than a second, if ``decide`` is called twice a second.
- No track becomes longer than the time for which its stream was open, ``MAX_LEAD_SECONDS`` and a
  second; it may begin ``MAX_LATE_SECONDS`` before the others.
- No timestamp raises an exception.

The rules: a frame that fits where the track stands follows on directly; that is the fast path. Any
other frame waits, and with it all that follow, until a rule of ``streamer/rules.py`` applies.
"""

from __future__ import annotations

from collections.abc import Callable

from acs.media import BYTES_PER_SAMPLE
from streamer.clock import HALF_SECOND, MICROSECONDS, Clock
from streamer.cuts import CutPlanner
from streamer.drift import DRIFT_WEIGHT
from streamer.frames import Frame
from streamer.rules import Rules
from streamer.segmenter import Segmenter, SegmentWriter
from streamer.stamp_history import StampHistory
from streamer.track_state import TrackSettings

MAX_WAITING = 50
"""How many frames may wait; with more, as in a burst, all of them are decided."""

_NO_RAW = -(1 << 80)


class Track(Rules):
    """Decides where one track's frames belong, and has its segmenter write them there."""

    __slots__ = ("_has_waited", "_history", "_last_raw", "_suspect")

    def __init__(self, clock: Clock, settings: TrackSettings, segmenter: Segmenter) -> None:
        super().__init__(clock, settings, segmenter)
        # Silence with the timestamp of the frame before it: a repeat, or of a coarse clock.
        self._suspect: Frame | None = None
        self._last_raw = _NO_RAW
        self._history = StampHistory()
        # Whether a frame that is still buffered has waited before it was placed.
        self._has_waited = False

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
        if self._waiting and self._waiting[0].elapsed <= overdue:
            self._decide(overdue)
            return True
        return False

    def flush_waited(self) -> None:
        """Hand on frames that waited before they were placed.

        To be called half a second after ``flush``: a whole one would be too long for them.
        """
        if self._has_waited:
            self.write()

    def flush(self) -> None:
        """Hand on the buffered audio; drift is corrected before."""
        self._has_waited = False
        super().flush()

    def finish(self) -> None:
        """Place every frame that waits, and end the open segment."""
        self._is_ending = True
        self._decide(self._clock.elapsed())
        # A track that was only idle may go on.
        self._is_ending = False
        self._correct_drift()
        self._segmenter.close_segment()

    def _place_with_care(self, raw: int | None, pcm: bytes, silent: bool) -> None:
        behind = 0 if raw is None or self._waiting else self._last_raw - raw
        position = self._segmenter.position
        frame = Frame(raw, self._clock.elapsed(), pcm, silent, behind, position or 0)
        if position is not None:
            self._allow_fast_path(frame.elapsed)
        if raw is not None:
            is_same_time = raw == self._last_raw
            is_behind = raw < self._last_raw
            self._last_raw = raw
            is_coarse = self._history.is_coarse
            if not (is_same_time and is_coarse) and (
                (is_same_time and self._is_last(frame))
                or (is_behind and self._is_again(frame))
                or self._is_done(frame)
            ):
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
        self._has_waited = self._has_waited or bool(self._waiting)
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
