"""CSV (RFC 4180) that is safe to open in a spreadsheet. Pure."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence

from acs.identifiers import one_line

_FORMULA_STARTS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet takes for a formula (OWASP, "CSV Injection"); four in full width."""


def to_cell(text: str) -> str:
    """Return a text as one line; with an apostrophe before it if it might be a formula.

    Programs remove characters that nobody sees, such as a byte order mark: what follows counts.
    """
    line = one_line(text)
    visible = (char for char in line if unicodedata.category(char) != "Cf" and not char.isspace())
    return f"'{line}" if next(visible, "").startswith(_FORMULA_STARTS) else line


def to_csv(rows: Iterable[Sequence[str]]) -> str:
    """Return rows as CSV, whose lines end with CRLF."""
    file = io.StringIO()
    csv.writer(file, lineterminator="\r\n").writerows(rows)
    return file.getvalue()
