"""The backlog of a segment: what waits in memory, and what was lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamer.backlog import Backlog


def test_what_was_lost_is_silence_of_its_length() -> None:
    backlog = Backlog()
    backlog.append(b"ab")
    backlog.append_lost(2)
    backlog.append_lost(1)
    backlog.append(b"cd")
    assert (backlog.size, backlog.held) == (7, 4)
    backlog.patch(1, b"xyz")
    assert backlog.cut(1) == b"x\0\0\0cd"
    assert (backlog.size, backlog.held, backlog.first) == (1, 1, b"a")


def test_what_was_lost_at_the_end_can_be_dropped() -> None:
    backlog = Backlog()
    assert backlog.drop_lost_end() == 0
    backlog.append(b"a")
    assert backlog.drop_lost_end() == 0
    backlog.append_lost(3)
    assert backlog.drop_lost_end() == 3
    assert (backlog.size, backlog.held) == (1, 1)


@given(
    st.lists(st.one_of(st.binary(min_size=1, max_size=5), st.integers(1, 5))),
    st.integers(0, 30),
    st.integers(-5, 30),
    st.binary(max_size=8),
)
def test_it_is_what_was_appended(
    chunks: list[bytes | int], cut: int, offset: int, patch: bytes
) -> None:
    backlog = Backlog()
    expected, is_lost = bytearray(), bytearray()
    for chunk in chunks:
        if isinstance(chunk, int):
            backlog.append_lost(chunk)
            expected += bytes(chunk)
            is_lost += b"\1" * chunk
        else:
            backlog.append(chunk)
            expected += chunk
            is_lost += bytes(len(chunk))
    backlog.patch(offset, patch)
    for index, value in enumerate(patch, offset):
        if 0 <= index < len(expected) and not is_lost[index]:
            expected[index] = value
    assert backlog.size == len(expected)
    assert backlog.held == len(expected) - sum(is_lost)
    assert backlog.cut(cut) == expected[cut:]
    head = b""
    while (first := backlog.first) is not None:
        head += first if isinstance(first, bytes) else bytes(first)
        backlog.remove_first()
    assert head == expected[:cut]
    assert (backlog.size, backlog.held) == (0, 0)
