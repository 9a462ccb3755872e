"""The ``Range`` header: which bytes of a file to answer with. Pure.

Source: RFC 9110, section 14. Of several ranges none is answered with; the whole file then is.
"""

from __future__ import annotations

import re
from typing import NamedTuple

MOST_BYTES = 4 * 1024 * 1024
"""An answer is held whole in memory, some times over, on its way out of a function."""

_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII | re.IGNORECASE)


class Unsatisfiable(ValueError):
    """Raised when no byte of the file lies in the range: 416."""


class ByteRange(NamedTuple):
    """Bytes ``first`` to ``last``, both included."""

    first: int
    last: int

    @property
    def length(self) -> int:
        """How many bytes it has."""
        return self.last - self.first + 1


def parse(header: str | None, size: int) -> ByteRange | None:
    """The range that a header asks for of ``size`` bytes; None where the whole file is asked for.

    At most 4 MiB, which a server may do: the client asks for the rest. Raises Unsatisfiable.
    """
    match = _RANGE.fullmatch((header or "").strip())
    if match is None or match[0].endswith("=-"):
        return None
    from_, to = match[1], match[2]
    if not from_:
        first, last = max(0, size - int(to)), size - 1
    else:
        first, last = int(from_), min(int(to) if to else size - 1, size - 1)
        if to and int(to) < int(from_):
            return None
    if first >= size or last < first:
        raise Unsatisfiable(f"bytes */{size}")
    return ByteRange(first, min(last, first + MOST_BYTES - 1))
