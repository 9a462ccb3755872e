"""What lies at a frame's place already: its own audio, or silence that stands in for it. Pure."""

from __future__ import annotations

from collections.abc import Callable

from streamer.clock import Clock
from streamer.frames import Frame
from streamer.segmenter import Segmenter
from streamer.track_state import TrackSettings, TrackState


class PlacedAudio(TrackState):
    """Compares frames with what a track has placed. All lengths are in samples."""

    __slots__ = ("_ahead_before_step", "_careful_until")

    def __init__(self, clock: Clock, settings: TrackSettings, segmenter: Segmenter) -> None:
        super().__init__(clock, settings, segmenter)
        # Before this position, frames from before a step of the clock may come again.
        self._careful_until = 0
        # How far timestamps were ahead of the audio then.
        self._ahead_before_step = 0

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
            and self._is_repeated(
                frame, frame.position(offset), -self._ahead_before_step, is_unique=True
            )
            for offset in self._clock.offsets
        ):
            return True
        if advance >= -self._half:
            return False
        # One that is very late waits for those behind it: the sender's clock may have been set.
        is_recent = self._clock.is_recent(position, frame.elapsed, self._slack)
        return (is_recent and self._fill_gap(frame, self._half)) or self._is_repeated(
            frame, position, round(self._ahead)
        )

    def _fill_gap(self, frame: Frame, tolerance: int) -> bool:
        """Write a frame over the silence that stands in for it; False where there is none."""
        advance = frame.advance(self._base())
        position = self._position() + advance
        if advance >= -self._half or not self._segmenter.replace_gap(
            position, frame.pcm, tolerance
        ):
            return False
        if frame.silent:
            self._segmenter.count("silent_frames", position=position)
        return True

    def _may_fill_gap(self, frame: Frame) -> bool:
        """Whether silence of the open segment stands in for a frame behind the track."""
        return self._is_behind(frame, self._segmenter.is_gap)

    def _is_missing(self, frame: Frame) -> bool:
        """Whether a frame behind the track has not come before, though others were placed there."""
        return self._is_behind(frame, self._segmenter.is_missing)

    def _is_behind(self, frame: Frame, has_room: Callable[[int, int, int], bool]) -> bool:
        """Whether a frame's place is behind where the track stands, and there is room for it."""
        advance = frame.advance(self._base())
        return advance < 0 and has_room(self._position() + advance, frame.samples, self._late)

    def _is_repeated(
        self,
        frame: Frame,
        position: int,
        moved: int,
        *,
        or_silence: bool = False,
        is_unique: bool = False,
    ) -> bool:
        """Whether a frame's audio lies at a position already; then it is counted.

        Drift was not the same then, and late frames may have taken its time since: it may lie
        anywhere between the position and one that is ``moved`` samples ahead of it.

        Silence is like other silence: it may as well be new, until the frames around it show that
        it is not (``or_silence``). With ``is_unique``, audio that was there more than once may be
        new, too.
        """
        if not or_silence and not any(frame.pcm):
            return False
        tolerance = self._tolerance + abs(moved) // 2
        if not self._segmenter.contains(
            position + moved // 2, frame.pcm, tolerance, is_unique=is_unique
        ):
            return False
        self._segmenter.counts.repeated += 1
        return True

    def _is_last(self, frame: Frame) -> bool:
        """Whether a frame is the one that was placed last; then it is counted as a repeat."""
        if self._segmenter.position is None or not any(frame.pcm):
            return False
        place = self._segmenter.position - frame.samples
        if not self._segmenter.contains(place, frame.pcm, 0):
            return False
        self._segmenter.counts.repeated += 1
        return True

    def _is_again(self, frame: Frame) -> bool:
        """Whether a frame that came behind a later one is a repeat, though it fits; counted."""
        if self._segmenter.position is None:
            return False
        ahead = round(self._ahead)
        position = frame.position(self._offset) - ahead
        return self._is_repeated(frame, position, ahead, is_unique=True)

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
        if self._is_repeated(frame, position, round(self._ahead), or_silence=True):
            return True
        if self._segmenter.is_missing(position, frame.samples, self._half):
            self._segmenter.counts.late_dropped += 1
            return True
        return False
