"""The words of transcripts in FTS5: found in the order of the calls, and gone when deleted."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.index.texts import RANK_BITS, Text, Texts

SHADOWS = ("words_data", "words_idx", "words_content", "words_docsize")


@pytest.fixture
def database() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", isolation_level=None)


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
        texts.put(Text(call, created_at, f"of {call}", f"said {call}"))
    assert find(database, '"said"') == ["c", "b", "a"]
    assert find(database, '"b"') == ["b"]
    assert (texts.count(), texts.digest("b"), texts.digest("d")) == (3, "of b", None)


def test_a_text_is_replaced_and_deleted(database: sqlite3.Connection) -> None:
    texts = Texts(database)
    texts.put(Text("a", 1, "1", "before"))
    assert not texts.has_deleted
    texts.put(Text("a", 1, "2", "after"))
    assert (find(database, '"before"'), find(database, '"after"')) == ([], ["a"])
    assert (texts.count(), texts.digest("a"), texts.has_deleted) == (1, "2", True)
    texts.delete("a")
    texts.delete("a")
    assert (texts.count(), find(database, '"after"')) == (0, [])


@given(st.permutations(["a", "b", "c", "d", "e"]), st.sets(st.sampled_from("abcde"), max_size=3))
def test_calls_of_one_moment_are_in_the_order_of_their_ids(
    order: list[str], deleted: set[str]
) -> None:
    database = sqlite3.connect(":memory:", isolation_level=None)
    texts = Texts(database)
    texts.put(Text("z", 4, "", "said"))
    texts.put(Text("0", 6, "", "said"))
    for call in order:
        texts.put(Text(call, 5, "", f"said {call}"))
    for call in deleted:
        texts.delete(call)
    for call in sorted(deleted, reverse=True):
        texts.put(Text(call, 5, "", f"said {call}"))
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
        texts.put(Text(id_, moment, "", "said"))
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
    Texts(database).put(Text("a", now, "", "said"))
    ((number,),) = database.execute("SELECT number FROM texts").fetchall()
    assert number >> RANK_BITS == now


def test_no_word_of_a_deleted_text_stays_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "texts.db"
    database = sqlite3.connect(path, isolation_level=None)
    database.executescript("PRAGMA secure_delete = ON; PRAGMA synchronous = OFF")
    texts = Texts(database)
    database.execute("BEGIN")
    for number in range(200):
        texts.put(Text(f"call-{number:03}", number, "", f"everyone said {number:05}"))
    database.execute("COMMIT")
    texts.put(Text("secret", 1000, "", "xylophone zanzibar 12345"))
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
