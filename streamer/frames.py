"""Frames that wait for a decision, and what a list of them says together. Pure.

A list is in the order of arrival. A base is the raw position at which the track stands: a frame
whose timestamp is there follows on directly. All lengths are in samples.
"""

from __future__ import annotations

from itertools import takewhile
from typing import NamedTuple

from acs.media import BYTES_PER_SAMPLE


class Frame(NamedTuple):
    """A frame that waits.

    Attributes:
        raw: The raw position of its timestamp (``Clock.raw_position``); None where it has none
            that helps.
        elapsed: When it arrived, in samples since the stream's first frame.
        pcm: Its audio, s16le mono.
        silent: Whether ACS marked it as silent.
        behind: How far its timestamp is behind that of the frame before it, which waits no longer.
        end: Where the track stood when it arrived.
    """

    raw: int | None
    elapsed: int
    pcm: bytes
    silent: bool
    behind: int = 0
    end: int = 0

    @property
    def samples(self) -> int:
        """Its length."""
        return len(self.pcm) // BYTES_PER_SAMPLE

    def advance(self, base: int) -> int:
        """Return how far its timestamp, which it must have, is ahead of a base."""
        assert self.raw is not None
        return self.raw - base

    def position(self, offset: int) -> int:
        """Return the position of its timestamp, which it must have, by an offset."""
        assert self.raw is not None
        return self.raw + offset

    def is_within(self, base: int, least: int, most: int) -> bool:
        """Whether it has a timestamp that is from ``least`` to ``most`` ahead of a base."""
        return self.raw is not None and least <= self.raw - base <= most

    def is_before(self, base: int) -> bool:
        """Whether it has a timestamp that is behind a base."""
        return self.raw is not None and self.raw < base


def find_last_run(frames: list[Frame], jitter: int) -> list[Frame]:
    """Return the last frames whose timestamps follow on each other within ``jitter``."""
    run: list[Frame] = []
    for frame in reversed(frames):
        if frame.raw is None:
            break
        if run and not run[-1].is_within(frame.raw + frame.samples, -jitter, jitter):
            break
        run.append(frame)
    return run[::-1]


def are_paced(run: list[Frame], least: int) -> bool:
    """Return whether frames of a run come as fast as they were spoken: late ones come at once.

    That needs ``least`` frames.
    """
    length = run[-1].advance(run[0].advance(0))
    return len(run) >= least and 2 * (run[-1].elapsed - run[0].elapsed) >= length


def find_line(frames: list[Frame], first: Frame, tolerance: int) -> list[Frame]:
    """Return the frames whose timestamps agree with that of ``first``, whatever their order."""
    slots = _find_slots(frames)
    start = first.advance(slots[frames.index(first)])
    return [
        frame
        for frame, slot in zip(frames, slots, strict=True)
        if frame.is_within(start + slot, -tolerance, tolerance)
    ]


def find_near(frames: list[Frame], base: int, tolerance: int) -> list[Frame]:
    """Return the frames, by time, that follow on the base and each other within ``tolerance``."""
    near: list[Frame] = []
    room = 0
    stamped = [frame for frame in frames if frame.raw is not None]
    for frame in sorted(stamped, key=lambda frame: frame.advance(base)):
        if 0 < frame.advance(base) <= room + tolerance:
            near.append(frame)
            room += frame.samples
    return near


def compare_near(near: list[Frame], base: int, jitter: int) -> tuple[int, int]:
    """Compare the frames of ``find_near``, one after another, with the base.

    Returns:
        How many to place so that the last of them follows on within ``jitter``; 0 if none does.
        And how far they are ahead of their places: the median, up to another loss.
    """
    room = 0
    advances: list[int] = []
    for index, frame in enumerate(near):
        advances.append(frame.advance(base) - room)
        if advances[-1] <= jitter:
            return index + 1, advances[-1]
        room += frame.samples
    length = near[0].samples
    least = min(advances)
    level = sorted(takewhile(lambda advance: advance < least + length, advances))
    return 0, level[(len(level) - 1) // 2] if level else least


def order_first(frames: list[Frame], tolerance: int) -> tuple[int | None, list[Frame], int]:
    """Put a track's first frames in order.

    They may be out of order or late, some may be lost, and some of their timestamps may be wrong or
    missing. Where the track begins is what most of them agree on; a frame that does not agree goes
    by the order of arrival.

    Returns:
        The raw position of the first one, None where no frame has a timestamp; all, in order, those
        that cannot be right without their timestamps; and how many agree.
    """
    first = frames[0]
    # How far each may be behind the first one: at least by the audio between them in the order of
    # arrival, at most by the time between them.
    ranges = [
        (slot, max(slot, frame.elapsed - first.elapsed))
        for frame, slot in zip(frames, _find_slots(frames), strict=True)
    ]

    def find_agreeing(start: int) -> list[Frame]:
        return [
            frame
            for frame, (least, most) in zip(frames, ranges, strict=True)
            if frame.is_within(start, least - tolerance, most + tolerance)
        ]

    starts = [
        frame.advance(least)
        for frame, (least, _) in zip(frames, ranges, strict=True)
        if frame.raw is not None
    ]
    if not starts:
        return None, frames, 0
    start = max(starts, key=lambda start: len(find_agreeing(start)))
    agreeing = find_agreeing(start)
    # What comes before the first one that agrees was spoken as long before it as it arrived.
    witness = agreeing[0]
    place = witness.advance(ranges[frames.index(witness)][1])
    ordered: list[tuple[int, Frame]] = []
    for index, frame in enumerate(frames):
        if frame in agreeing:
            place = frame.advance(0)
            ordered.append((place, frame))
        elif index > frames.index(witness) and frame.raw is not None and frame.raw > place:
            # It may lie behind a gap: the next frames show that.
            ordered.append((place, frame))
        else:
            ordered.append((place, frame._replace(raw=None)))
        place += frame.samples
    ordered.sort(key=lambda item: item[0])
    return ordered[0][0], [frame for _, frame in ordered], len(agreeing)


def _find_slots(frames: list[Frame]) -> list[int]:
    """Return where each frame begins if they follow on each other in the order of arrival."""
    slots: list[int] = []
    room = 0
    for frame in frames:
        slots.append(room)
        room += frame.samples
    return slots
