"""Places for requests that wait: all are used, and everybody has a fair share."""

from __future__ import annotations

import random
from collections import Counter

from calls.events.places import Place, Places


def take(places: Places, owner: str, count: int = 1) -> list[Place]:
    taken = [places.take(owner) for _ in range(count)]
    assert None not in taken
    return [place for place in taken if place is not None]


def test_one_owner_may_have_all_places_and_no_further_one() -> None:
    places = Places(8)
    first, *_ = take(places, "a", 8)
    assert places.take("a") is None
    places.leave(first)
    take(places, "a")
    assert places.take("a") is None


def test_another_owner_gets_the_place_that_was_held_for_the_longest() -> None:
    places = Places(8)
    held = take(places, "a", 8)
    take(places, "b", 4)
    assert [place.is_lost for place in held] == [True] * 4 + [False] * 4
    assert places.take("b") is None, "both have the same"
    assert places.take("a") is None


def test_a_place_is_withdrawn_from_whoever_has_the_most() -> None:
    places = Places(8)
    held = {owner: take(places, owner, count) for owner, count in (("a", 1), ("b", 4), ("c", 3))}
    take(places, "d")
    lost = {owner: [place.is_lost for place in taken] for owner, taken in held.items()}
    assert lost == {"a": [False], "b": [True, False, False, False], "c": [False] * 3}


def test_nobody_takes_the_only_place_of_another() -> None:
    places = Places(2)
    take(places, "a")
    take(places, "b")
    assert places.take("c") is None


def test_a_lost_place_is_left_without_freeing_another() -> None:
    places = Places(2)
    first, _ = take(places, "a", 2)
    take(places, "b")
    assert first.is_lost
    places.leave(first)
    assert places.take("b") is None


def test_no_place_at_all() -> None:
    assert Places(0).take("a") is None


def test_any_order_keeps_the_limit_and_the_shares() -> None:
    source = random.Random(16)
    for _ in range(200):
        places, held = Places(8), list[Place]()
        for _ in range(60):
            held = [place for place in held if not place.is_lost]
            if held and source.random() < 0.3:
                places.leave(held.pop(source.randrange(len(held))))
                continue
            owner = source.choice("aaaaabc")
            counts = Counter(str(place.owner) for place in held)
            place = places.take(owner)
            if place is None:
                assert len(held) == 8
                assert max(counts.values()) - counts[owner] <= 1, "all have a fair share"
            else:
                held.append(place)
            assert sum(not place.is_lost for place in held) <= 8
