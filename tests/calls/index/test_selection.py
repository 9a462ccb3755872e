"""The column by which a list is sorted."""

from __future__ import annotations

import pytest

from calls.index.selection import Selection, Sort, sort_column


@pytest.mark.parametrize(
    ("sort", "column"),
    [
        ("created_at", "created_at"),
        ("-created_at", "created_at"),
        ("-duration", "duration"),
        ("duration", "duration_last"),
    ],
)
def test_unknown_durations_are_last_in_both_directions(sort: Sort, column: str) -> None:
    assert sort_column(Selection(sort=sort)) == column
