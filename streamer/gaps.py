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
        self._append(others)
        del self._spans[:-_MAX_SPANS]

    def join(self, others: Gaps) -> Gaps:
        """Return these gaps and others that lie behind them; both stay as they are."""
        joined = Gaps()
        joined._spans = list(self._spans)
        joined._append(others)
        return joined

    def _append(self, others: Gaps) -> None:
        for start, end in others._spans:
            self.add(start, end)

    def has_room(self, position: int, samples: int, tolerance: int) -> bool:
        """Return whether ``claim`` finds room."""
        return self._find_room(position, samples, tolerance, cut=None) is not None

    def claim(
        self, position: int, samples: int, tolerance: int, *, cut: int | None = None
    ) -> int | None:
        """Find room for audio in a gap, and take that room out of the gap.

        A gap is of whole frames from its start or, where a cut splits it, from its end on: audio
        goes where it leaves room for more of its length.

        Args:
            position: Where the audio belongs.
            samples: Its length.
            tolerance: How far it may be moved to fit.
            cut: Where a cut has split a gap. Audio may begin before it by up to half its length.

        Returns:
            The position to write it to, or None where no gap has room for it.
        """
        room = self._find_room(position, samples, tolerance, cut=cut)
        if room is None:
            return None
        index, place = room
        start, end = self._spans[index]
        parts = ((start, place), (place + samples, end))
        self._spans[index : index + 1] = [part for part in parts if part[0] < part[1]]
        return place

    def _find_room(
        self, position: int, samples: int, tolerance: int, *, cut: int | None
    ) -> tuple[int, int] | None:
        """Return the index of the gap that ``claim`` chooses, and the place there."""
        for index, (start, end) in enumerate(self._spans):
            is_split = start == cut
            place = _leave_whole_frames(start, end, position, samples, is_split=is_split)
            if abs(place - position) > tolerance:
                place = position
            least = place if is_split and 0 < start - place <= samples // 2 else start
            place = max(least, min(place, end - samples))
            if end - least >= samples and abs(place - position) <= tolerance:
                return index, place
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

    def ends_at(self, position: int) -> bool:
        """Return whether the last gap ends at ``position``."""
        return bool(self._spans) and self._spans[-1][1] == position

    def split(self, position: int) -> tuple[Gaps, Gaps]:
        """Return the gaps before ``position`` and behind it; one that lies across it is in both."""
        head, tail = Gaps(), Gaps()
        head._spans = [
            (start, min(end, position)) for start, end in self._spans if start < position
        ]
        tail._spans = [(max(start, position), end) for start, end in self._spans if end > position]
        return head, tail


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


def _leave_whole_frames(
    start: int, end: int, position: int, samples: int, *, is_split: bool
) -> int:
    """Return the place nearest to ``position`` that is whole frames from an end of the gap.

    Only its end counts where a cut has split it.
    """
    samples = max(1, samples)
    from_end = end - round((end - position) / samples) * samples
    if is_split:
        return from_end
    from_start = start + round((position - start) / samples) * samples
    return min(from_start, from_end, key=lambda place: abs(place - position))
