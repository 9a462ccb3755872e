"""What has been appended to a blob, from where it was last read."""

from __future__ import annotations

from calls import blobs
from calls.growing_blobs import read_from
from calls.storage import Storage


async def test_what_follows_is_read_and_an_end_is_no_error(own_storage: Storage) -> None:
    assert await read_from(own_storage, blobs.EVENTS, "a/log", 0, 10) is None
    await own_storage.append(blobs.EVENTS, "a/log", b"first\n")
    await own_storage.append(blobs.EVENTS, "a/log", b"second\n")
    assert await read_from(own_storage, blobs.EVENTS, "a/log", 0, 8) == b"first\nse"
    assert await read_from(own_storage, blobs.EVENTS, "a/log", 6, 100) == b"second\n"
    assert await read_from(own_storage, blobs.EVENTS, "a/log", 13, 100) == b""
