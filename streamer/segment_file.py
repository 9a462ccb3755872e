"""One open segment on disk, and how it becomes a whole WAV file in the outbox.

What it promises:

- Audio is appended to one file about once a second, so that memory per track is bounded and a
  killed process loses at most what was not flushed.
- A sealed segment is a whole WAV file, moved to the outbox by rename, after its entry was written
  to its stream's ``segments.jsonl``. Sealing needs no room for audio: the header has its place from
  the start, and what waits in memory can become a segment of its own.
- A write that fails (a full disk, a used-up quota) is kept in memory as the segment's backlog and
  tried again, up to ``SEGMENT_BACKLOG_BYTES`` a segment and ``TOTAL_BACKLOG_BYTES`` in all. Past
  that, audio is lost, and counted at once. Between kept audio it becomes silence of its length.
- What is cut off stays in the file until the segment is sealed: by then the next one has it on the
  disk, for which the disk's margin lends its room. Where others have filled that, too, it waits in
  memory, and the stream's state says so: if the process is killed, it is counted as lost.
- An open segment's header has its exact start in the place of its sizes.
"""

from __future__ import annotations

import contextlib
import errno
import os
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from acs.media import BYTES_PER_SAMPLE, FRAME_MILLISECONDS
from contract import names, wav
from contract.manifest import Counts, SegmentEntry
from streamer import metrics
from streamer.backlog import Backlog
from streamer.checksums import compute_file_checksums
from streamer.part_header import exact_start, open_header, part_name, split_part_name
from streamer.segment_counts import count_losses, split_counts, written_counts
from streamer.spool import Spool, append_to_file, move_file, open_file, write_all

SEGMENT_BACKLOG_BYTES = 1024 * 1024
"""How much of a segment waits in memory while the disk accepts nothing: half a minute at 16 kHz."""

TOTAL_BACKLOG_BYTES = 256 * 1024 * 1024
"""How much of all segments waits in memory, those that wait to be sealed among them."""

ENTRIES = "segments.jsonl"
"""The file of a stream's folder that has an entry for each sealed segment."""


class SegmentFile:
    """An open segment: a ``SegmentWriter`` whose file gets its final header when it is sealed.

    ``key`` is its name within its stream's folder: ``{track}~{start}.part``.
    ``written_samples`` and ``end`` are of all that was written to it; ``samples`` are those that it
    still has, after ``split``.
    """

    def __init__(self, spool: Spool, path: Path, start: datetime, sample_rate: int) -> None:
        self.path = path
        self.key = path.name
        self.track, _ = split_part_name(path.name)
        self.start = start
        self.sample_rate = sample_rate
        self.clock_offset_ms = 0.0
        self.lost_frames = 0
        self._frame_bytes = sample_rate * FRAME_MILLISECONDS // 1000 * BYTES_PER_SAMPLE
        self._spool = spool
        self._written_bytes = 0
        self._disk_bytes = 0
        self._reserved = 0
        self._backlog = Backlog()
        # Overwrites of what is on disk that the disk did not accept.
        self._patches: list[tuple[int, bytes]] = []
        self._lost_bytes = 0
        # How much lies in the file behind its end: a cut has moved it.
        self._stale_bytes = 0
        self._is_open = False
        self._descriptor: int | None = None

    @classmethod
    def create(cls, spool: Spool, path: Path, start: datetime, sample_rate: int) -> SegmentFile:
        """Return a new open segment. Its first write creates the file."""
        file = cls(spool, path, start, sample_rate)
        file._is_open = True
        spool.count_open(0, 1)
        return file

    @classmethod
    def reopen(cls, spool: Spool, path: Path) -> SegmentFile:
        """Open the file that a killed process left, to its last whole sample.

        Raises:
            ValueError: Its name or its header cannot be read.
            OSError: The disk cannot be read.
        """
        with path.open("rb") as content:
            header = content.read(wav.HEADER_BYTES)
        start = exact_start(header, names.parse_start(split_part_name(path.name)[1]))
        file = cls(spool, path, start, wav.rate_of(header))
        audio_bytes = max(0, path.stat().st_size - wav.HEADER_BYTES)
        file._disk_bytes = audio_bytes // BYTES_PER_SAMPLE * BYTES_PER_SAMPLE
        file._written_bytes = file._reserved = file._disk_bytes
        return file

    @property
    def samples(self) -> int:
        """How many samples it has, on disk and in memory."""
        return (self._disk_bytes + self._backlog.size) // BYTES_PER_SAMPLE

    @property
    def written_samples(self) -> int:
        """How many samples have been written."""
        return self._written_bytes // BYTES_PER_SAMPLE

    @property
    def end(self) -> datetime:
        """The moment after the last sample that was written."""
        return self._moment(self._written_bytes)

    @property
    def has_backlog(self) -> bool:
        """Whether some of it waits in memory."""
        return bool(self._backlog.size)

    # While it is open, on the event loop's thread:

    def append(self, pcm: bytes) -> None:
        """Write at the end; what the disk does not accept waits in memory, or is lost."""
        self._written_bytes += len(pcm)
        if self._write_backlog():
            try:
                self._write_to_disk(pcm)
                return
            except OSError as error:
                pcm = pcm[self._write_part(pcm) :]
                self._spool.record_failure(error)
        has_room = self._backlog.held + len(pcm) <= SEGMENT_BACKLOG_BYTES
        if has_room and self._spool.hold(len(pcm), TOTAL_BACKLOG_BYTES):
            self._backlog.append(pcm)
        else:
            self._lose(len(pcm))

    def patch(self, offset: int, pcm: bytes) -> None:
        """Overwrite what lies at ``offset``, in bytes from the first sample."""
        on_disk = pcm[: max(0, self._disk_bytes - offset)]
        if on_disk:
            self._patches.append((offset, on_disk))
            try:
                self._write_patches()
            except OSError as error:
                self._spool.record_failure(error)
        self._backlog.patch(offset - self._disk_bytes, pcm)

    def cut(self, offset: int) -> bytes:
        """Remove and return everything from ``offset`` on. The file keeps it until it is sealed."""
        held = self._backlog.held
        tail = self._read_disk(offset) + self._backlog.cut(max(0, offset - self._disk_bytes))
        self._spool.release(held - self._backlog.held)
        self._patches = [(at, pcm[: offset - at]) for at, pcm in self._patches if at < offset]
        if offset < self._disk_bytes:
            stale, self._disk_bytes = self._disk_bytes - offset, offset
            self._stale_bytes += stale
            self._spool.count_stale(stale)
        self._written_bytes = offset
        self._free_above(self._disk_bytes)
        return tail

    def finish(self, counts: Counts) -> None:
        """Note that nothing more will be written, and put what was lost into the counts.

        What was lost at the end is left out: the segment ends before it.
        """
        self._backlog.drop_lost_end()
        self._count_losses(counts)
        self._end_writing()

    def counts_when(self, counts: Counts, samples: int) -> Counts:
        """Return a copy of the counts of when ``samples`` are written, with what was lost."""
        counts = written_counts(counts, samples, self._frame_bytes // BYTES_PER_SAMPLE)
        self._count_losses(counts)
        return counts

    # After it is finished: on any one thread.

    def split(self, counts: Counts) -> tuple[SegmentFile, Counts] | None:
        """Write the backlog, and make what the disk does not accept a segment of its own.

        Args:
            counts: This segment's counts. Those of the other one are taken out of them.

        Returns:
            The other segment, which begins where this one ends now, and its counts; None where all
            of this segment is on disk.

        Raises:
            OSError: The disk accepts nothing of this segment now. Try again later.
        """
        if self._write_backlog():
            return None
        if self._disk_bytes == 0:
            raise OSError(errno.ENOSPC, "the spool has no room for a segment", str(self.path))
        rest_start = self._moment(self._disk_bytes)
        path = self.path.with_name(part_name(self.track, rest_start))
        rest = SegmentFile(self._spool, path, rest_start, self.sample_rate)
        rest._backlog, self._backlog = self._backlog, Backlog()
        rest._written_bytes = rest._backlog.size
        rest.clock_offset_ms = self.clock_offset_ms
        return rest, split_counts(counts, self.samples, self._frame_bytes // BYTES_PER_SAMPLE)

    def seal(self, counts: Counts, target: Path, *, recovered: bool = False) -> SegmentEntry:
        """Make the file a whole WAV file and move it to ``target``. Blocks.

        Args:
            counts: What the segment holds.
            target: Its place in the outbox.
            recovered: Whether a killed process left it.

        Raises:
            FileNotFoundError: The file was removed; its audio is lost.
            OSError: The disk accepts nothing now, or not all of the backlog (see ``split``).
        """
        if not self._write_backlog():
            raise OSError(errno.ENOSPC, "the spool has no room to finish a segment", str(self.path))
        self._end_writing()
        descriptor = self._open()
        self._write_patches()
        size = wav.HEADER_BYTES + self._disk_bytes
        os.ftruncate(descriptor, size)
        self._forget_stale()
        write_all(descriptor, wav.header(self.sample_rate, self._disk_bytes), 0)
        checksums = compute_file_checksums(descriptor)
        entry = SegmentEntry(
            track=self.track,
            start=self.start,
            sample_rate=self.sample_rate,
            samples=self.samples,
            bytes=size,
            sha256=checksums.sha256,
            crc64=checksums.crc64,
            counts=counts,
            recovered=recovered,
            clock_offset_ms=self.clock_offset_ms,
        )
        # On a line of its own, even after a line that a kill cut short.
        append_to_file(self.path.parent / ENTRIES, b"\n" + msgspec.json.encode(entry) + b"\n")
        move_file(self.path, target)
        self.close()
        return entry

    def shorten(self, samples: int) -> None:
        """Remove all but the first ``samples`` of a segment that was reopened. Raises OSError."""
        self._disk_bytes = self._written_bytes = samples * BYTES_PER_SAMPLE
        os.ftruncate(self._open(), wav.HEADER_BYTES + self._disk_bytes)
        self._free_above(self._disk_bytes)

    def discard(self) -> None:
        """Remove the file, if there is one, and free its room. Raises OSError."""
        self.path.unlink(missing_ok=True)
        self.abandon()

    def abandon(self) -> None:
        """Free the room of a segment whose file was removed."""
        self._spool.release(self._backlog.held)
        self._backlog = Backlog()
        self._disk_bytes = 0
        self._forget_stale()
        self._free_above(0)
        self._end_writing()
        self.close()

    def close(self) -> None:
        """Close the file and leave it as it is."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    # Writing.

    def _open(self) -> int:
        """Return the file's descriptor. Raises OSError.

        The first write creates the file, so that the files of streams that were cut at once are
        created when each is flushed, and not all in the same moment.
        """
        if self._descriptor is None:
            try:
                descriptor = open_file(self.path)
            except FileNotFoundError:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                descriptor = open_file(self.path)
            try:
                # A restart reads the rate and the start from it.
                write_all(descriptor, open_header(self.sample_rate, self.start), 0)
            except OSError:
                os.close(descriptor)
                raise
            self._descriptor = descriptor
        return self._descriptor

    def _write_part(self, pcm: bytes) -> int:
        """Write as much as there is room for, and return how much that was.

        The part of a cut's tail that was on the disk thereby is on the disk again.
        """
        size = min(len(pcm), self._spool.room) // BYTES_PER_SAMPLE * BYTES_PER_SAMPLE
        with contextlib.suppress(OSError):
            if size:
                self._write_to_disk(pcm[:size])
            return size
        return 0

    def _write_backlog(self) -> bool:
        """Write the backlog, and return whether all of it is on disk now."""
        while (first := self._backlog.first) is not None:
            try:
                self._write_to_disk(first)
            except OSError as error:
                self._spool.record_failure(error)
                return False
            self._backlog.remove_first()
            self._spool.release(len(first) if isinstance(first, bytes) else 0)
        return True

    def _write_to_disk(self, chunk: bytes | int) -> None:
        """Write audio, or a number of lost bytes as silence, at the end of the file."""
        size = chunk if isinstance(chunk, int) else len(chunk)
        self._reserve(self._disk_bytes + size)
        descriptor, end = self._open(), wav.HEADER_BYTES + self._disk_bytes
        if self._stale_bytes:
            os.ftruncate(descriptor, end)
            self._forget_stale()
        if isinstance(chunk, int):
            os.ftruncate(descriptor, end + size)
        else:
            write_all(descriptor, chunk, end)
        self._disk_bytes += size
        self._spool.record_success()

    def _write_patches(self) -> None:
        """Overwrite what lies on the disk, which needs no room. Raises OSError."""
        while self._patches:
            offset, pcm = self._patches[0]
            write_all(self._open(), pcm, wav.HEADER_BYTES + offset)
            del self._patches[0]

    def _read_disk(self, offset: int) -> bytes:
        """Return what lies on the disk from ``offset`` on."""
        size = self._disk_bytes - offset
        if size <= 0:
            return b""
        content = bytearray(os.pread(self._open(), size, wav.HEADER_BYTES + offset))
        for at, pcm in self._patches:
            begin = max(at, offset)
            if begin < at + len(pcm):
                content[begin - offset : at + len(pcm) - offset] = pcm[begin - at :]
        return bytes(content)

    # Accounts.

    def _lose(self, size: int) -> None:
        """Count audio as lost, at once: an alert must not wait until the disk has room."""
        self._backlog.append_lost(size)
        self._lost_bytes += size
        frames = -(-self._lost_bytes // self._frame_bytes)
        metrics.count_lost(frames - self.lost_frames)
        self.lost_frames = frames

    def _count_losses(self, counts: Counts) -> None:
        frame_samples = self._frame_bytes // BYTES_PER_SAMPLE
        if self.lost_frames:
            count_losses(counts, self.lost_frames, self.samples, frame_samples)

    def _reserve(self, size: int) -> None:
        """Reserve room for ``size`` bytes of this segment in all."""
        if (growth := size - self._reserved) > 0:
            self._spool.reserve(growth)
            self._reserved += growth
            if self._is_open:
                self._spool.count_open(growth)

    def _free_above(self, size: int) -> None:
        """Free the room of what lies behind the first ``size`` bytes."""
        surplus = max(0, self._reserved - size)
        self._spool.free(surplus)
        self._reserved -= surplus
        if self._is_open:
            self._spool.count_open(-surplus)

    def _forget_stale(self) -> None:
        self._spool.count_stale(-self._stale_bytes)
        self._stale_bytes = 0

    def _end_writing(self) -> None:
        if self._is_open:
            self._is_open = False
            self._spool.count_open(-self._reserved, -1)

    def _moment(self, offset: int) -> datetime:
        elapsed = offset // BYTES_PER_SAMPLE * 1_000_000 // self.sample_rate
        return self.start + timedelta(microseconds=elapsed)
