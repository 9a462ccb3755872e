"""The read model: a private SQLite database of all calls, with an index for each filter.

It lives as long as its process and is nobody else's: SQLite keeps it in a file without a name,
which the system removes with the process. Deleted rows are overwritten.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from calls.index.queries import (
    Query,
    build_query,
    choose_driver,
    is_of_words,
    select_query,
    terms_of,
)
from calls.index.rows import Row, day_of, decode_rows, span_of
from calls.index.selection import Cursor, Page, Selection
from calls.index.texts import DueText, Text, Texts

_SETTINGS = """
PRAGMA journal_mode = MEMORY;
PRAGMA synchronous = OFF;
PRAGMA secure_delete = ON;
PRAGMA temp_store = MEMORY;
PRAGMA cache_size = -65536;
"""

_TABLES = """
CREATE TABLE calls (
    created_at INTEGER NOT NULL,
    id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    state TEXT NOT NULL,
    result_state TEXT NOT NULL,
    direction TEXT NOT NULL,
    duration INTEGER NOT NULL,
    duration_last INTEGER NOT NULL,
    document INTEGER NOT NULL,
    PRIMARY KEY (created_at, id)
) WITHOUT ROWID;
CREATE TABLE documents (number INTEGER PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE participants (
    key TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (key, created_at, id)
) WITHOUT ROWID;
CREATE TABLE tags (
    key TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (key, created_at, id)
) WITHOUT ROWID;
CREATE TABLE loaded_participants (key TEXT, created_at INTEGER, id TEXT);
CREATE TABLE loaded_tags (key TEXT, created_at INTEGER, id TEXT);
CREATE TABLE changed_days (day TEXT PRIMARY KEY, mark INTEGER NOT NULL) WITHOUT ROWID;
"""

# Sorted first: added in the order of the calls, each would be written somewhere else.
_INDEXES = """
INSERT OR REPLACE INTO participants SELECT * FROM loaded_participants ORDER BY key, created_at, id;
INSERT OR REPLACE INTO tags SELECT * FROM loaded_tags ORDER BY key, created_at, id;
DROP TABLE loaded_participants;
DROP TABLE loaded_tags;
CREATE UNIQUE INDEX by_id ON calls (id);
CREATE INDEX by_state ON calls (state, created_at, id);
CREATE INDEX by_result_state ON calls (result_state, created_at, id);
CREATE INDEX by_direction ON calls (direction, created_at, id);
CREATE INDEX by_duration ON calls (duration, id, created_at, state, result_state, direction);
CREATE INDEX by_duration_last ON calls (
    duration_last, id, created_at, state, result_state, direction, duration
);
"""


FEW_TEXTS = 5000
"""With so many texts, deleted words are erased at once: in 0.1 s. Else, see ``CallIndex``."""


class ReadModel:
    """All calls, in one process. Its methods may run in any thread, one at a time.

    They raise sqlite3.Error if the database is damaged or its disk is full.
    """

    def __init__(self) -> None:
        # "": a temporary database on disk. Source: sqlite.org/inmemorydb.html, section 3.
        self._database = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._database.executescript(_SETTINGS + _TABLES)
        self.texts = Texts(self._database)
        """The words of transcripts."""
        self._mark = 0
        self._documents = 0

    def close(self) -> None:
        """Close the database: it is gone."""
        self._database.close()

    def add_all(self, rows: Sequence[Row]) -> None:
        """Add rows of new calls, before ``create_indexes``."""
        with self._database:
            self._database.execute("BEGIN")
            self._insert(rows, "loaded_")
            self.texts.expect_all(map(_text_of, (row for row in rows if row.transcript)))

    def create_indexes(self) -> None:
        """Create the indexes: faster than keeping them while many rows are added."""
        self._database.executescript(_INDEXES)

    def revisions(self, calls: Iterable[str]) -> dict[str, int]:
        """Return the revisions of those calls that are there."""
        query = "SELECT revision FROM calls WHERE id = ?"
        revisions = {}
        for call in calls:
            row = self._database.execute(query, (call,)).fetchone()
            if row is not None:
                revisions[call] = int(row[0])
        return revisions

    def apply(self, rows: Sequence[Row], deleted: Iterable[str]) -> None:
        """Apply changes. A row that is older than the one that is there changes nothing."""
        self._mark += 1
        with self._database:
            self._database.execute("BEGIN")
            for call in deleted:
                self._delete(call)
                self.texts.expect(DueText(call, 0, ""))
            revisions = self.revisions([row.call for row in rows])
            newer = [row for row in rows if row.revision > revisions.get(row.call, -1)]
            for row in newer:
                self._delete(row.call)
                self._mark_day(row.created_at)
            self._insert(newer)
            for row in newer:
                self.texts.expect(_text_of(row))
        if self.texts.has_deleted and self.texts.count() <= FEW_TEXTS:
            self.erase_deleted_words()

    def erase_deleted_words(self) -> None:
        """Remove the words of deleted and changed transcripts from the file, if there are any."""
        if self.texts.has_deleted:
            self.texts.erase_deleted()

    def put_texts(self, texts: Iterable[Text]) -> None:
        """Add the words of transcripts that were due."""
        with self._database:
            self._database.execute("BEGIN")
            for text in texts:
                self.texts.put(text)

    def changed_days(self) -> dict[str, int]:
        """Return the days with calls that have changed, and a mark of each day's last change."""
        query = "SELECT day, mark FROM changed_days ORDER BY day"
        return dict(self._database.execute(query).fetchall())

    def forget_changed_days(self, days: Mapping[str, int]) -> None:
        """Forget that days have changed, unless they have another mark by now."""
        query = "DELETE FROM changed_days WHERE day = ? AND mark = ?"
        with self._database:
            self._database.executemany(query, days.items())

    def contents(self, day: str) -> list[bytes]:
        """Return the contents of the rows of calls that began on a day (UTC), in order."""
        query = (
            "SELECT content FROM calls JOIN documents ON number = document "
            "WHERE created_at >= ? AND created_at < ? ORDER BY created_at, id"
        )
        return [content for (content,) in self._database.execute(query, span_of(day))]

    def serialize(self) -> bytes:
        """Return the database as a file has it, for those who look for what must not be in it."""
        return self._database.serialize()

    def all_contents(self) -> dict[str, bytes]:
        """Return the contents of all rows by their calls."""
        query = "SELECT id, content FROM calls JOIN documents ON number = document"
        return dict(self._database.execute(query).fetchall())

    def count(self) -> int:
        """Return how many calls there are."""
        (count,) = self._database.execute("SELECT count(*) FROM calls").fetchone()
        return int(count)

    def select(self, selection: Selection, calls: Sequence[str]) -> dict[str, bytes]:
        """Return the contents of those of some calls that are selected."""
        query = select_query(selection, terms_of(selection, self._has_participant))
        parameters = (msgspec.json.encode(calls).decode(), *query.parameters)
        return dict(self._database.execute(query.sql, parameters).fetchall())

    def page(self, selection: Selection, limit: int, cursor: Cursor | None) -> Page:
        """Return up to ``limit`` of the selected calls, from the cursor on."""
        query = self._query(selection, cursor)
        found = self._database.execute(query.sql, (*query.parameters, limit + 1)).fetchall()
        contents = [
            self._database.execute(
                "SELECT content FROM calls JOIN documents ON number = document WHERE id = ?",
                (call,),
            ).fetchone()[0]
            for _, call in found[:limit]
        ]
        return Page(contents, Cursor(*found[limit - 1]) if len(found) > limit else None)

    def explain(self, selection: Selection, cursor: Cursor | None = None) -> list[str]:
        """Return SQLite's plan of a page's query, a line a step."""
        query = self._query(selection, cursor)
        plan = self._database.execute(f"EXPLAIN QUERY PLAN {query.sql}", (*query.parameters, 1))
        return [detail for *_, detail in plan]

    def _query(self, selection: Selection, cursor: Cursor | None) -> Query:
        terms = terms_of(selection, self._has_participant)
        driver, number = choose_driver(selection, terms, self._count), None
        if cursor is not None and is_of_words(driver):
            is_descending = selection.sort.startswith("-")
            number = self.texts.bound(*cursor, is_descending=is_descending)
        return build_query(selection, terms, driver, cursor, number)

    def _count(self, sql: str, parameters: Sequence[int | str]) -> int:
        (count,) = self._database.execute(sql, parameters).fetchone()
        return int(count)

    def _has_participant(self, key: str) -> bool:
        query = "SELECT 1 FROM participants WHERE key = ? LIMIT 1"
        return self._database.execute(query, (key,)).fetchone() is not None

    def _insert(self, rows: Sequence[Row], prefix: str = "") -> None:
        first = self._documents + 1
        self._documents += len(rows)
        self._database.executemany(
            "INSERT OR REPLACE INTO calls VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    row.created_at,
                    row.call,
                    row.revision,
                    row.state,
                    row.result_state,
                    row.direction,
                    row.duration,
                    row.duration_last,
                    number,
                )
                for number, row in enumerate(rows, first)
            ),
        )
        self._database.executemany(
            "INSERT INTO documents VALUES (?, ?)",
            ((number, row.content) for number, row in enumerate(rows, first)),
        )
        for table in ("participants", "tags"):
            self._database.executemany(
                f"INSERT OR REPLACE INTO {prefix}{table} VALUES (?, ?, ?)",  # noqa: S608 (constants)
                ((key, row.created_at, row.call) for row in rows for key in getattr(row, table)),
            )

    def _delete(self, call: str) -> None:
        query = "SELECT number, content FROM calls JOIN documents ON number = document WHERE id = ?"
        for number, content in self._database.execute(query, (call,)).fetchall():
            # Its keys are in its content: an index of them by call would take a sixth of the load.
            (row,) = decode_rows(content)
            self._mark_day(row.created_at)
            self._database.execute("DELETE FROM documents WHERE number = ?", (number,))
            for table in ("participants", "tags"):
                self._database.executemany(
                    f"DELETE FROM {table} WHERE key = ? AND created_at = ? AND id = ?",  # noqa: S608 (constants)
                    [(key, row.created_at, call) for key in getattr(row, table)],
                )
        self._database.execute("DELETE FROM calls WHERE id = ?", (call,))

    def _mark_day(self, created_at: int) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO changed_days VALUES (?, ?)", (day_of(created_at), self._mark)
        )


def _text_of(row: Row) -> DueText:
    return DueText(row.call, row.created_at, row.transcript)
