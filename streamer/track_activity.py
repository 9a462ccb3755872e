"""How long each track of a stream has been idle. Pure."""

from __future__ import annotations

from collections.abc import Mapping


class TrackActivity:
    """Remembers when each track's position last changed, as seen once a tick."""

    def __init__(self) -> None:
        self._positions: Mapping[str | None, int] = {}
        self._active_at: dict[str | None, float] = {}

    def update(self, positions: Mapping[str | None, int], now: float) -> None:
        """Note the positions of all tracks, by participant, at a moment in seconds."""
        self._active_at = {
            raw_id: self._active_at.get(raw_id, now)
            if position == self._positions.get(raw_id)
            else now
            for raw_id, position in positions.items()
        }
        self._positions = positions

    def left_behind(self, positions: Mapping[str | None, int], jump: int) -> list[str | None]:
        """Return the participants whose tracks the others have left behind.

        A track that advances is not idle, even far behind one whose clock is ahead.

        Args:
            positions: The positions of the moment, in samples.
            jump: How far behind the foremost track an idle one must be.
        """
        if len(positions) <= 1:
            return []
        limit = max(positions.values()) - jump
        return [
            raw_id
            for raw_id, position in positions.items()
            if position < limit and position == self._positions.get(raw_id)
        ]

    def longest_idle(
        self, positions: Mapping[str | None, int], now: float, least_seconds: float
    ) -> tuple[str | None] | None:
        """Return the participant whose track has been idle longest, in a tuple of one.

        None where no track has been idle for ``least_seconds``. ``positions`` are those of the
        moment: a track that has advanced since the last tick is not idle.
        """
        idle = [
            (active_at, raw_id)
            for raw_id, active_at in self._active_at.items()
            if raw_id in positions
            and positions[raw_id] == self._positions.get(raw_id)
            and now - active_at >= least_seconds
        ]
        if not idle:
            return None
        return (min(idle, key=lambda entry: entry[0])[1],)
