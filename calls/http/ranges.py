"""The ``Range`` header: which bytes of a file to send. Pure.

Source: RFC 9110, section 14. A header with several ranges is answered with the whole file.
"""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_BYTES = 4 * 1024 * 1024
"""The most bytes in one response: a function holds several copies in memory while it sends them."""

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII | re.IGNORECASE)


class UnsatisfiableRange(ValueError):
    """Raised when no byte of the file is in the range (416). Its text is the ``Content-Range``."""


class ByteRange(NamedTuple):
    """Bytes ``first`` to ``last``, both included."""

    first: int
    last: int

    @property
    def length(self) -> int:
        """The number of bytes."""
        return self.last - self.first + 1


def parse_range(header: str | None, size: int) -> ByteRange | None:
    """Parse a ``Range`` header.

    Args:
        header: The header's value.
        size: The file's size in bytes.

    Returns:
        The range; None for the whole file.

    Raises UnsatisfiableRange.
    """
    match = _RANGE.fullmatch((header or "").strip())
    if match is None or match[0].endswith("=-"):
        return None
    start, end = match[1], match[2]
    if not start:
        first, last = max(0, size - int(end)), size - 1
    else:
        first, last = int(start), min(int(end) if end else size - 1, size - 1)
        if end and int(end) < int(start):
            return None
    if first >= size or last < first:
        raise UnsatisfiableRange(f"bytes */{size}")
    return ByteRange(first, last)
