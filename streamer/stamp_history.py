"""What a track's timestamps are worth, by those of the frames before. Pure."""

from __future__ import annotations

from collections import deque

from streamer.frames import Frame

COARSE_FRAMES = 4
"""With so many more that came again than that did not, timestamps do not say when a frame was."""

_REMEMBERED_FRAMES = 50


class StampHistory:
    """The frames that were looked at with care: most go by and leave no trace here."""

    __slots__ = ("_frames", "_same_times")

    def __init__(self) -> None:
        self._frames: deque[tuple[int | None, bytes]] = deque(maxlen=_REMEMBERED_FRAMES)
        self._same_times = 0

    @property
    def is_coarse(self) -> bool:
        """Whether timestamps come again and again, with other audio: in whole seconds, say."""
        return self._same_times >= COARSE_FRAMES

    def note_time(self, *, is_same: bool) -> None:
        """Note whether new audio has the timestamp of the frame before it."""
        change = 1 if is_same else -1
        self._same_times = min(max(0, self._same_times + change), 2 * COARSE_FRAMES)

    def repeats(self, frame: Frame) -> bool:
        """Whether a frame with the same timestamp and the same audio was there; else remember it.

        Silence is like other silence, and never is a repeat.
        """
        if not any(frame.pcm):
            return False
        key = (frame.raw, frame.pcm)
        if key in self._frames:
            return True
        self._frames.append(key)
        return False
