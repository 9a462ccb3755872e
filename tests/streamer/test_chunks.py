"""Buffered audio: what lies over it, where a frame goes into it, what is taken out of it."""

from __future__ import annotations

import pytest

from streamer.chunks import find_frame, find_quietest, insert, overlay, shorten


def test_an_overlay_lies_across_chunks() -> None:
    assert overlay([b"aabb", b"cc"], 2, b"xxyy") == [b"aa", b"xx", b"yy"]
    assert overlay([b"aabb"], -2, b"xxyy") == [b"yy", b"bb"]


@pytest.mark.parametrize(
    ("distance", "index"),
    [(0, None), (2, 2), (3, 2), (5, 2), (7, 1), (8, 1), (12, 0), (14, 0), (15, None), (99, None)],
)
def test_the_nearest_frame_begins_within_half_a_frame(distance: int, index: int | None) -> None:
    assert find_frame([b"aaaa", b"bbbb", b"cccc"], 4, distance) == index


def test_the_rest_of_a_frame_is_none() -> None:
    chunks = [b"aa", b"bbbb", bytes(100), b"cccc"]
    assert find_frame(chunks, 4, 4) == 3
    assert find_frame(chunks, 4, 54) is None
    assert find_frame(chunks, 4, 110) is None
    assert find_frame([], 4, 2) is None


def test_an_inserted_chunk_is_what_is_longer() -> None:
    chunks = [b"aaaa", b"bb"]
    assert insert(chunks, 1, b"xxxx") == [0, 2, 0]
    assert chunks == [b"aaaa", b"xxxx", b"bb"]


def test_the_quietest_chunk_is_found_whatever_its_length() -> None:
    assert find_quietest([b"\5\0" * 4, b"\3\0" * 8, b"\4\0"]) == 1
    assert find_quietest([bytes(8), bytes(2)]) == 0


def test_samples_are_removed_where_it_is_quietest_and_half_of_each_chunk_stays() -> None:
    chunks = [b"\5\0" * 4, b"\3\0" * 5, b"\4\0" * 4]
    assert shorten(chunks, 3) == [0, -2, -1]
    assert chunks == [b"\5\0" * 4, b"\3\0" * 3, b"\4\0" * 3]


def test_no_more_is_removed_than_half_of_all() -> None:
    chunks = [b"\5\0" * 4, b"\3\0" * 2]
    assert shorten(chunks, 10) == [-2, -1]
