"""A track under test: frames with timestamps and times of arrival in, segments in memory out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from contract.manifest import Counts
from streamer.clock import Clock
from streamer.cuts import CutPlanner
from streamer.track import Track, create_track
from streamer.track_state import TrackSettings
from tests.streamer.writers import MemoryWriter

RATE = 16_000
FRAME = 320
"""Samples of a frame."""

ORIGIN_US = 1_731_698_172_925_000
TICK_SECONDS = 0.5


class Sent(NamedTuple):
    """A frame to send: its number, its timestamp in seconds from the origin, and its arrival.

    ``stamp`` None: it has no timestamp.
    """

    number: int
    stamp: float | None
    arrival: float
    pcm: bytes | None = None
    track: str = "a"
    silent: bool = False


class Rig:
    """A stream's tracks with their segments in memory, on a clock that the test sets."""

    def __init__(
        self,
        *,
        flush_seconds: float = 1.0,
        jump_seconds: int = 10,
        length: int = 50 * FRAME,
        window: int = 0,
    ) -> None:
        self.now = 0.0
        self.clock = Clock(RATE, lambda: self.now, lambda: ORIGIN_US + round(self.now * 1e6))
        self.cuts = CutPlanner(length, window, RATE)
        self.shortest_segment = length - 2 * window
        self.settings = TrackSettings(
            tolerance=960, jump=jump_seconds * RATE, flush_bytes=round(flush_seconds * RATE) * 2
        )
        self.tracks: dict[str, Track] = {}
        self.segments: dict[str, list[MemoryWriter]] = {}
        self._next_tick = TICK_SECONDS
        self._ticks = 0

    def track(self, name: str = "a") -> Track:
        """A track, made when it is first asked for."""
        if name not in self.tracks:
            segments = self.segments[name] = []

            def open_segment(position: int) -> MemoryWriter:
                segments.append(MemoryWriter(position))
                return segments[-1]

            self.tracks[name] = create_track(self.clock, self.cuts, self.settings, open_segment)
        return self.tracks[name]

    def send(self, frames: Iterable[Sent]) -> Rig:
        """Send frames in the order of their arrival, with the ticks between them."""
        for sent in frames:
            self.wait_until(sent.arrival)
            stamp = None if sent.stamp is None else ORIGIN_US + round(sent.stamp * 1e6)
            pcm = frame(sent.number) if sent.pcm is None else sent.pcm
            self.track(sent.track).place(stamp, pcm, sent.silent)
        return self

    def wait_until(self, moment: float) -> None:
        """Let time pass, with its ticks."""
        while self._next_tick <= moment:
            self.now = self._next_tick
            self._next_tick += TICK_SECONDS
            self._ticks += 1
            for track in self.tracks.values():
                if track.decide() or self._ticks % 2 == 0:
                    track.flush()
                else:
                    track.flush_waited()
        self.now = max(self.now, moment)

    def finish(self, name: str = "a") -> Counts:
        """End the track; its counts, with those of no segment."""
        for track in self.tracks.values():
            track.finish()
        totals = Counts()
        totals.add(self.track(name).totals)
        totals.add(self.track(name).counts)
        return totals

    def audio(self, name: str = "a") -> bytes:
        """All of a track, each segment at its place; segments must not overlap."""
        out = bytearray()
        for segment in self.segments[name]:
            start = (segment.start - self._first(name)) * 2
            assert start >= len(out), "segments overlap"
            out += bytes(start - len(out))
            out += segment.pcm
        return bytes(out)

    def _first(self, name: str) -> int:
        """Where the track's audio begins: it may be before the stream's first."""
        return min([0, *(segment.start for segment in self.segments[name][:1])])

    def length_seconds(self, name: str = "a") -> float:
        """How long the track is."""
        return len(self.audio(name)) / 2 / RATE

    def places(self, numbers: Iterable[int], name: str = "a") -> dict[int, float]:
        """Where frames lie, in seconds; those that lie nowhere are left out."""
        audio = self.audio(name)
        places: dict[int, float] = {}
        # Near the one before, most likely.
        near = 0
        for number in numbers:
            offset = _find(audio, frame(number), near)
            if offset < 0:
                offset = _find(audio, frame(number), 0)
            if offset >= 0:
                places[number] = (self._first(name) + offset / 2) / RATE
                near = max(0, offset - RATE)
        return places


def _find(audio: bytes, pcm: bytes, begin: int) -> int:
    """Return where whole samples of audio are, in bytes; -1 if nowhere."""
    offset = audio.find(pcm, begin)
    while offset >= 0 and offset % 2:
        offset = audio.find(pcm, offset + 1)
    return offset


def frame(number: int) -> bytes:
    """A frame that is like no other, and not silent."""
    return ((number + 1) * 2_654_435_761 % 2**32).to_bytes(4, "little") * (FRAME // 2)


def steady(
    numbers: Iterable[int],
    stamp: Callable[[int], float | None] = lambda number: number * 0.02,
    *,
    delay: float = 0.0,
    track: str = "a",
) -> list[Sent]:
    """Frames that arrive each 20 ms, with timestamps of the test's own."""
    return [Sent(n, stamp(n), n * 0.02 + delay, track=track) for n in numbers]
