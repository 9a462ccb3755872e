"""The order of ticks under faults."""

from __future__ import annotations

from itertools import chain

import msgspec
import pytest

from local.emulator.faults import Faults
from local.emulator.schedule import ticks_to_send

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


def test_late_repeats_are_sent_at_once_and_again() -> None:
    groups = sent(Faults(repeat=0.2, repeat_late=True, late_ticks=7))
    lateness = [now - tick for now, group in enumerate(groups) for tick in group]
    assert lateness.count(0) == 1000
    assert lateness.count(7) == len(lateness) - 1000 == pytest.approx(200, abs=60)


def test_only_every_so_many_ticks_are_sent() -> None:
    groups = sent(Faults(every_ticks=600))
    assert [tick for group in groups for tick in group] == [0, 600]
    assert groups[600] == [600]


def test_a_pause_sends_nothing_and_loses_its_ticks() -> None:
    groups = sent(Faults(pause_after_ticks=10, pause_ticks=5))
    assert groups[9:16] == [[9], [], [], [], [], [], [15]]


def test_a_stall_ends_in_a_burst() -> None:
    groups = sent(Faults(stall_after_ticks=10, stall_ticks=5))
    assert groups[9:17] == [[9], [], [], [], [], [], [10, 11, 12, 13, 14, 15], [16]]
    assert list(chain(*groups)) == list(TICKS)


def test_what_is_held_back_is_overtaken_and_comes_at_once() -> None:
    groups = sent(Faults(hold_after_ticks=10, hold_ticks=3, late_ticks=4))
    assert groups[9:18] == [[9], [], [], [], [13], [14], [15], [16, 10, 11, 12], [17]]
    assert sorted(chain(*groups)) == list(TICKS)


def test_the_first_ticks_are_out_of_order_also_after_a_pause() -> None:
    groups = sent(Faults(first_order=(1, 0, 2), pause_after_ticks=10, pause_ticks=5))
    assert groups[:4] == [[1], [0], [2], [3]]
    assert groups[14:19] == [[], [16], [15], [17], [18]]


def test_it_counts_from_the_streams_first_tick() -> None:
    faults = Faults(first_order=(1, 0), stall_after_ticks=3, stall_ticks=1)
    assert list(ticks_to_send(range(70, 76), faults)) == [[71], [70], [72], [], [73, 74], [75]]
