"""Where a track stands: its position, its offset to timestamps, and how far these drift. Pure."""

from __future__ import annotations

from typing import NamedTuple

from acs.media import FRAME_MILLISECONDS
from contract.manifest import Counts
from streamer.clock import ARRIVAL_GRAIN_SECONDS, Clock, convert_samples
from streamer.drift import DRIFT_WEIGHT, Drift
from streamer.segmenter import Segmenter

ARRIVAL_SLACK_SECONDS = 0.3
"""How inexact arrival is: reads in batches, jitter of the network, a busy event loop."""


class TrackSettings(NamedTuple):
    """How a track places its frames; lengths in samples, ``flush_bytes`` in bytes."""

    tolerance: int
    jump: int
    flush_bytes: int


class Standing(NamedTuple):
    """Where a participant's track has ended, for one that goes on there. Lengths in samples."""

    sample_rate: int
    position: int
    offset: int
    ahead: float


class TrackState:
    """A track's place on the stream's clock. All lengths are in samples.

    A raw position and the track's offset make a position. The skew is the running mean of how far
    timestamps are ahead of the audio, without the mean's lag. It is drift, and corrected before it
    is a frame long.
    """

    __slots__ = (
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
        self._offset = 0
        self._skew = 0.0
        self._drift = Drift(2 * self._half)
        # A frame that is so far ahead of the skew follows on directly. That is less than a frame,
        # so that no frame does that comes twice.
        self._least = -float(self._half) + self._half / 8
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

    @property
    def standing(self) -> Standing | None:
        """Where it stands; None before the first frame."""
        position = self._segmenter.position
        if position is None:
            return None
        return Standing(self._sample_rate, position, self._offset, self._ahead)

    def go_on_from(self, standing: Standing) -> None:
        """Go on where another track has ended, perhaps at another sample rate.

        It must not have a frame yet, and its clock must be the other one's, at its own rate.
        """
        rates = standing.sample_rate, self._sample_rate
        self._segmenter.position = convert_samples(standing.position, *rates)
        self._offset = convert_samples(standing.offset, *rates)
        self._skew = standing.ahead * self._sample_rate / standing.sample_rate

    def flush(self) -> None:
        """Hand the buffered audio to the open segment's writer; drift is corrected before."""
        if self._segmenter.position is not None:
            self._drift.follow(self._skew, self._segmenter.position)
            lag = self._drift.lag
            self._least, self._most = lag - self._half + self._half / 8, lag + self._half
        self._correct_drift()
        self._segmenter.flush()

    def _correct_drift(self) -> None:
        if abs(self._ahead) >= self._max_skew:
            samples = round(self._ahead)
            # The correction may end a segment.
            self._segmenter.skew = self._ahead - samples
            self._shift_skew(-self._segmenter.correct(samples))
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
        self._segmenter.close_segment()

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
