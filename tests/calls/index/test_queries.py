"""The SQL of pages: each filter uses an index, and the work of a page is bounded."""

from __future__ import annotations

from typing import Any

import pytest

from calls.index.queries import RARE, build_query, choose_driver, terms_of
from calls.index.selection import Cursor, Selection

FILTERS: dict[str, Any] = {
    "state": "failed",
    "result_state": "final",
    "direction": "incoming",
    "participant": "+15551230000",
    "tags": ("VIP",),
    "min_duration": 60_000,
}


def driver_of(selection: Selection, counts: dict[str, int]) -> str:
    """What drives a query, if its terms have so many calls; others have very many."""

    def count(sql: str, _: object) -> int:
        return next((n for text, n in counts.items() if text in sql), RARE + 1)

    return choose_driver(selection, terms_of(selection, lambda _: True), count).table


@pytest.mark.parametrize("sort", ["-created_at", "duration"])
def test_a_filter_with_few_calls_drives_the_query(sort: Any) -> None:
    selection = Selection(state="failed", direction="incoming", tags=("VIP",), sort=sort)
    assert driver_of(selection, {"by_direction": 7}) == "calls c INDEXED BY by_direction"
    assert driver_of(selection, {"by_direction": 7, "tags": 6}) == "tags k"


def test_without_a_rare_filter_the_order_drives_the_query() -> None:
    assert driver_of(Selection(min_duration=1), {}) == "calls c"
    assert driver_of(Selection(state="failed"), {}) == "calls c INDEXED BY by_state"
    assert driver_of(Selection(state="failed", tags=("VIP",)), {}) == "tags k"
    selection = Selection(state="failed", tags=("VIP",), sort="-duration")
    assert driver_of(selection, {}) == "calls c INDEXED BY by_duration"
    selection = Selection(sort="duration")
    assert driver_of(selection, {}) == "calls c INDEXED BY by_duration_last"


def test_a_short_time_drives_the_order_by_duration() -> None:
    selection = Selection(begun_from=1, begun_until=2, sort="-duration")
    assert driver_of(selection, {}) == "calls c INDEXED BY by_duration"
    assert driver_of(selection, {"created_at": 5}) == "calls c"


def test_a_participant_is_a_raw_id_or_else_a_name() -> None:
    selection = Selection(participant="Robin")
    for existing, key in (({"Robin", "\nrobin"}, "Robin"), ({"\nrobin"}, "\nrobin"), ((), "Robin")):
        (term,) = terms_of(selection, existing.__contains__)
        assert term.parameters == (key,)


def test_values_are_parameters_and_never_a_part_of_the_statement() -> None:
    evil = "x'; DROP TABLE calls --"
    selection = Selection(**FILTERS | {"participant": evil, "tags": (evil, evil)})
    terms = terms_of(selection, lambda _: False)
    query = build_query(selection, terms, terms[0], Cursor(5, evil))
    assert "DROP" not in query.sql
    assert query.sql.count("?") == len(query.parameters) + 1
    assert query.parameters.count(evil) == 4
