"""The read model: filters, orders and pages are what a plain search through all calls finds."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calls.index.queries import RARE
from calls.index.read_model import ReadModel
from calls.index.rows import Row, microseconds, row_of
from calls.index.selection import Cursor, Selection, Sort
from calls.records.model import CallRecord
from calls.records.store import decode_record
from tests.calls.index.sample_calls import BEGUN_AT, create_record

CALLS = 2500
"""More than twice as many as a rare filter has."""


def random_record(number: int, source: random.Random) -> CallRecord:
    caller = f"4:+1555000{source.randrange(300):04d}"
    record = create_record(
        number,
        revision=source.randrange(5),
        state=source.choices(["disconnected", "failed", "connected"], [90, 8, 2])[0],
        result_state=source.choice(["final", "partial"]),
        direction=source.choice(["incoming", "outgoing", None]),
        participants=[caller, "4:+15559990000"],
        names={caller: f"Caller {source.randrange(900)}"},
        tags=source.sample(["VIP", "sale", "complaint"], source.randrange(3)),
    )
    # Several calls begin at the same time, and are as long as each other.
    record.created_at = BEGUN_AT + timedelta(minutes=number // 3)
    record.connected_at = record.created_at
    if record.state == "disconnected":
        record.ended_at = record.created_at + timedelta(seconds=source.randrange(60))
    return record


@cache
def all_rows() -> list[Row]:
    source = random.Random(16)
    rows = [row_of(random_record(number, source)) for number in range(CALLS)]
    source.shuffle(rows)
    return rows


@pytest.fixture(scope="module")
def model() -> Iterator[ReadModel]:
    rows = all_rows()
    with closing(ReadModel()) as model:
        model.add_all(rows[:2000])
        model.create_indexes()
        model.apply(rows[2000:], [])
        yield model


def is_selected(selection: Selection, row: Row) -> bool:
    participant = selection.participant or ""
    has_key = {participant, f"4:{participant}", f"\n{participant.casefold()}"}
    return (
        selection.state in (None, row.state)
        and selection.result_state in (None, row.result_state)
        and selection.direction in (None, row.direction)
        and (selection.participant is None or bool(has_key & set(row.participants)))
        and set(selection.tags) <= set(row.tags)
        and (selection.begun_from is None or selection.begun_from <= row.created_at)
        and (selection.begun_until is None or row.created_at < selection.begun_until)
        and (selection.min_duration is None or row.duration >= selection.min_duration)
    )


def sort_key(sort: Sort) -> Callable[[Row], Any]:
    if sort.endswith("created_at"):
        return lambda row: (row.created_at, row.call)
    if sort == "duration":
        return lambda row: (row.duration < 0, row.duration, row.call)
    return lambda row: (row.duration, row.call)


def expected(selection: Selection) -> list[str]:
    selected = [row for row in all_rows() if is_selected(selection, row)]
    selected.sort(key=sort_key(selection.sort), reverse=selection.sort.startswith("-"))
    return [row.call for row in selected]


def all_pages(model: ReadModel, selection: Selection, limit: int) -> list[str]:
    calls: list[str] = []
    cursor: Cursor | None = None
    while True:
        page = model.page(selection, limit, cursor)
        assert len(page.contents) == limit or page.cursor is None
        calls += [decode_record(content).call_connection_id for content in page.contents]
        cursor = page.cursor
        if cursor is None:
            return calls


def minutes(number: int) -> int:
    return microseconds(BEGUN_AT + timedelta(minutes=number))


OPTIONS: dict[str, Any] = {
    "state": st.sampled_from(["disconnected", "failed", "connected", "connecting"]),
    "result_state": st.sampled_from(["final", "partial"]),
    "direction": st.sampled_from(["incoming", "outgoing"]),
    "participant": st.sampled_from(
        ["+15559990000", "4:+15559990000", "+15550000007", "caller 17", "CALLER 4", "nobody"]
    ),
    "tags": st.sampled_from([("VIP",), ("VIP", "sale"), ("none",)]),
    "begun_from": st.integers(0, CALLS // 3).map(minutes),
    "begun_until": st.integers(0, CALLS // 3).map(minutes),
    "min_duration": st.integers(0, 61_000),
}


@settings(max_examples=60, deadline=None)
@given(
    st.fixed_dictionaries({}, optional=OPTIONS),
    st.sampled_from(["-created_at", "created_at", "-duration", "duration"]),
    st.sampled_from([7, 100, 1000]),
)
def test_pages_have_what_a_search_through_all_calls_finds(
    model: ReadModel, filters: dict[str, Any], sort: Sort, limit: int
) -> None:
    selection = Selection(**filters, sort=sort)
    assert all_pages(model, selection, limit) == expected(selection)


@pytest.mark.parametrize("sort", ["-created_at", "created_at", "-duration", "duration"])
@pytest.mark.parametrize(
    "filters",
    [
        {"state": "failed"},
        {"state": "disconnected"},
        {"result_state": "final"},
        {"direction": "incoming"},
        {"participant": "+15550000007"},
        {"participant": "+15559990000"},
        {"participant": "caller 17"},
        {"tags": ("VIP",)},
        {"begun_from": minutes(10), "begun_until": minutes(20)},
        {"begun_from": minutes(10)},
        {"min_duration": 0},
        {"min_duration": 59_000},
        {},
    ],
    ids=str,
)
def test_each_filter_uses_an_index(model: ReadModel, filters: dict[str, Any], sort: Sort) -> None:
    """A page reads a rare filter's index, or the calls in the list's order until it is full."""
    selection = Selection(**filters, sort=sort)
    for cursor in (None, Cursor(minutes(15) if sort.endswith("created_at") else 1000, "call")):
        plan = model.explain(selection, cursor)
        first, *others = plan
        is_in_order = "TEMP B-TREE" not in " ".join(plan)
        drives = first.startswith("SEARCH ") and ("USING" in first)
        assert drives or (first.startswith("SCAN c") and is_in_order), plan
        assert not any(step.startswith("SCAN") for step in others), plan
        if not is_in_order:
            # What is sorted is few calls.
            assert len(all_pages(model, msgspec.structs.replace(selection), 1000)) <= RARE


def test_an_older_row_changes_nothing_and_a_newer_one_replaces() -> None:
    with closing(ReadModel()) as model:
        model.create_indexes()
        model.apply([row_of(create_record(revision=2, tags=["b"], participants=["x"]))], [])
        model.apply([row_of(create_record(revision=1, tags=["a"]))], [])
        assert model.page(Selection(tags=("a",)), 5, None).contents == []
        assert len(model.page(Selection(tags=("b",), participant="x"), 5, None).contents) == 1
        model.apply([row_of(create_record(revision=3, tags=["c"]))], [])
        assert model.page(Selection(tags=("b",)), 5, None).contents == []
        assert model.page(Selection(participant="x"), 5, None).contents == []
        assert len(model.page(Selection(tags=("c",)), 5, None).contents) == 1
        assert (model.count(), model.revisions(["call-00000", "x"])) == (1, {"call-00000": 3})


def test_a_deleted_call_leaves_nothing() -> None:
    row = row_of(create_record(tags=["a"], participants=["4:+15551230000"]))
    with closing(ReadModel()) as model:
        model.add_all([row])
        model.create_indexes()
        model.apply([], [row.call, "another"])
        tables = ("calls", "documents", "participants", "tags")
        database = model._database
        assert [database.execute(f"SELECT * FROM {t}").fetchall() for t in tables] == [[]] * 4
        assert model.all_contents() == {}
        assert list(model.changed_days()) == ["2026-11-26"]


def test_tags_and_participants_are_those_of_the_calls_after_any_changes() -> None:
    source = random.Random(5)
    ids = ["+15551230000", "4:+15551230000", "8:acs:a_b", "\n1", "", "x\u2029"]
    names = ["Zoë", "ß", "\n", "\u2028x", "I\u0307", "", "\ufeff"]

    def random_row(revision: int) -> Row:
        record = create_record(
            source.randrange(8),
            revision=revision,
            tags=source.choices(["a", "b", "a\n", "é"], k=source.randrange(4)),
            participants=source.choices(ids, k=source.randrange(4)),
            names={source.choice(ids): source.choice(names) for _ in range(source.randrange(3))},
            to=source.choice([None, *ids]),
            from_=source.choice([None, *ids]),
        )
        return row_of(record)

    with closing(ReadModel()) as model:
        model.create_indexes()
        rows: dict[str, Row] = {}
        for revision in range(400):
            row = random_row(revision)
            if source.random() < 0.3:
                model.apply([], [row.call])
                rows.pop(row.call, None)
            else:
                model.apply([row], [])
                rows[row.call] = row
            for table in ("participants", "tags"):
                keys = model._database.execute(f"SELECT key, created_at, id FROM {table}")
                assert set(keys) == {
                    (key, row.created_at, row.call)
                    for row in rows.values()
                    for key in getattr(row, table)
                }


def test_a_changed_day_is_remembered_until_its_last_change_was_written() -> None:
    with closing(ReadModel()) as model:
        model.add_all([row_of(create_record())])
        model.create_indexes()
        assert model.changed_days() == {}, "what is loaded is in the day files"
        model.apply([row_of(create_record(revision=1))], [])
        days = model.changed_days()
        model.apply([row_of(create_record(revision=2))], [])
        model.forget_changed_days(days)
        assert list(model.changed_days()) == ["2026-11-26"]
        model.forget_changed_days(model.changed_days())
        assert model.changed_days() == {}


def test_the_contents_of_a_day_are_in_order() -> None:
    records = [create_record(number) for number in (5, 3, 4)]
    other_day = create_record(6)
    other_day.created_at += timedelta(days=1)
    with closing(ReadModel()) as model:
        model.create_indexes()
        model.apply([row_of(record) for record in (*records, other_day)], [])
        contents = model.contents("2026-11-26")
    calls = [decode_record(content).call_connection_id for content in contents]
    assert calls == ["call-00003", "call-00004", "call-00005"]


def test_a_failed_change_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(ReadModel()) as model:
        model.create_indexes()
        model.apply([row_of(create_record(1))], [])

        def fail(*_: object) -> None:
            raise sqlite3.OperationalError("disk full")

        with monkeypatch.context() as patched:
            patched.setattr(model, "_insert", fail)
            with pytest.raises(sqlite3.OperationalError):
                model.apply([row_of(create_record(1, revision=1))], [])
        assert model.revisions(["call-00001"]) == {"call-00001": 0}
