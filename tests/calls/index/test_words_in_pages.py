"""Pages of a search are what a plain search through all transcripts finds, in the same order."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from typing import Any

import pytest

from calls.index.read_model import ReadModel
from calls.index.rows import Row, row_of
from calls.index.selection import Cursor, Selection, Sort
from calls.index.texts import DueText, Text
from calls.records.store import decode_record
from tests.calls.index.test_read_model import CALLS, random_record

COMMON, RARE, LATE = '"everyone"', '"few"', '"lately"'
"""Words of all calls, of every hundredth, and of most of the first third."""


@cache
def said() -> dict[str, tuple[Row, str]]:
    """Each call's row, and what was said in it."""
    source = random.Random(17)
    calls = {}
    for number in range(CALLS):
        record = random_record(number, source)
        record.transcript_digest = "1"
        words = ["everyone", f"only{number}"]
        if number % 100 == 0:
            words.append("few")
        if number < CALLS // 2:
            words.append("lately")
        calls[record.call_connection_id] = (row_of(record), " ".join(words))
    return calls


@pytest.fixture(scope="module")
def model() -> Iterator[ReadModel]:
    with closing(ReadModel()) as model:
        rows = [row for row, _ in said().values()]
        model.add_all(rows)
        model.create_indexes()
        while due := model.texts.due(500):
            model.put_texts(Text(*text, said()[text.call][1]) for text in due)
        yield model


def expected(selection: Selection) -> list[str]:
    """What a plain search finds, in order."""
    word = (selection.words or "").strip('"')
    found = [
        row
        for row, words in said().values()
        if word in words.split()
        and (selection.state is None or row.state == selection.state)
        and set(selection.tags) <= set(row.tags)
        and (selection.begun_from is None or row.created_at >= selection.begun_from)
        and (selection.begun_until is None or row.created_at < selection.begun_until)
        and (selection.min_duration is None or row.duration >= selection.min_duration)
    ]
    column = selection.sort.removeprefix("-")
    if column == "duration" and not selection.sort.startswith("-"):
        column = "duration_last"
    found.sort(
        key=lambda row: (getattr(row, column), row.call), reverse=selection.sort.startswith("-")
    )
    return [row.call for row in found]


def read_pages(model: ReadModel, selection: Selection, limit: int, pages: int) -> list[str]:
    calls: list[str] = []
    cursor: Cursor | None = None
    for _ in range(pages):
        page = model.page(selection, limit, cursor)
        calls += [decode_record(content).call_connection_id for content in page.contents]
        cursor = page.cursor
        if cursor is None:
            break
    return calls


MOMENTS = sorted({row.created_at for row, _ in said().values()})
FILTERS: list[dict[str, Any]] = [
    {},
    {"state": "failed"},
    {"tags": ("VIP",)},
    {"tags": ("VIP", "sale")},
    {"begun_from": MOMENTS[100], "begun_until": MOMENTS[400]},
    {"min_duration": 30_000},
    {"state": "connected", "begun_from": MOMENTS[10]},
]


@pytest.mark.parametrize("sort", ["-created_at", "created_at", "-duration", "duration"])
@pytest.mark.parametrize("words", [COMMON, RARE, LATE, '"only77"', '"nobody"'])
@pytest.mark.parametrize("filters", FILTERS, ids=lambda filters: "+".join(filters) or "all")
def test_pages_are_what_a_plain_search_finds(
    model: ReadModel, words: str, sort: Sort, filters: dict[str, Any]
) -> None:
    selection = Selection(words=words, sort=sort, **filters)
    found = expected(selection)
    assert read_pages(model, selection, 7, 6) == found[:42]
    assert model.page(selection, len(found) or 1, None).cursor is None


def test_a_common_word_is_read_in_order_and_not_sorted(model: ReadModel) -> None:
    for sort in ("-created_at", "created_at"):
        plan = model.explain(Selection(words=COMMON, sort=sort, state="disconnected"))
        assert plan[0].startswith("SCAN k VIRTUAL TABLE"), plan
        assert not [step for step in plan if "TEMP B-TREE" in step], plan


def test_a_rare_filter_drives_and_words_are_checked(model: ReadModel) -> None:
    plan = model.explain(Selection(words=COMMON, state="connected"))
    assert "by_state" in plan[0], plan


@pytest.mark.parametrize("sort", ["-created_at", "duration"])
def test_words_that_are_checked_are_searched_once_and_not_for_each_call(
    model: ReadModel, sort: Sort
) -> None:
    """A prefix of 10,000 texts took 24 s for 900 calls: each merged all its words again."""
    plan = model.explain(Selection(words='"e"*', state="connected", sort=sort))
    search = next(n for n, step in enumerate(plan) if "words VIRTUAL TABLE" in step)
    assert plan[search - 1].startswith("LIST SUBQUERY"), plan


@pytest.mark.parametrize("sort", ["-created_at", "created_at"])
@pytest.mark.parametrize("words", [COMMON, RARE])
def test_no_time_is_too_far_away(model: ReadModel, words: str, sort: Sort) -> None:
    """SQLite's integers have 63 bits, and a request may name any year, a cursor any number."""
    ever = Selection(words=words, sort=sort)
    all_calls = expected(ever)
    ages = Selection(words=words, sort=sort, begun_from=-(2**56), begun_until=2**58)
    assert read_pages(model, ages, 10_000, 1) == all_calls
    never = Selection(words=words, sort=sort, begun_from=2**58)
    assert model.page(never, 9, None).contents == []
    for value in (-(2**63), 2**63 - 1):
        is_before_all = (value < 0) == (sort == "created_at")
        page = model.page(ever, 10_000, Cursor(value, "m"))
        assert len(page.contents) == (len(all_calls) if is_before_all else 0)


def test_some_calls_are_selected_by_their_ids(model: ReadModel) -> None:
    selection = Selection(state="failed", tags=("VIP",))
    wanted = [call for call, (row, _) in said().items() if row.state == "failed"][:50]
    selected = model.select(selection, [*wanted, "nobody"])
    assert set(selected) == {call for call in wanted if "VIP" in said()[call][0].tags}
    assert model.select(selection, []) == {}
    for call, content in selected.items():
        assert decode_record(content).call_connection_id == call


def test_what_changes_is_due_and_what_is_deleted_is_not_found() -> None:
    rows = [row for row, _ in list(said().values())[:3]]
    with closing(ReadModel()) as model:
        model.add_all(rows[:2])
        model.create_indexes()
        model.apply([rows[2]], [])
        assert {text.call for text in model.texts.due(9)} == {row.call for row in rows}
        model.put_texts(Text(*text, "everyone") for text in model.texts.due(9))
        changed = rows[0]._replace(revision=99, transcript="2")
        erased = rows[1]._replace(revision=99, transcript="")
        model.apply([changed, erased], [rows[2].call])
        assert model.page(Selection(words=COMMON), 9, None).contents == []
        assert model.texts.due(9) == [DueText(changed.call, changed.created_at, "2")]
        assert not model.texts.has_deleted, "they were erased at once"
