"""The benchmark of full-text search: what it measures is what it says."""

from __future__ import annotations

import pytest

import calls.storage
from benchmarks import full_text
from benchmarks.full_text import Corpus, call_of, number_of, rows_of
from calls import blobs
from calls.search.words import join_utterances


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(full_text, "_TEXTS", 20)
    monkeypatch.setattr(full_text, "_VOCABULARY", 2500)


@pytest.fixture
def corpus() -> Corpus:
    return Corpus()


def test_what_is_said_is_what_the_engine_has(corpus: Corpus) -> None:
    for number in (0, 1, 4999, 5000, 5001):
        texts = corpus.utterances(number)
        assert join_utterances(texts) == corpus.joined(number)
        assert (full_text._RARE in texts) == (number % 5000 == 0)
    assert len(corpus.joined(1).replace("¶", "").split()) == full_text.WORDS_PER_CALL


def test_rows_are_in_order_and_have_their_numbers(corpus: Corpus) -> None:
    rows = list(rows_of(3, corpus))
    assert [number_of(row.call) for row in rows] == [0, 1, 2]
    assert [row.call for row in rows] == sorted(row.call for row in rows)
    assert [row.tags for row in rows] == [["rare"], ["common"], ["common"]]
    assert call_of(7) == "call-0000007"


async def test_a_small_run_prints_its_table(storage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blobs, "INDEX", "index-of-full-text")
    monkeypatch.setattr(calls.storage, "CONTAINERS", (*blobs.CONTAINERS, "index-of-full-text"))
    table = await full_text.run(storage, 60, 5, 2)
    lines = table.splitlines()
    assert lines[0].startswith("60 calls with transcripts of 300 words")
    assert len(lines) == 3 + len(Corpus().searches())
    assert "a word that nobody has said" in table
