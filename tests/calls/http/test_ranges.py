"""The Range header."""

from __future__ import annotations

import pytest

from calls.http import ranges
from calls.http.ranges import ByteRange, UnsatisfiableRange


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("", None),
        ("bytes=0-", ByteRange(0, 999)),
        ("bytes=0-0", ByteRange(0, 0)),
        ("bytes=10-19", ByteRange(10, 19)),
        ("bytes=990-5000", ByteRange(990, 999)),
        ("bytes=-10", ByteRange(990, 999)),
        ("bytes=-5000", ByteRange(0, 999)),
        ("Bytes=5-6", ByteRange(5, 6)),
        ("bytes=-", None),
        ("bytes=6-5", None),
        ("bytes=0-1,5-6", None),
        ("bytes=0-" + "9" * 5000, None),
        ("items=0-1", None),
    ],
)
def test_the_range_of_a_header(header: str | None, expected: ByteRange | None) -> None:
    assert ranges.parse_range(header, 1000) == expected


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=1000-1001", "bytes=-0"])
def test_a_range_without_a_byte_of_the_file(header: str) -> None:
    with pytest.raises(UnsatisfiableRange, match=r"\*/1000"):
        ranges.parse_range(header, 1000)


def test_a_long_range_is_whole() -> None:
    assert ranges.parse_range("bytes=7-", 10**12) == ByteRange(7, 10**12 - 1)
    assert ranges.parse_range("bytes=-900000000", 10**9) == ByteRange(10**8, 10**9 - 1)
