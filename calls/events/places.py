"""The places of requests that wait, shared fairly among those who ask for them. Pure.

Whoever has the most places gives one up to somebody who has at least two fewer. So one principal
may use all places while nobody else needs them, and still nobody keeps another from waiting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable


class Place:
    """A request's place. ``is_lost``: somebody else has it now, so the request must be answered."""

    def __init__(self, owner: Hashable) -> None:
        self.owner = owner
        self.is_lost = False


class Places:
    """A number of places, in the order in which they were taken."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._taken: list[Place] = []

    def take(self, owner: Hashable) -> Place | None:
        """Return a place for one more request of ``owner``; None if it must not wait.

        If all are taken, the one that is returned has been withdrawn from whoever has the most: the
        place of the request that has waited for the longest.
        """
        if len(self._taken) >= self.count and not self._withdraw_for(owner):
            return None
        place = Place(owner)
        self._taken.append(place)
        return place

    def leave(self, place: Place) -> None:
        """Free a place, unless it is lost."""
        if not place.is_lost:
            self._taken.remove(place)

    def _withdraw_for(self, owner: Hashable) -> bool:
        """Withdraw a place for ``owner``, if it has at least two fewer than somebody else."""
        counts = Counter(place.owner for place in self._taken)
        most = max(counts.values(), default=0)
        # With one fewer, the two would take the place from each other for ever.
        if most < counts[owner] + 2:
            return False
        place = next(place for place in self._taken if counts[place.owner] == most)
        self._taken.remove(place)
        place.is_lost = True
        return True
