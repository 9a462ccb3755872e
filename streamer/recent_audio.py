"""The audio of a track's last second or two, to know what comes again. Pure.

A repeat is known by its samples, wherever frames or segments begin.
"""

from __future__ import annotations

from acs.media import BYTES_PER_SAMPLE
from streamer.chunks import overlay

_MAX_SHORTENED = 16
_MAX_SILENCE = 2
"""In multiples of ``least_bytes``."""


class RecentAudio:
    """What was handed to the segments last.

    Args:
        least_bytes: How much is kept at least: whole chunks, with room for one more.
    """

    __slots__ = ("_chunks", "_least_bytes", "_shortened", "_silence", "_silence_until", "_size")

    def __init__(self, least_bytes: int) -> None:
        self._least_bytes = least_bytes
        self._chunks: list[bytes] = []
        self._size = 0
        # How much silence was added that must not push out the audio before it, and how many
        # bytes later that silence itself is too old.
        self._silence = 0
        self._silence_until = 0
        # What drift correction has left of frames, the latest last.
        self._shortened: list[bytes] = []

    def append(self, audio: bytes) -> None:
        """Add audio behind all other; what is older than ``least_bytes`` may be forgotten."""
        self._chunks.append(audio)
        self._size += len(audio)
        self._silence_until -= len(audio)
        if self._silence_until <= 0:
            self._silence = 0
        while self._size - len(self._chunks[0]) >= self._least_bytes + self._silence:
            self._size -= len(self._chunks.pop(0))

    def expect_silence(self, size: int) -> None:
        """Keep what is there, though so many bytes of silence will be added: a gap is filled."""
        self._silence = min(self._silence + size, _MAX_SILENCE * self._least_bytes)
        # What is buffered before the silence is not added yet.
        self._silence_until = self._silence + 2 * self._least_bytes

    def clear(self) -> None:
        """Forget everything, where the track goes on at another place."""
        self._chunks, self._size, self._shortened = [], 0, []
        self._silence = self._silence_until = 0

    def note_shortened(self, rest: bytes) -> None:
        """Note what is left of a frame: that it comes again whole must not go unnoticed."""
        if any(rest):
            self._shortened.append(rest)
            del self._shortened[:-_MAX_SHORTENED]

    def overlay(self, pcm: bytes, distance: int) -> None:
        """Write audio over what lies there, from ``distance`` bytes before the end on."""
        self._chunks = overlay(self._chunks, self._size - distance, pcm)

    def contains(
        self,
        pcm: bytes,
        pending: list[bytes],
        first: int,
        last: int,
        *,
        is_unique: bool,
    ) -> bool:
        """Return whether a frame begins somewhere between two distances from the end.

        Args:
            pcm: The frame.
            pending: The audio behind what was added.
            first: The larger distance, in bytes from the end of ``pending``.
            last: The smaller one.
            is_unique: Whether to ask for audio that is there only once. A tone is like what came
                before it; other audio is not, so its samples alone say that it comes again.
        """
        audio = b"".join(self._chunks + pending)
        parts = [pcm, *(rest for rest in self._shortened if pcm.startswith(rest))]
        return any(
            _is_between(audio, part, len(audio) - first, len(audio) - last)
            and not (is_unique and _count(audio, part) > 1)
            for part in parts
        )


def _is_between(audio: bytes, pcm: bytes, first: int, last: int) -> bool:
    """Return whether whole samples of ``pcm`` begin from ``first`` to ``last``, in bytes."""
    end = max(0, last + len(pcm))
    return _find(audio, pcm, max(0, first), end) >= 0


def _find(audio: bytes, pcm: bytes, begin: int, end: int) -> int:
    """Return where whole samples of ``pcm`` begin; -1 if nowhere."""
    place = audio.find(pcm, begin, end)
    while place >= 0 and place % BYTES_PER_SAMPLE:
        place = audio.find(pcm, place + 1, end)
    return place


def _count(audio: bytes, pcm: bytes) -> int:
    """Return how often ``pcm`` is there; 2 where it is more often."""
    place = _find(audio, pcm, 0, len(audio))
    if place < 0:
        return 0
    return 1 + (_find(audio, pcm, place + BYTES_PER_SAMPLE, len(audio)) >= 0)
