"""What was said, beside the calls: the words of their transcripts, in SQLite's FTS5.

A text's *number* is its row in the full-text index. It is made of the time at which its call began,
so the index has its rows in the order of the list, and a page is read from it without sorting, even
of a word that is in every call.

Deleted words stay in the file of an FTS5 index until it merges its parts (SQLite 3.40 has no
``secure-delete`` of its own for it). So ``erase_deleted`` merges all of them, and ``secure_delete``
overwrites what that frees.

Source: sqlite.org/fts5.html, sections 4.3 (the ascii tokenizer), 6.2 (optimize), 5 (rowid order).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

RANK_BITS = 12
"""So many bits of a number are for the calls that began in the same microsecond, by their ids."""

_MAX_RANK = (1 << RANK_BITS) - 1
_MAX_MOMENT = (1 << (63 - RANK_BITS)) - 2
"""The last microsecond, in 2041, whose numbers SQLite has: those of the next one are too large."""

# The words are folded and have spaces between them already; this tokenizer splits them only there.
_TABLES = """
CREATE TABLE due (
    id TEXT PRIMARY KEY, created_at INTEGER NOT NULL, digest TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE texts (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, digest TEXT NOT NULL);
CREATE VIRTUAL TABLE words USING fts5(text, tokenize = 'ascii');
"""


class DueText(NamedTuple):
    """A call whose transcript has to be read; ``digest`` is the one that the call's record has."""

    call: str
    created_at: int
    digest: str


class Text(NamedTuple):
    """The words of a call's transcript; ``digest`` is the one that was due."""

    call: str
    created_at: int
    digest: str
    words: str


def first_number(created_at: int) -> int:
    """Return the first number of the texts of a microsecond.

    A time that SQLite has no numbers for is as good as the first or last that it has: requests may
    name any.
    """
    return max(-_MAX_MOMENT, min(created_at, _MAX_MOMENT)) << RANK_BITS


class Texts:
    """The words of all transcripts, in a database that is somebody else's."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        database.executescript(_TABLES)
        self.has_deleted = False
        """Whether words were deleted that are still in the file."""

    def expect(self, text: DueText) -> None:
        """Note which transcript a call has; the digest is empty if it has none.

        Words of another one are deleted. What is not there yet is due.
        """
        digest = self.digest(text.call)
        if digest is not None and digest != text.digest:
            self.delete(text.call)
        self._database.execute("DELETE FROM due WHERE id = ?", (text.call,))
        if text.digest and digest != text.digest:
            self.expect_all([text])

    def expect_all(self, texts: Iterable[DueText]) -> None:
        """Note which transcripts there are of calls of which no words are there yet."""
        self._database.executemany("INSERT OR REPLACE INTO due VALUES (?, ?, ?)", texts)

    def due(self, limit: int) -> list[DueText]:
        """Return up to so many transcripts that have to be read."""
        query = "SELECT id, created_at, digest FROM due LIMIT ?"
        return [DueText(*row) for row in self._database.execute(query, (limit,))]

    def count_due(self) -> int:
        """Return how many transcripts have to be read."""
        return int(self._database.execute("SELECT count(*) FROM due").fetchone()[0])

    def digest(self, call: str) -> str | None:
        """Return the digest of a call's text; None if it has none."""
        row = self._database.execute("SELECT digest FROM texts WHERE id = ?", (call,)).fetchone()
        return str(row[0]) if row is not None else None

    def count(self) -> int:
        """Return how many texts there are."""
        return int(self._database.execute("SELECT count(*) FROM texts").fetchone()[0])

    def put(self, text: Text) -> None:
        """Write a text that is due; do nothing if it is not due any longer.

        A transcript that was not complete when it was read has no words.
        """
        done = self._database.execute(
            "DELETE FROM due WHERE id = ? AND digest = ?", (text.call, text.digest)
        )
        if not done.rowcount:
            return
        self.delete(text.call)
        number = self._make_room(text)
        row = (number, text.call, text.digest)
        self._database.execute("INSERT INTO texts VALUES (?, ?, ?)", row)
        self._database.execute(
            "INSERT INTO words (rowid, text) VALUES (?, ?)", (number, text.words)
        )

    def delete(self, call: str) -> None:
        """Delete a call's text, if it has one; it may still be due."""
        row = self._database.execute("SELECT number FROM texts WHERE id = ?", (call,)).fetchone()
        if row is not None:
            self._database.execute("DELETE FROM texts WHERE number = ?", row)
            self._database.execute("DELETE FROM words WHERE rowid = ?", row)
            self.has_deleted = True

    def erase_deleted(self) -> None:
        """Remove deleted words from the file. It takes 2 s at 100,000 texts of 300 words."""
        self._database.execute("INSERT INTO words (words) VALUES ('optimize')")
        self.has_deleted = False

    def bound(self, created_at: int, call: str, *, is_descending: bool) -> int:
        """Return the number that bounds the page after this call, which need not have a text.

        The page has the numbers below it if ``is_descending``, else those above it.
        """
        base = first_number(created_at)
        others = self._of_moment(base)
        if is_descending:
            return next((n for n, id_ in others if id_ >= call), base + _MAX_RANK + 1)
        return next((n for n, id_ in reversed(others) if id_ <= call), base - 1)

    def _make_room(self, text: Text) -> int:
        """Return a number for a text; of its moment's others, those that follow it move up."""
        base = first_number(text.created_at)
        others = self._of_moment(base)
        following = [number for number, id_ in others if id_ > text.call]
        for number in reversed(following):
            move = (number + 1, number)
            self._database.execute("UPDATE texts SET number = ? WHERE number = ?", move)
            self._database.execute("UPDATE words SET rowid = ? WHERE rowid = ?", move)
        if following:
            return following[0]
        return others[-1][0] + 1 if others else base

    def _of_moment(self, base: int) -> list[tuple[int, str]]:
        """Return the numbers and ids of the texts of one microsecond, in order."""
        query = "SELECT number, id FROM texts WHERE number BETWEEN ? AND ? ORDER BY number"
        return self._database.execute(query, (base, base + _MAX_RANK)).fetchall()
