"""CSV that a spreadsheet opens without running anything."""

from __future__ import annotations

import csv
import io

import pytest

from calls.csv_cells import to_cell, to_csv


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("plain", "plain"),
        ("", ""),
        ("=1+1", "'=1+1"),
        ("+15551230000", "'+15551230000"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\uff1dHYPERLINK()", "'\uff1dHYPERLINK()"),
        ("two\r\nlines", "two lines"),
        ("\t=1", "'=1"),
        ("\ufeff=1", "'\ufeff=1"),
        ("\u200b \u200e@SUM(A1)", "'\u200b \u200e@SUM(A1)"),
        ("\u200b", "\u200b"),
        ("a=b", "a=b"),
    ],
)
def test_a_cell_is_one_line_and_no_formula(text: str, cell: str) -> None:
    assert to_cell(text) == cell


def test_rows_are_read_as_they_were_written() -> None:
    rows = [["a", 'say "b"', "c, d"], ["", "é", "  "]]
    text = to_csv(rows)
    assert text == 'a,"say ""b""","c, d"\r\n,é,  \r\n'
    assert list(csv.reader(io.StringIO(text, newline=""))) == rows
