"""The words of transcripts in FTS5: found in the order of the calls, and gone when deleted."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.index.texts import RANK_BITS, DueText, Text, Texts

SHADOWS = ("words_data", "words_idx", "words_content", "words_docsize")


@pytest.fixture
def database() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", isolation_level=None)


def add(texts: Texts, text: Text) -> None:
    """Add a text, which is due."""
    texts.expect(DueText(*text[:3]))
    texts.put(text)


def find(database: sqlite3.Connection, expression: str) -> list[str]:
    """The calls that match, newest first."""
    query = (
        "SELECT t.id FROM words k CROSS JOIN texts t ON t.number = k.rowid "
        "WHERE k.words MATCH ? ORDER BY k.rowid DESC"
    )
    return [call for (call,) in database.execute(query, (expression,))]


def test_texts_are_found_newest_first(database: sqlite3.Connection) -> None:
    texts = Texts(database)
    for call, created_at in (("b", 2), ("c", 3), ("a", 1)):
        add(texts, Text(call, created_at, f"of {call}", f"said {call}"))
    assert find(database, '"said"') == ["c", "b", "a"]
    assert find(database, '"b"') == ["b"]
    assert (texts.count(), texts.digest("b"), texts.digest("d")) == (3, "of b", None)


def test_a_text_is_replaced_and_deleted(database: sqlite3.Connection) -> None:
    texts = Texts(database)
    add(texts, Text("a", 1, "1", "before"))
    assert not texts.has_deleted
    add(texts, Text("a", 1, "2", "after"))
    assert (find(database, '"before"'), find(database, '"after"')) == ([], ["a"])
    assert (texts.count(), texts.digest("a"), texts.has_deleted) == (1, "2", True)
    texts.expect(DueText("a", 1, ""))
    texts.delete("a")
    assert (texts.count(), find(database, '"after"')) == (0, [])


@given(st.permutations(["a", "b", "c", "d", "e"]), st.sets(st.sampled_from("abcde"), max_size=3))
def test_calls_of_one_moment_are_in_the_order_of_their_ids(
    order: list[str], deleted: set[str]
) -> None:
    database = sqlite3.connect(":memory:", isolation_level=None)
    texts = Texts(database)
    add(texts, Text("z", 4, "1", "said"))
    add(texts, Text("0", 6, "1", "said"))
    for call in order:
        add(texts, Text(call, 5, "1", f"said {call}"))
    for call in deleted:
        texts.delete(call)
    for call in sorted(deleted, reverse=True):
        add(texts, Text(call, 5, "1", f"said {call}"))
    assert find(database, '"said"') == ["0", "e", "d", "c", "b", "a", "z"]
    assert [find(database, f'"{call}"') for call in "abcde"] == [[call] for call in "abcde"]
    database.close()


@pytest.mark.parametrize("call", ["a", "b", "bb", "c", "d", "zz", "0"])
@pytest.mark.parametrize("created_at", [4, 5, 6])
def test_a_page_goes_on_after_any_call(
    database: sqlite3.Connection, created_at: int, call: str
) -> None:
    """Also after one that was deleted meanwhile."""
    texts = Texts(database)
    rows = [(4, "y"), (5, "b"), (5, "c"), (5, "d"), (6, "a")]
    for moment, id_ in rows:
        add(texts, Text(id_, moment, "1", "said"))
    numbers = {id_: number for number, id_ in database.execute("SELECT number, id FROM texts")}
    below = texts.bound(created_at, call, is_descending=True)
    assert {i for i, n in numbers.items() if n < below} == {
        i for m, i in rows if (m, i) < (created_at, call)
    }
    above = texts.bound(created_at, call, is_descending=False)
    assert {i for i, n in numbers.items() if n > above} == {
        i for m, i in rows if (m, i) > (created_at, call)
    }


def test_a_number_has_the_moment_in_it(database: sqlite3.Connection) -> None:
    now = 1_795_678_200_123_456
    add(Texts(database), Text("a", now, "1", "said"))
    ((number,),) = database.execute("SELECT number FROM texts").fetchall()
    assert number >> RANK_BITS == now


def test_no_word_of_a_deleted_text_stays_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "texts.db"
    database = sqlite3.connect(path, isolation_level=None)
    database.executescript("PRAGMA secure_delete = ON; PRAGMA synchronous = OFF")
    texts = Texts(database)
    database.execute("BEGIN")
    for number in range(200):
        add(texts, Text(f"call-{number:03}", number, "1", f"everyone said {number:05}"))
    database.execute("COMMIT")
    add(texts, Text("secret", 1000, "1", "xylophone zanzibar 12345"))
    words = (b"xylophone", b"zanzibar", b"12345")
    assert all(word in path.read_bytes() for word in words)
    texts.delete("secret")
    texts.erase_deleted()
    assert not texts.has_deleted
    assert not [word for word in words if word in path.read_bytes()]
    for table in SHADOWS:
        content = repr(database.execute(f"SELECT * FROM {table}").fetchall()).encode()
        assert not [word for word in words if word in content], table
    assert len(find(database, '"everyone"')) == 200
    database.close()


def test_what_is_due_is_what_the_records_have(database: sqlite3.Connection) -> None:
    texts = Texts(database)
    texts.expect_all([DueText("a", 1, "1"), DueText("b", 2, "1")])
    texts.expect(DueText("c", 3, "1"))
    texts.expect(DueText("d", 4, ""))
    assert (texts.count_due(), texts.due(2)) == (3, [DueText("a", 1, "1"), DueText("b", 2, "1")])
    texts.put(Text("a", 1, "1", "said"))
    texts.expect(DueText("a", 1, "1"))
    assert texts.due(9) == [DueText("b", 2, "1"), DueText("c", 3, "1")], "it is there already"
    texts.expect(DueText("a", 1, "2"))
    assert find(database, '"said"') == [], "it was made again"
    assert texts.due(9)[0] == DueText("a", 1, "2")
    texts.put(Text("a", 1, "1", "said"))
    assert find(database, '"said"') == [], "that one is outdated"


def test_a_call_that_was_deleted_while_its_transcript_was_read_does_not_come_back(
    database: sqlite3.Connection,
) -> None:
    texts = Texts(database)
    texts.expect(DueText("a", 1, "1"))
    texts.expect(DueText("a", 0, ""))
    texts.put(Text("a", 1, "1", "said"))
    assert (texts.count(), texts.count_due(), find(database, '"said"')) == (0, 0, [])
