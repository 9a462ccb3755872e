"""The streamer's metrics: what a segment adds to them, and their text."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from prometheus_client.parser import text_string_to_metric_families

from contract.manifest import Counts
from streamer import metrics

OUTCOMES = ("placed", "repeated", "late", "late_dropped", "unstamped", "lost")


def sample(name: str, **labels: str) -> float:
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0


def frames() -> dict[str, float]:
    return {outcome: sample("streamer_frames_total", outcome=outcome) for outcome in OUTCOMES}


def increase(read: Callable[[], dict[str, float]], action: Callable[[], None]) -> dict[str, float]:
    before = read()
    action()
    return {name: value - before[name] for name, value in read().items()}


def test_a_segment_counts_its_frames_by_outcome() -> None:
    counts = Counts(
        frames=1, repeated=2, late=3, late_dropped=4, unstamped=5, lost=6, silent_frames=7
    )
    assert increase(frames, lambda: metrics.count_frames(counts, 16_000)) == dict(
        zip(OUTCOMES, range(1, 7), strict=True)
    )


@pytest.mark.parametrize(
    ("filled_samples", "sample_rate", "seconds"),
    [(8_000, 16_000, 0.5), (12_000, 24_000, 0.5), (-320, 16_000, 0.0)],
)
def test_a_segment_counts_its_silence_in_seconds(
    filled_samples: int, sample_rate: int, seconds: float
) -> None:
    before = sample("streamer_filled_seconds_total")
    metrics.count_frames(Counts(filled_samples=filled_samples), sample_rate)
    assert sample("streamer_filled_seconds_total") - before == pytest.approx(seconds)


def test_the_frames_of_a_removed_file_are_lost() -> None:
    errors = sample("streamer_spool_errors_total")
    lost = increase(frames, lambda: metrics.count_removed(50))
    assert lost == dict.fromkeys(OUTCOMES, 0.0) | {"lost": 50.0}
    assert sample("streamer_spool_errors_total") - errors == 1


def test_the_text_has_every_metric_with_its_help() -> None:
    families = list(text_string_to_metric_families(metrics.render().decode()))
    registered = {family.name for family in metrics.REGISTRY.collect()}
    assert {family.name for family in families} >= registered
    for family in families:
        assert family.name.startswith("streamer_")
        assert family.documentation, family.name
