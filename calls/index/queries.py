"""The SQL of a page: bounded work, however many calls there are. Pure.

A page is read by *keyset*: from the last call of the page before it on, not from a number of calls.

Each filter is a *term*: it can *drive* the query, which then reads the term's own index, or be a
condition that is checked for each row. Before the query, each term's calls are counted, at most
``RARE`` of them. If a term has few calls, it drives: they are all read, and sorted. Otherwise the
calls are read in the order of the list, from an index, until the page is full: since each term has
many calls, that is soon.

The full-text index has its rows in the order of the calls, too: by their *numbers* (see ``texts``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from calls.index.rows import search_keys
from calls.index.selection import Cursor, Selection, sort_column
from calls.index.texts import RANK_BITS, first_number

RARE = 1000
"""A term with at most so many calls drives the query."""

_JOIN = " CROSS JOIN calls c ON c.created_at = k.created_at AND c.id = k.id"

_WORDS_JOIN = (
    " CROSS JOIN texts t ON t.number = k.rowid "
    f"CROSS JOIN calls c ON c.created_at = t.number >> {RANK_BITS} AND c.id = t.id"
)
# The inner query is run once. For each row, it would merge all words of a prefix again.
_WORDS_CHECK = (
    "(SELECT number FROM texts WHERE id = c.id) IN (SELECT rowid FROM words WHERE words MATCH ?)"
)

Parameters = tuple[int | str, ...]
Count = Callable[[str, Sequence[int | str]], int]


class Term(NamedTuple):
    """One filter.

    Attributes:
        table: What the query reads if the term drives it: ``calls c``, or its own table ``k``.
        join: Joins a table ``k`` with ``calls c``.
        condition: What then holds for each row of the table.
        check: What holds for each row of ``calls c`` otherwise.
        parameters: Those of ``condition``, which are those of ``check``, too.
        alias: The table, ``c`` or ``k``, whose index has the calls by their beginning; empty if
            that index has another order.
    """

    table: str
    join: str
    condition: str
    check: str
    parameters: Parameters
    alias: str


_BY_TIME = Term("calls c", "", "TRUE", "", (), "c")
"""Reads the calls by their beginning, which is the primary key of their table."""


class Query(NamedTuple):
    """A statement with its parameters, without the last one: the limit."""

    sql: str
    parameters: Parameters


def terms_of(selection: Selection, has_participant: Callable[[str], bool]) -> list[Term]:
    """Return the filters of a selection, without its times.

    Args:
        selection: The selection.
        has_participant: Returns whether any call has a participant with a key.
    """
    terms = []
    for column in ("state", "result_state", "direction"):
        value = getattr(selection, column)
        if value is not None:
            condition = f"c.{column} = ?"
            table = f"calls c INDEXED BY by_{column}"
            terms.append(Term(table, "", condition, condition, (value,), "c"))
    if selection.participant is not None:
        keys = search_keys(selection.participant)
        key = next((key for key in keys if has_participant(key)), keys[0])
        terms.append(_key_term("participants", key))
    terms += [_key_term("tags", tag) for tag in selection.tags]
    if selection.min_duration is not None:
        condition = "c.duration >= ?"
        table = "calls c INDEXED BY by_duration"
        terms.append(Term(table, "", condition, condition, (selection.min_duration,), ""))
    if selection.words is not None:
        words = (selection.words,)
        terms.append(Term("words k", _WORDS_JOIN, "k.words MATCH ?", _WORDS_CHECK, words, ""))
    return terms


def is_of_words(term: Term) -> bool:
    """Return whether a term is the one of the full-text index."""
    return term.join == _WORDS_JOIN


def _key_term(table: str, key: str) -> Term:
    return Term(
        f"{table} k",
        _JOIN,
        "k.key = ?",
        f"EXISTS (SELECT 1 FROM {table} x WHERE x.key = ? "  # noqa: S608 (constants)
        "AND x.created_at = c.created_at AND x.id = c.id)",
        (key,),
        "k",
    )


def choose_driver(selection: Selection, terms: Sequence[Term], count: Count) -> Term:
    """Return the term that drives the query: one of a selection's terms, or its order.

    Args:
        selection: The selection.
        terms: Its terms.
        count: Runs a statement that counts rows.
    """
    is_by_time = selection.sort.endswith("created_at")
    candidates = list(terms)
    if not is_by_time and _time_bounds(selection, "c")[0]:
        # Sorted by duration, the times are a filter like the others.
        candidates.append(_BY_TIME)
    counts = []
    for term in candidates:
        bounds, times = _time_bounds(selection, term.alias) if term.alias else ([], ())
        where = " AND ".join([term.condition, *bounds])
        rows = f"SELECT 1 FROM {term.table} WHERE {where} LIMIT {RARE + 1}"  # noqa: S608 (constants)
        counts.append(count(f"SELECT count(*) FROM ({rows})", (*term.parameters, *times)))  # noqa: S608 (constants)
    rarest = min(range(len(counts)), key=counts.__getitem__, default=None)
    if rarest is not None and counts[rarest] <= RARE:
        return candidates[rarest]
    if not is_by_time:
        column = sort_column(selection)
        return Term(f"calls c INDEXED BY by_{column}", "", "TRUE", "", (), "c")
    in_order = [term for term in terms if term.alias or is_of_words(term)]
    # Words, tags and participants, which are last, mostly have fewer calls than states.
    return in_order[-1] if in_order else _BY_TIME


def build_query(
    selection: Selection,
    terms: Sequence[Term],
    driver: Term,
    cursor: Cursor | None,
    number: int | None = None,
) -> Query:
    """Return the query of a page: the value by which each call is sorted, and its id.

    Args:
        selection: The selection.
        terms: Its terms.
        driver: The one that drives.
        cursor: The last call of the page before.
        number: The number of a text that is the same bound for the full-text index.
    """
    if is_of_words(driver) and selection.sort.endswith("created_at"):
        return _query_by_number(selection, terms, driver, number)
    column = sort_column(selection)
    alias = driver.alias if column == "created_at" and driver.alias else "c"
    others = [term for term in terms if term is not driver]
    bounds, times = _time_bounds(selection, alias if column == "created_at" else "c")
    conditions = [driver.condition, *bounds, *(term.check for term in others)]
    parameters = [*driver.parameters, *times]
    for term in others:
        parameters += term.parameters
    is_descending = selection.sort.startswith("-")
    if cursor is not None:
        comparison = "<" if is_descending else ">"
        conditions.append(f"({alias}.{column}, {alias}.id) {comparison} (?, ?)")
        parameters += cursor
    order = "DESC" if is_descending else "ASC"
    sql = (
        f"SELECT {alias}.{column}, {alias}.id FROM {driver.table}{driver.join} "  # noqa: S608 (constants)
        f"WHERE {' AND '.join(conditions)} "
        f"ORDER BY {alias}.{column} {order}, {alias}.id {order} LIMIT ?"
    )
    return Query(sql, tuple(parameters))


def _query_by_number(
    selection: Selection, terms: Sequence[Term], driver: Term, number: int | None
) -> Query:
    """Return the query of a page that is read from the full-text index, in its order."""
    is_descending = selection.sort.startswith("-")
    others = [term for term in terms if term is not driver]
    bounds = [
        ("k.rowid >= ?", _first_number(selection.begun_from)),
        ("k.rowid < ?", _first_number(selection.begun_until)),
        (f"k.rowid {'<' if is_descending else '>'} ?", number),
    ]
    given = [(condition, value) for condition, value in bounds if value is not None]
    conditions = [driver.condition, *(condition for condition, _ in given)]
    conditions += [term.check for term in others]
    parameters = [*driver.parameters, *(value for _, value in given)]
    for term in others:
        parameters += term.parameters
    sql = (
        f"SELECT c.created_at, c.id FROM {driver.table}{driver.join} "  # noqa: S608 (constants)
        f"WHERE {' AND '.join(conditions)} "
        f"ORDER BY k.rowid {'DESC' if is_descending else 'ASC'} LIMIT ?"
    )
    return Query(sql, tuple(parameters))


def _first_number(created_at: int | None) -> int | None:
    return None if created_at is None else first_number(created_at)


def select_query(selection: Selection, terms: Sequence[Term]) -> Query:
    """Return the query of those of a list of calls, a JSON array, that are selected."""
    bounds, times = _time_bounds(selection, "c")
    parameters = [*times]
    for term in terms:
        parameters += term.parameters
    conditions = ["TRUE", *bounds, *(term.check for term in terms)]
    sql = (
        "SELECT c.id, content FROM json_each(?) j CROSS JOIN calls c ON c.id = j.value "  # noqa: S608 (constants)
        f"JOIN documents ON number = document WHERE {' AND '.join(conditions)}"
    )
    return Query(sql, tuple(parameters))


def _time_bounds(selection: Selection, alias: str) -> tuple[list[str], Parameters]:
    bounds = [
        (f"{alias}.created_at >= ?", selection.begun_from),
        (f"{alias}.created_at < ?", selection.begun_until),
    ]
    given = [(condition, value) for condition, value in bounds if value is not None]
    return [condition for condition, _ in given], tuple(value for _, value in given)
