"""The order of ticks under faults."""

from __future__ import annotations

from itertools import chain

import msgspec
import pytest

from local.emulator.faults import Faults, ticks_to_send

TICKS = range(1000)


def sent(faults: Faults) -> list[list[int]]:
    return list(ticks_to_send(TICKS, faults))


def test_without_faults_each_tick_is_sent_at_its_time() -> None:
    assert sent(Faults()) == [[tick] for tick in TICKS]


def test_the_same_seed_gives_the_same_faults() -> None:
    faults = Faults(drop=0.1, repeat=0.1, delay=0.1)
    assert sent(faults) == sent(faults)
    assert sent(faults) != sent(msgspec.structs.replace(faults, seed=2))


def test_dropped_ticks_are_never_sent() -> None:
    ticks = list(chain(*sent(Faults(drop=0.2))))
    assert ticks == sorted(set(ticks))
    assert len(ticks) == pytest.approx(800, abs=60)


def test_repeated_ticks_are_sent_twice_at_once() -> None:
    groups = sent(Faults(repeat=0.2))
    assert all(set(group) == {tick} for tick, group in enumerate(groups))
    assert sum(len(group) == 2 for group in groups) == pytest.approx(200, abs=60)


def test_delayed_ticks_are_sent_late_ticks_later() -> None:
    groups = sent(Faults(delay=0.2, late_ticks=3))
    lateness = [now - tick for now, group in enumerate(groups) for tick in group]
    assert set(lateness) == {0, 3}
    assert lateness.count(3) == pytest.approx(200, abs=60)


@pytest.mark.parametrize("body", [{"drop": 1.5}, {"operation_status": 200}, {"colour": "blue"}])
def test_wrong_faults_are_refused(body: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(body, Faults)
