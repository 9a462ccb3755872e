"""One open segment on disk, and how it becomes a whole WAV file in the outbox.

What it promises:

- Audio is appended to one file about once a second, so that memory per track is bounded and a
  killed process loses at most what was not flushed.
- A sealed segment is a whole WAV file, moved to the outbox by rename, after its entry was written
  to its stream's ``segments.jsonl``.
- A write that fails (a full disk, a used-up quota) is kept in memory as the segment's backlog and
  tried again, up to ``SEGMENT_BACKLOG_BYTES`` a segment and ``TOTAL_BACKLOG_BYTES`` in all. Past
  that, audio becomes silence of the same length and is counted as lost.
"""

from __future__ import annotations

import errno
import hashlib
import mmap
import os
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from acs.media import BYTES_PER_SAMPLE
from contract import names, wav
from contract.manifest import Counts, SegmentEntry
from streamer.spool import CREATE_FLAGS, FILE_MODE, PART, Spool, move_file

SEGMENT_BACKLOG_BYTES = 1024 * 1024
"""How much of a segment waits in memory while the disk accepts nothing: half a minute at 16 kHz."""

TOTAL_BACKLOG_BYTES = 256 * 1024 * 1024
"""How much of all segments waits in memory, those that wait to be sealed among them."""

ENTRIES = "segments.jsonl"
"""The file of a stream's folder that has an entry for each sealed segment."""

_FRAMES_PER_SECOND = 50


class SegmentFile:
    """An open segment: a ``SegmentWriter`` whose file gets its final header when it is sealed."""

    def __init__(self, spool: Spool, path: Path, start: datetime, sample_rate: int) -> None:
        self.path = path
        self.start = start
        self.sample_rate = sample_rate
        self.clock_offset_ms = 0.0
        self._spool = spool
        self._size = 0
        self._reserved = 0
        self._backlog: list[tuple[int, bytes]] = []
        self._lost_bytes = 0
        self._descriptor: int | None = None

    @classmethod
    def reopen(cls, spool: Spool, path: Path) -> SegmentFile:
        """Open the file that a killed process left, to its last whole sample.

        Raises:
            ValueError: Its name or its header cannot be read.
            OSError: The disk cannot be read.
        """
        with path.open("rb") as content:
            sample_rate = wav.rate_of(content.read(wav.HEADER_BYTES))
        file = cls(spool, path, names.parse_start(path.name.removesuffix(PART)), sample_rate)
        audio_bytes = max(0, path.stat().st_size - wav.HEADER_BYTES)
        file._size = file._reserved = audio_bytes // BYTES_PER_SAMPLE * BYTES_PER_SAMPLE
        return file

    @property
    def key(self) -> str:
        """Its name within its stream's folder: ``{track}/{start}.part``."""
        return f"{self.path.parent.name}/{self.path.name}"

    @property
    def samples(self) -> int:
        """How many samples have been written."""
        return self._size // BYTES_PER_SAMPLE

    @property
    def end(self) -> datetime:
        """The moment after its last sample."""
        return self.start + timedelta(microseconds=self.samples * 1_000_000 // self.sample_rate)

    def append(self, pcm: bytes) -> None:
        """Write at the end; what the disk does not accept waits in memory."""
        offset, self._size = self._size, self._size + len(pcm)
        self._write(offset, pcm)

    def patch(self, offset: int, pcm: bytes) -> None:
        """Overwrite what lies at ``offset``, in bytes from the first sample."""
        self._write(offset, pcm)

    def cut(self, offset: int) -> bytes:
        """Remove and return everything from ``offset`` on."""
        tail = self._read(offset, self._size - offset)
        self._set_backlog([(at, pcm[: offset - at]) for at, pcm in self._backlog if at < offset])
        self._size = offset
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, wav.HEADER_BYTES + offset)
        self._spool.free(max(0, self._reserved - offset))
        self._reserved = min(self._reserved, offset)
        return tail

    def seal(self, counts: Counts, target: Path, *, recovered: bool = False) -> SegmentEntry:
        """Make the file a whole WAV file and move it to ``target``. Blocks.

        Args:
            counts: What the segment holds. ``lost`` is added to it here.
            target: Its place in the outbox.
            recovered: Whether a killed process left it.

        Raises:
            FileNotFoundError: The file was removed; its audio is lost.
            OSError: The disk accepts nothing now. Seal it again later.
        """
        if not self._write_backlog():
            raise OSError(errno.ENOSPC, "the spool has no room to finish a segment", str(self.path))
        # What was lost at its end needs room, too, as silence.
        self._reserve(self._size)
        descriptor = self._open()
        size = wav.HEADER_BYTES + self._size
        os.ftruncate(descriptor, size)
        os.pwrite(descriptor, wav.header(self.sample_rate, self._size), 0)
        with mmap.mmap(descriptor, size, prot=mmap.PROT_READ) as content:
            md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if self._lost_bytes:
            frame_bytes = self.sample_rate * BYTES_PER_SAMPLE // _FRAMES_PER_SECOND
            counts.lost += -(-self._lost_bytes // frame_bytes)
            self._lost_bytes = 0
        entry = SegmentEntry(
            track=self.path.parent.name,
            start=self.start,
            sample_rate=self.sample_rate,
            samples=self.samples,
            bytes=size,
            md5=md5,
            counts=counts,
            recovered=recovered,
            clock_offset_ms=self.clock_offset_ms,
        )
        with (self.path.parent.parent / ENTRIES).open("ab") as entries:
            # On a line of its own, even after a line that a kill cut short.
            entries.write(b"\n" + msgspec.json.encode(entry) + b"\n")
        move_file(self.path, target)
        self.close()
        return entry

    def abandon(self) -> None:
        """Free the room of a segment whose file was removed."""
        self._set_backlog([])
        self._spool.free(self._reserved)
        self.close()

    def close(self) -> None:
        """Close the file and leave it as it is."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> int:
        """Return the file's descriptor. Raises OSError.

        The first write creates the file, so that the files of streams that were cut at once are
        created when each is flushed, and not all in the same moment.
        """
        if self._descriptor is None:
            try:
                descriptor = os.open(self.path, CREATE_FLAGS, FILE_MODE)
            except FileNotFoundError:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                descriptor = os.open(self.path, CREATE_FLAGS, FILE_MODE)
            try:
                # A restart reads the rate from it: the stream's may change before this is sealed.
                os.pwrite(descriptor, wav.header(self.sample_rate, 0), 0)
            except OSError:
                os.close(descriptor)
                raise
            self._descriptor = descriptor
        return self._descriptor

    def _read(self, offset: int, size: int) -> bytes:
        """Return what lies at ``offset``, the backlog included."""
        stored = (
            b""
            if self._descriptor is None
            else os.pread(self._descriptor, size, wav.HEADER_BYTES + offset)
        )
        content = bytearray(stored.ljust(size, b"\0"))
        for at, pcm in self._backlog:
            begin, end = max(at, offset), min(at + len(pcm), offset + size)
            if begin < end:
                content[begin - offset : end - offset] = pcm[begin - at : end - at]
        return bytes(content)

    def _write(self, offset: int, pcm: bytes) -> None:
        if not self._backlog:
            try:
                self._write_to_disk(offset, pcm)
                return
            except OSError as error:
                self._spool.record_failure(error)
        self._set_backlog([*self._backlog, (offset, pcm)])
        self._write_backlog()
        while self._backlog and (
            _size_of(self._backlog) > SEGMENT_BACKLOG_BYTES
            or self._spool.backlog_bytes > TOTAL_BACKLOG_BYTES
        ):
            self._lost_bytes += len(self._backlog[0][1])
            self._set_backlog(self._backlog[1:])

    def _write_backlog(self) -> bool:
        """Write the backlog, and return whether all of it is on disk now."""
        while self._backlog:
            try:
                self._write_to_disk(*self._backlog[0])
            except OSError as error:
                self._spool.record_failure(error)
                return False
            self._set_backlog(self._backlog[1:])
        return True

    def _write_to_disk(self, offset: int, pcm: bytes) -> None:
        self._reserve(offset + len(pcm))
        descriptor = self._open()
        written = os.pwrite(descriptor, pcm, wav.HEADER_BYTES + offset)
        while written < len(pcm):
            position = wav.HEADER_BYTES + offset + written
            written += os.pwrite(descriptor, pcm[written:], position)
        self._spool.record_success()

    def _set_backlog(self, backlog: list[tuple[int, bytes]]) -> None:
        """Replace the backlog: pairs of an offset and the audio to write there."""
        self._spool.backlog_bytes += _size_of(backlog) - _size_of(self._backlog)
        self._backlog = backlog

    def _reserve(self, size: int) -> None:
        """Reserve room for ``size`` bytes of this segment in all."""
        growth = size - self._reserved
        if growth > 0:
            self._spool.reserve(growth)
            self._reserved += growth


def _size_of(backlog: list[tuple[int, bytes]]) -> int:
    return sum(len(pcm) for _, pcm in backlog)
