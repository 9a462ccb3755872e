"""Writing a zip file in blocks, in bounded memory, however long the audio in it is.

The audio is stored without compression. Its CRC-32 and size are known only after its last byte, and
belong into the header before its first one. Many readers of streams refuse a stored entry whose
sizes follow it (a "data descriptor"), so the file's beginning is held back, completed, and comes
last: block 0. Entries beyond 4 GiB have the sizes of Zip64.

Source: PKWARE, .ZIP File Format Specification (APPNOTE.TXT), 4.3.7, 4.3.9 and 4.5.3.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from datetime import UTC, datetime
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

BLOCK_BYTES = 4 * 1024 * 1024

_FILE_MODE = 0o644 << 16
"""The permissions of an unpacked file, where a zip file has them."""


class _Sink(io.RawIOBase):
    """The file that ``ZipFile`` writes: its head can be changed, the rest is taken away."""

    def __init__(self) -> None:
        self._head = io.BytesIO()
        self._is_head_open = True
        self._tail = bytearray()
        self._position = 0

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence != io.SEEK_SET:
            raise io.UnsupportedOperation("seek from elsewhere than the start")
        self._position = offset
        return offset

    def write(self, content: object) -> int:
        view = memoryview(content).cast("B")  # type: ignore[arg-type]
        if self._is_head_open or self._position < self.head_bytes:
            self._head.seek(self._position)
            self._head.write(view)
        else:
            self._tail += view
        self._position += len(view)
        return len(view)

    @property
    def head_bytes(self) -> int:
        return len(self._head.getbuffer())

    def end_head(self) -> None:
        """From here on, what is appended does not belong to the head."""
        self._is_head_open = False

    def head(self) -> bytes:
        return self._head.getvalue()

    def take(self, least: int = 1) -> bytes:
        """Take what follows the head, if that is at least so many bytes."""
        if len(self._tail) < least:
            return b""
        content, self._tail = bytes(self._tail), bytearray()
        return content


async def zip_blocks(
    files: Mapping[str, bytes],
    audio_name: str,
    audio_bytes: int,
    audio: AsyncIterable[bytes],
    modified_at: datetime,
) -> AsyncIterator[tuple[int, bytes]]:
    """Yield a zip file in numbered blocks; block 0, the file's beginning, comes last.

    Args:
        files: The small files by name; they are compressed.
        audio_name: The name of the audio's entry.
        audio_bytes: The audio's size.
        audio: The audio in parts of a few MiB.
        modified_at: The time of all entries.

    Raises what ``audio`` raises.
    """
    sink, number = _Sink(), 0
    with ZipFile(sink, "w") as file:
        for name, content in files.items():
            info = _entry(name, modified_at, ZIP_DEFLATED)
            await asyncio.to_thread(file.writestr, info, content)
        info = _entry(audio_name, modified_at, ZIP_STORED)
        # Zip64 is chosen by the size, before the first byte.
        info.file_size = audio_bytes
        with file.open(info, "w") as entry:
            sink.end_head()
            async for part in audio:
                entry.write(part)
                if block := sink.take(BLOCK_BYTES):
                    number += 1
                    yield number, block
    yield number + 1, sink.take()
    yield 0, sink.head()


def _entry(name: str, modified_at: datetime, compression: int) -> ZipInfo:
    moment = modified_at.astimezone(UTC)
    info = ZipInfo(name, moment.timetuple()[:6])
    info.compress_type = compression
    info.external_attr = _FILE_MODE
    return info
