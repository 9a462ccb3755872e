"""The gaps of an open segment: where silence stands in for audio that may still arrive. Pure."""

from __future__ import annotations

_MAX_SPANS = 64


class Gaps:
    """Spans of filled-in silence, in samples, in order and without overlap."""

    __slots__ = ("_spans",)

    def __init__(self) -> None:
        self._spans: list[tuple[int, int]] = []

    @property
    def samples(self) -> int:
        """The total length of all gaps."""
        return sum(end - start for start, end in self._spans)

    def add(self, start: int, end: int) -> None:
        """Add a gap behind all others; one that touches the last one extends it."""
        if self._spans and self._spans[-1][1] == start:
            start = self._spans.pop()[0]
        self._spans.append((start, end))

    def extend(self, others: Gaps) -> None:
        """Add gaps that lie behind all of these; only the latest ``_MAX_SPANS`` are kept."""
        self._spans += others._spans
        del self._spans[:-_MAX_SPANS]

    def copy(self) -> Gaps:
        """Return a copy."""
        copied = Gaps()
        copied._spans = list(self._spans)
        return copied

    def claim(self, position: int, samples: int, tolerance: int) -> int | None:
        """Find room for audio in a gap, and take that room out of the gap.

        A gap is of whole frames from its start or, where a cut splits it, from its end on: audio
        goes where it leaves room for more of its length.

        Args:
            position: Where the audio belongs.
            samples: Its length.
            tolerance: How far it may be moved to fit.

        Returns:
            The position to write it to, or None where no gap has room for it.
        """
        for index, (start, end) in enumerate(self._spans):
            place = _leave_whole_frames(start, end, position, samples)
            if abs(place - position) > tolerance:
                place = position
            place = max(start, min(place, end - samples))
            if end - start < samples or abs(place - position) > tolerance:
                continue
            parts = ((start, place), (place + samples, end))
            self._spans[index : index + 1] = [part for part in parts if part[0] < part[1]]
            return place
        return None

    def follow_correction(self, begin: int, lengths: list[tuple[int, int]]) -> None:
        """Move the gaps with the audio around them.

        Args:
            begin: The position of the first chunk that may have another length now.
            lengths: The lengths of it and of all that follow, before and after.
        """
        moved = [
            (_follow(start, begin, lengths), _follow(end, begin, lengths, is_end=True))
            for start, end in self._spans
        ]
        self._spans = [span for span in moved if span[0] < span[1]]

    def split(self, position: int) -> Gaps:
        """Return the gaps behind ``position``; one that lies across it begins there."""
        tail = Gaps()
        tail._spans = [(max(start, position), end) for start, end in self._spans if end > position]
        return tail


def _follow(
    position: int, begin: int, lengths: list[tuple[int, int]], *, is_end: bool = False
) -> int:
    """Return where a position is after chunks have changed; an end belongs to what is before it."""
    if position < begin or (is_end and position == begin):
        return position
    old = new = begin
    for before, after in lengths:
        if position < old + before or (is_end and position == old + before):
            return new + min(position - old, after)
        old, new = old + before, new + after
    return new + position - old


def _leave_whole_frames(start: int, end: int, position: int, samples: int) -> int:
    """Return the place nearest to ``position`` that is whole frames from an end of the gap."""
    samples = max(1, samples)
    from_start = start + round((position - start) / samples) * samples
    from_end = end - round((end - position) / samples) * samples
    return min(from_start, from_end, key=lambda place: abs(place - position))
