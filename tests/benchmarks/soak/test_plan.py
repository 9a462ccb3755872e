"""A plan is what its seed says: every kind of trouble is in it, and no frame twice by accident."""

from __future__ import annotations

import random
from collections import Counter
from itertools import count

import pytest

from benchmarks.soak.plan import CALM, WILD, CallPlan, Emission, Weather


def plan(seed: int, weather: Weather | None = WILD, seconds: float = 60) -> CallPlan:
    return CallPlan(random.Random(seed), count(), seconds, weather)


def frames(emissions: list[Emission]) -> list[Emission]:
    return [emission for emission in emissions if emission.action == "frame"]


def test_a_seed_gives_the_same_plan() -> None:
    assert list(plan(1).emissions()) == list(plan(1).emissions())
    assert list(plan(1).emissions()) != list(plan(2).emissions())


def test_emissions_are_in_order_and_numbers_unique() -> None:
    for seed in range(10):
        emissions = list(plan(seed, None).emissions())
        assert emissions == sorted(emissions, key=lambda item: (item.at, item.order))
        originals = [frame.number for frame in frames(emissions) if not frame.is_copy]
        assert len(set(originals)) == len(originals)


def test_all_kinds_of_trouble_happen() -> None:
    emissions = [item for seed in range(30) for item in plan(seed).emissions()]
    assert {item.action for item in emissions} == {"frame", "close", "drop", "reset"}
    sent = frames(emissions)
    assert any(item.is_copy for item in sent)
    assert any(item.is_silent for item in sent)
    assert any(item.stamp_ms is None for item in sent)
    assert any(item.era > 3 for item in sent)
    assert any(item.participant == 3 for item in sent)
    assert 0.02 < sum(item.is_clean for item in sent) / len(sent) < 0.98


def test_a_run_of_frames_that_is_held_back_comes_at_once_and_overtaken() -> None:
    sent = [
        frames(list(plan(seed, Weather(hold=0.1), seconds=20).emissions())) for seed in range(20)
    ]
    runs = [Counter((item.participant, item.at) for item in call) for call in sent]
    assert 0 < sum(max(run.values()) > 1 for run in runs) < 20, "in some calls"
    call, run = max(zip(sent, runs, strict=True), key=lambda pair: max(pair[1].values()))
    (participant, at), size = run.most_common(1)[0]
    assert size > 10
    held = [item for item in call if (item.participant, item.at) == (participant, at)]
    assert [item.number for item in held] == sorted(item.number for item in held)
    before = [item for item in call if item.participant == participant and item.at < at]
    assert any(item.number > held[0].number for item in before)
    assert not any(item.is_clean for item in call if item.at >= at)


@pytest.mark.parametrize("seed", range(5))
def test_a_calm_call_is_only_jitter(seed: int) -> None:
    calm = plan(seed, CALM._replace(cut=0.0), 10)
    emissions = list(calm.emissions())
    ticks = round(10 / (0.02 * calm.pace))
    assert len(emissions) == ticks * calm.participants
    for emission in emissions:
        assert emission.is_clean
        assert emission.stamp_ms is not None
        assert abs(emission.stamp_ms - emission.at * 1000) <= calm.jitter_ms + 0.5
