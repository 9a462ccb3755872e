"""The spool: audio on local disk until Blob Storage has it.

What it promises:

- Frames go to one file per open segment, about once a second, so that memory per track is bounded
  and a killed process loses at most what it had not flushed.
- A finished segment is a whole WAV file; it is moved to the outbox by rename, so that the outbox
  never holds half of one. What it holds is told in its stream's folder, then in its manifest.
- A stream's manifest joins the outbox when all its segments did. A file leaves the outbox only when
  Blob Storage has it.
- What a killed process left is finished at the next start (``recover``): each open segment ends
  where its file ends. Doing so again, after being killed in the middle, gives the same names.
- A write that fails (a full disk, a full quota) is kept in memory and tried again, up to
  ``BACKLOG_BYTES`` a segment and ``KEPT_BYTES`` in all; past that it is silence of the same length,
  counted as lost.

Layout::

    streams/{stream_id}/stream.json      whose it is, and the open segments' counts
    streams/{stream_id}/segments.jsonl   an entry for each finished segment
    streams/{stream_id}/{track}/{start}.part
    outbox/segments/{call}/{stream_id}/{track}/{start}.wav
    outbox/manifests/{call}/{stream_id}.json
    rejected/...                         what Blob Storage holds another file for
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import logging
import mmap
import os
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from acs.media import AUDIO_DATA, FRAME_MILLISECONDS
from contract import names, wav
from contract.manifest import (
    Counts,
    DtmfTone,
    Manifest,
    SegmentEntry,
    decode_manifest,
    encode_manifest,
    total,
)
from streamer import metrics

BACKLOG_BYTES = 1024 * 1024
"""How much of a segment is kept in memory while the disk takes nothing: half a minute at 16 kHz."""

KEPT_BYTES = 256 * 1024 * 1024
"""How much all segments together keep, those that wait for the disk to be finished among them."""

PART = ".part"

_NICE = 10
_CREATE = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
_log = logging.getLogger(__name__)


class SpoolInUse(RuntimeError):
    """Raised when another process holds the spool's folder."""


class StreamState(msgspec.Struct, kw_only=True):
    """``stream.json``: what a restart must know to finish a stream."""

    call_connection_id: str
    stream_id: str
    correlation_id: str = ""
    subscription_id: str = ""
    sample_rate: int = 16_000
    started_at: datetime
    packets: dict[str, int] = msgspec.field(default_factory=dict)
    dtmf: list[DtmfTone] = msgspec.field(default_factory=list)
    open_counts: dict[str, Counts] = msgspec.field(default_factory=dict)
    """By a segment's ``key``: the counts of those that are open, or not yet in the outbox."""
    counts: Counts = msgspec.field(default_factory=Counts)
    """Of frames that are in no segment: they came late, or again, and after them none was begun."""


class SegmentFile:
    """One open segment, a SegmentWriter: a WAV file whose header is written last."""

    def __init__(self, spool: Spool, path: Path, start: datetime, sample_rate: int) -> None:
        self.path = path
        self.start = start
        self.sample_rate = sample_rate
        self._spool = spool
        self._size = 0
        self._charged = 0
        self._backlog: list[tuple[int, bytes]] = []
        self._lost_bytes = 0
        self._fd: int | None = None

    def _file(self) -> int:
        """Its descriptor. Made with the first write: streams that were cut at once make theirs
        when each is flushed, and not all in the same moment. Raises OSError."""
        if self._fd is None:
            try:
                fd = os.open(self.path, _CREATE, 0o640)
            except FileNotFoundError:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                fd = os.open(self.path, _CREATE, 0o640)
            try:
                # Tells a restart the rate: a stream's may change while this waits to be sealed.
                os.pwrite(fd, wav.header(self.sample_rate, 0), 0)
            except OSError:
                os.close(fd)
                raise
            self._fd = fd
        return self._fd

    def append(self, pcm: bytes) -> None:
        """Write at the end; what the disk does not take is kept."""
        offset, self._size = self._size, self._size + len(pcm)
        self._write(offset, pcm)

    def patch(self, offset: int, pcm: bytes) -> None:
        """Write over what lies at ``offset``."""
        self._write(offset, pcm)

    def _read(self, offset: int, size: int) -> bytes:
        """What lies at ``offset``; what the disk did not take yet is part of it."""
        written = b"" if self._fd is None else os.pread(self._fd, size, wav.HEADER_BYTES + offset)
        there = bytearray(written.ljust(size, b"\0"))
        for at, pcm in self._backlog:
            begin, end = max(at, offset), min(at + len(pcm), offset + size)
            if begin < end:
                there[begin - offset : end - offset] = pcm[begin - at : end - at]
        return bytes(there)

    def cut(self, offset: int) -> bytes:
        """Take off, and return, all from ``offset`` on."""
        tail = self._read(offset, self._size - offset)
        self._keep([(at, pcm[: offset - at]) for at, pcm in self._backlog if at < offset])
        self._size = offset
        if self._fd is not None:
            os.ftruncate(self._fd, wav.HEADER_BYTES + offset)
        self._spool.discharge(max(0, self._charged - offset))
        self._charged = min(self._charged, offset)
        return tail

    def seal(self, counts: Counts, target: Path, *, recovered: bool = False) -> SegmentEntry:
        """Make the file a whole WAV and move it to ``target``; for a worker thread.

        Raises OSError where the disk takes nothing; it can then be called again.
        Raises FileNotFoundError where the file was removed: what was in it is lost.
        """
        if not self._drain():
            raise OSError(errno.ENOSPC, "the spool has no room to finish a segment", str(self.path))
        # What was lost at its end takes room, too, as silence.
        self._charge(self._size)
        fd = self._file()
        size = wav.HEADER_BYTES + self._size
        os.ftruncate(fd, size)
        os.pwrite(fd, wav.header(self.sample_rate, self._size), 0)
        with mmap.mmap(fd, size, prot=mmap.PROT_READ) as whole:
            md5 = hashlib.md5(whole, usedforsecurity=False).hexdigest()
        if self._lost_bytes:
            frame_bytes = self.sample_rate // 25
            counts.lost += -(-self._lost_bytes // frame_bytes)
            self._lost_bytes = 0
        entry = SegmentEntry(
            track=self.path.parent.name,
            start=self.start,
            sample_rate=self.sample_rate,
            samples=self._size // 2,
            bytes=size,
            md5=md5,
            counts=counts,
            recovered=recovered,
        )
        with (self.path.parent.parent / "segments.jsonl").open("ab") as entries:
            # On a line of its own, even behind one that a kill cut off.
            entries.write(b"\n" + msgspec.json.encode(entry) + b"\n")
        _move(self.path, target)
        self.close()
        return entry

    def lose(self) -> None:
        """It was removed: take up no more room for it."""
        self._keep([])
        self._spool.discharge(self._charged)
        self.close()

    def close(self) -> None:
        """Leave the file as it is."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    @classmethod
    def reopen(cls, spool: Spool, path: Path) -> SegmentFile:
        """The file that a killed process left; whole samples only. Raises ValueError, OSError."""
        with path.open("rb") as left:
            sample_rate = wav.rate_of(left.read(wav.HEADER_BYTES))
        file = cls(spool, path, names.parse_start(path.name.removesuffix(PART)), sample_rate)
        file._size = file._charged = max(0, path.stat().st_size - wav.HEADER_BYTES) // 2 * 2
        return file

    @property
    def key(self) -> str:
        """Its name within its stream's folder."""
        return f"{self.path.parent.name}/{self.path.name}"

    @property
    def samples(self) -> int:
        """How many samples have been written."""
        return self._size // 2

    @property
    def end(self) -> datetime:
        """The moment behind its last sample."""
        return self.start + timedelta(microseconds=self.samples * 1_000_000 // self.sample_rate)

    def _write(self, offset: int, pcm: bytes) -> None:
        if not self._backlog:
            try:
                self._put(offset, pcm)
                return
            except OSError as error:
                self._spool.failed(error)
        self._keep([*self._backlog, (offset, pcm)])
        self._drain()
        while self._backlog and (
            _size_of(self._backlog) > BACKLOG_BYTES or self._spool.kept_bytes > KEPT_BYTES
        ):
            self._lost_bytes += len(self._backlog[0][1])
            self._keep(self._backlog[1:])

    def _keep(self, backlog: list[tuple[int, bytes]]) -> None:
        """Let this be what the disk has not taken yet."""
        self._spool.kept_bytes += _size_of(backlog) - _size_of(self._backlog)
        self._backlog = backlog

    def _drain(self) -> bool:
        """Try what was kept again; whether all of it is on disk now."""
        while self._backlog:
            try:
                self._put(*self._backlog[0])
            except OSError as error:
                self._spool.failed(error)
                return False
            self._keep(self._backlog[1:])
        return True

    def _put(self, offset: int, pcm: bytes) -> None:
        self._charge(offset + len(pcm))
        fd = self._file()
        done = os.pwrite(fd, pcm, wav.HEADER_BYTES + offset)
        while done < len(pcm):
            done += os.pwrite(fd, pcm[done:], wav.HEADER_BYTES + offset + done)
        self._spool.took()

    def _charge(self, size: int) -> None:
        growth = size - self._charged
        if growth > 0:
            self._spool.charge(growth)
            self._charged += growth


class StreamSpool:
    """One stream's folder. Raises OSError when it is made, and leaves nothing then."""

    def __init__(self, spool: Spool, state: StreamState) -> None:
        self._spool = spool
        self.state = state
        self.folder = spool.streams / state.stream_id
        self.folder.mkdir(parents=True)
        try:
            self._fd = os.open(self.folder / "stream.json", _CREATE, 0o640)
        except OSError:
            self.folder.rmdir()
            raise
        self._state_bytes = 0
        self.save()

    def save(self) -> None:
        """Write ``stream.json`` over itself, padded, in one write. A full disk is not an error."""
        encoded = msgspec.json.encode(self.state)
        self._state_bytes = max(self._state_bytes, len(encoded))
        try:
            os.pwrite(self._fd, encoded.ljust(self._state_bytes), 0)
        except OSError as error:
            self._spool.failed(error)

    def open_segment(self, track: str, start: datetime, sample_rate: int) -> SegmentFile:
        """A new segment's file."""
        path = self.folder / track / (names.format_start(start) + PART)
        return SegmentFile(self._spool, path, start, sample_rate)

    def target(self, file: SegmentFile) -> Path:
        """Where a segment goes when it is whole."""
        return self._spool.segment_target(self.state, file)

    def close(self, manifest: Manifest) -> Path:
        """Put the manifest into the outbox, and the folder away.

        Raises OSError where the disk takes nothing; it can then be called again.
        Raises FileNotFoundError where the folder was removed.
        """
        try:
            path = self._spool.finish_stream(self.folder, manifest)
        except FileNotFoundError:
            os.close(self._fd)
            raise
        os.close(self._fd)
        return path


class Spool:
    """The spool's folder, held by one process at a time.

    ``max_bytes`` bounds what it holds; ``left`` are the folders of streams that a killed process
    left, until they are recovered. Raises SpoolInUse, OSError.
    """

    def __init__(self, root: Path, max_bytes: int) -> None:
        self.root = root
        self.max_bytes = max_bytes
        self.used_bytes = 0
        self.kept_bytes = 0
        self.last_error: str | None = None
        self.streams = root / "streams"
        self.outbox = root / "outbox"
        self.rejected = root / "rejected"
        for folder in (self.streams, self.outbox):
            folder.mkdir(parents=True, exist_ok=True)
        # One thread: what it does is short, and more would take turns with the event loop's.
        self.worker = ThreadPoolExecutor(1, "spool", initializer=_step_back)
        self._lock = os.open(root / "lock", _CREATE, 0o640)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._lock)
            raise SpoolInUse(
                f"the spool {root} is held by another process: give each streamer its own SPOOL_DIR"
            ) from error
        held = (file for file in root.rglob("*") if file.suffix in (PART, ".wav"))
        self.used_bytes = sum(max(0, file.stat().st_size - wav.HEADER_BYTES) for file in held)
        self.left = sorted(path for path in self.streams.iterdir() if path.is_dir())

    def release(self) -> None:
        """Let another process have the folder."""
        self.worker.shutdown()
        os.close(self._lock)

    @property
    def fullness(self) -> float:
        """How full the spool is, 0 to 1: of its quota or of its disk, whichever is more."""
        disk = shutil.disk_usage(self.root)
        of_disk = (
            1 - disk.free / disk.total if disk.free < self.max_bytes - self.used_bytes else 0.0
        )
        return max(self.used_bytes / self.max_bytes, of_disk)

    def charge(self, size: int) -> None:
        """Count bytes that are about to be written. Raises OSError (ENOSPC) past the quota."""
        if self.used_bytes + size > self.max_bytes:
            raise OSError(errno.ENOSPC, "SPOOL_MAX_BYTES is reached")
        self.used_bytes += size

    def discharge(self, size: int) -> None:
        """Count bytes that are gone."""
        self.used_bytes -= size

    def failed(self, error: OSError) -> None:
        """Note a write that failed: logged once for each new cause, counted always."""
        metrics.SPOOL_ERRORS.inc()
        cause = f"{type(error).__name__}: {error.strerror}"
        if cause != self.last_error:
            _log.error("the spool takes no audio: %s; it is kept in memory and tried again", cause)
        self.last_error = cause

    def took(self) -> None:
        """Note a write that did not fail: with nothing kept any more, the trouble is over."""
        if self.last_error is not None and not self.kept_bytes:
            _log.info("the spool takes audio again")
            self.last_error = None

    def segment_target(self, state: StreamState, file: SegmentFile) -> Path:
        """A segment's place in the outbox: its container and blob name."""
        name = names.SegmentName(
            state.call_connection_id, state.stream_id, file.path.parent.name, file.start
        )
        return self.outbox / names.SEGMENTS / name.blob

    def finish_stream(self, folder: Path, manifest: Manifest) -> Path:
        """Put a manifest into the outbox by rename, then remove the stream's folder."""
        name = names.ManifestName(manifest.call_connection_id, manifest.stream_id)
        path = self.outbox / names.MANIFESTS / name.blob
        half = folder / "manifest.json"
        half.write_bytes(encode_manifest(manifest))
        _move(half, path)
        try:
            shutil.rmtree(folder)
        except OSError as error:
            # The manifest is out, and to make it again of what is left would say less.
            self.failed(error)
        return path

    def recover(self) -> list[tuple[Path, SegmentEntry | None]]:
        """Finish every stream that a killed process left; what came into the outbox. Blocks.

        A stream whose folder cannot be read is put aside under ``rejected``, logged, and not lost.
        One that the disk has no room to finish is still ``left``; it can then be called again.
        """
        moved: list[tuple[Path, SegmentEntry | None]] = []
        folders, self.left = self.left, []
        for folder in folders:
            try:
                self._recover(folder, moved)
            except (FileNotFoundError, ValueError) as error:
                _log.error("stream %s cannot be recovered: %s; put aside", folder.name, error)
                self.rejected.mkdir(exist_ok=True)
                folder.rename(self.rejected / folder.name)
            except OSError as error:
                self.failed(error)
                self.left.append(folder)
        return moved

    def _recover(self, folder: Path, moved: list[tuple[Path, SegmentEntry | None]]) -> None:
        if any((self.outbox / names.MANIFESTS).glob(f"*/{folder.name}.json")):
            # Killed while it removed the folder: to make the manifest again of what is left would
            # say less.
            shutil.rmtree(folder)
            return
        state = msgspec.json.decode((folder / "stream.json").read_bytes(), type=StreamState)
        for path in sorted(folder.glob(f"*/*{PART}")):
            if path.stat().st_size <= wav.HEADER_BYTES:
                path.unlink()
                continue
            file = SegmentFile.reopen(self, path)
            counts = state.open_counts.get(file.key, Counts())
            # What came after the counts were last saved is told by its length.
            told = file.samples - counts.filled_samples - counts.corrected_samples
            frame = file.sample_rate * FRAME_MILLISECONDS // 1000
            counts.frames = max(counts.frames, told // frame)
            target = self.segment_target(state, file)
            try:
                entry = file.seal(counts, target, recovered=True)
            except OSError:
                file.close()
                raise
            moved.append((target, entry))
            metrics.count_frames(entry.counts, entry.sample_rate)
        entries = read_entries(folder)
        ended_at = max((entry.end for entry in entries), default=None)
        manifest = manifest_of(state, entries, ended_at, "recovered")
        counts = manifest.counts
        placed = counts.frames + counts.repeated + counts.late_dropped
        manifest.packets[AUDIO_DATA] = max(placed, state.packets.get(AUDIO_DATA, 0))
        moved.append((self.finish_stream(folder, manifest), None))

    def waiting(self) -> list[tuple[Path, SegmentEntry | None]]:
        """The files in the outbox, the oldest first: segments with their entries, then manifests.

        To be asked after ``recover``: then a segment's stream has its manifest there too.
        """
        manifests = sorted((self.outbox / names.MANIFESTS).glob("*/*.json"), key=_age)
        entries: dict[Path, SegmentEntry] = {}
        for path in manifests:
            try:
                manifest = decode_manifest(path.read_bytes())
            except ValueError as error:
                # It must not keep the streamer from starting: its segments say what they hold.
                _log.error("the manifest %s cannot be read: %s", path.name, error)
                continue
            folder = self.outbox / names.SEGMENTS
            for entry in manifest.segments:
                name = entry.name(manifest.call_connection_id, manifest.stream_id)
                entries[folder / name.blob] = entry
        waiting: list[tuple[Path, SegmentEntry | None]] = []
        for path in sorted((self.outbox / names.SEGMENTS).rglob("*.wav"), key=_age):
            try:
                waiting.append((path, entries.get(path) or _entry_of(path)))
            except ValueError as error:
                _log.error("the segment %s cannot be read: %s; put aside", path.name, error)
                self.put_aside(path)
        return [*waiting, *((path, None) for path in manifests)]

    def put_aside(self, path: Path) -> None:
        """Keep a file of the outbox under ``rejected``. Raises OSError."""
        target = self.rejected / path.relative_to(self.outbox)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)


def _step_back() -> None:
    """Let the event loop go first: when many segments end at once, sealing them can wait."""
    if sys.platform == "linux":  # where a thread has a priority of its own (setpriority(2))
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)


def _move(path: Path, target: Path) -> None:
    """Rename; the folder is made where it is missing.

    Raises OSError; FileNotFoundError only where there is nothing to move.
    """
    while True:
        try:
            os.rename(path, target)
        except FileNotFoundError:
            # Its folder is not made yet, or was just removed as empty, even while it was made:
            # another stream of the call was uploaded.
            if not path.exists():
                raise
            with contextlib.suppress(FileNotFoundError):
                target.parent.mkdir(parents=True, exist_ok=True)
        else:
            return


def _size_of(backlog: list[tuple[int, bytes]]) -> int:
    return sum(len(pcm) for _, pcm in backlog)


def _age(path: Path) -> float:
    return path.stat().st_mtime


def _entry_of(path: Path) -> SegmentEntry:
    """The entry of a segment whose manifest is gone, by what it holds. Raises ValueError."""
    content = path.read_bytes()
    found = wav.parse(content)
    return SegmentEntry(
        track=path.parent.name,
        start=names.parse_start(path.stem),
        sample_rate=found.sample_rate,
        samples=found.data_bytes // 2,
        bytes=len(content),
        md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
        counts=Counts(),
        recovered=True,
    )


def read_entries(folder: Path) -> list[SegmentEntry]:
    """The finished segments of a stream's folder; a line cut short by a kill is left out.

    A segment sealed twice (killed between its entry and its rename) counts once.
    """
    try:
        lines = (folder / "segments.jsonl").read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    entries: dict[tuple[str, str], SegmentEntry] = {}
    for line in lines:
        if not line:
            continue
        try:
            entry = msgspec.json.decode(line, type=SegmentEntry)
        except msgspec.DecodeError:
            _log.warning("a cut-off entry in %s is left out", folder.name)
            continue
        # By its name: a file that is found again knows its start to the millisecond only.
        entries[entry.track, names.format_start(entry.start)] = entry
    return list(entries.values())


def manifest_of(
    state: StreamState, entries: list[SegmentEntry], ended_at: datetime | None, ended_by: str
) -> Manifest:
    """The manifest of a stream that has come to its end."""
    counts = total(entries)
    counts.add(state.counts)
    return Manifest(
        call_connection_id=state.call_connection_id,
        stream_id=state.stream_id,
        correlation_id=state.correlation_id,
        subscription_id=state.subscription_id,
        sample_rate=state.sample_rate,
        started_at=state.started_at,
        ended_at=ended_at or datetime.now(UTC),
        ended_by=ended_by,
        segments=sorted(entries, key=lambda entry: (entry.start, entry.track)),
        counts=counts,
        packets=state.packets,
        dtmf=state.dtmf,
    )
