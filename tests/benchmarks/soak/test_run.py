"""Half a minute of the soak, with a fixed seed: every frame is in one place, or reported lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.soak.ledger import Totals
from benchmarks.soak.run import Options, Soak, format_totals

SEED = 7
SECONDS = 25.0


@pytest.mark.timeout(240)
async def test_half_a_minute_of_the_soak(tmp_path: Path) -> None:
    lines: list[str] = []
    soak = Soak(Options(SECONDS, SEED, streams=6), tmp_path, lines.append)
    totals = await soak.run()
    assert totals.is_well, (totals.errors, format_totals(totals))
    assert totals.unaccounted == totals.duplicates == 0
    assert totals.sent == totals.kept + totals.reported_lost > 4_000
    assert totals.streams >= 6
    assert soak.events, "nothing was disturbed"


def test_totals_are_shown_on_one_line() -> None:
    line = format_totals(
        Totals(sent=1_000, kept=990, repeated=9, unaccounted=1, worst_error_ms=12.4)
    )
    assert "frames sent 1,000, kept 990" in line
    assert "reported lost 9 (repeated 9," in line
    assert "unaccounted for 1, duplicates 0, worst error 12 ms" in line
