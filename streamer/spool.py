"""The spool: the folder on local disk that holds audio until Blob Storage has it.

``Spool`` owns the folder, its lock, its quota and its worker thread. What lies in it belongs to
other modules, and each states what it promises:

- ``segment_file.py``: one open segment, and its way into the outbox.
- ``stream_folder.py``: one stream's state, and its manifest.
- ``stream_segments.py``: when a stream's segments are cut and sealed.
- ``recovery.py``: what a killed process left.
- ``outbox.py``: the uploads.

What the spool promises:

- One process holds the folder at a time.
- It holds at most ``max_bytes`` of audio, and leaves a margin of the disk to everything else. Past
  that, writes of audio fail as on a full disk. Sealing a segment needs no room for audio, so that a
  full spool always becomes files that can be uploaded.
- Files enter the outbox by rename, so that the outbox never holds half of one.
- A file leaves the outbox only when Blob Storage has it, or when it is quarantined.

Layout::

    lock                                 held by the process
    streams/{call}~{stream_id}/stream.{0,1}.json  the stream, and the open segments' counts
    streams/{call}~{stream_id}/segments.jsonl  an entry for each finished segment
    streams/{call}~{stream_id}/{track}~{start}.part  an open segment
    outbox/segments/{call}~{stream_id}~{track}~{start}.wav
    outbox/manifests/{call}~{stream_id}.json
    outbox/drafts/{call}~{stream_id}...  notes of participants, and manifests so far
    outbox/rejected/...                  quarantined: what cannot be uploaded in its place, or read
    pending/{stream_id}.json             the stream's grant is not looked up yet

The outbox has a folder for each container, a stream only one. ``~`` stands for ``/`` of blobs'
names: to create and remove folders took as long as to create the files in them.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import logging
import os
import shutil
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from contract import names, wav
from event_log import log_event
from streamer import metrics
from streamer.errors import SpoolInUse

PART = ".part"
"""The extension of an open segment's file."""

SLASH = "~"
"""What stands for ``/`` of a blob's name in the name of a file. No blob's name has it."""

_FILE_MODE = 0o640
_NICE = 10
_DISK_MARGIN_BYTES = 1024 * 1024
_DISK_MARGIN_SHARE = 16
_PLENTY_BYTES = 256 * 1024 * 1024
_SEEN_SECONDS = 1.0
_DIGEST_CHARACTERS = 16
_log = logging.getLogger(__name__)


class Spool:
    """The spool's folder. Its accounts may be changed on any thread.

    Attributes:
        root: The folder; ``streams`` and ``outbox`` are in it, and ``rejected`` is in the outbox.
        max_bytes: The quota.
        used_bytes: How much of it is used. WAV headers do not count.
        open_bytes: How much of that is in open segments.
        open_segments: How many segments are open.
        backlog_bytes: How much audio waits in memory because the disk does not accept it.
        last_error: Why the last write failed; None when all is written.
        worker: The thread for blocking work on the spool's files.
    """

    def __init__(self, root: Path, max_bytes: int) -> None:
        """Create the folder, if it is missing, and lock it. Raises SpoolInUse, OSError."""
        self.root = root
        self.max_bytes = max_bytes
        self.used_bytes = 0
        self.open_bytes = 0
        self.open_segments = 0
        self.backlog_bytes = 0
        self.last_error: str | None = None
        self.streams = root / "streams"
        self.outbox = root / "outbox"
        self.rejected = self.outbox / names.REJECTED
        self._accounts = threading.Lock()
        self.streams.mkdir(parents=True, exist_ok=True)
        for container in (names.SEGMENTS, names.MANIFESTS, names.DRAFTS):
            (self.outbox / container).mkdir(parents=True, exist_ok=True)
        # One thread: its jobs are short, and more threads would compete with the event loop.
        self.worker = ThreadPoolExecutor(1, "spool", initializer=_lower_priority)
        self._lock = open_file(root / "lock")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._lock)
            raise SpoolInUse(
                f"the spool {root} is held by another process: give each streamer its own SPOOL_DIR"
            ) from error
        self.used_bytes = sum(map(audio_bytes, root.rglob("*")))
        # The disk's free room when it was last looked at, less what was reserved since; and when.
        self._seen_room = 0
        self._seen_at = -_SEEN_SECONDS
        # The bytes that cuts left in files until those are sealed.
        self._stale_bytes = 0

    def close(self) -> None:
        """Stop the worker, and unlock the folder for another process."""
        self.worker.shutdown()
        os.close(self._lock)

    def outbox_path(self, container: str, blob: str) -> Path:
        """Return the place in the outbox of a file that becomes a container's blob."""
        return self.outbox / container / blob.replace("/", SLASH)

    @property
    def fullness(self) -> float:
        """How full the spool is, 0 to 1: of its quota or of its disk, whichever is more."""
        disk = shutil.disk_usage(self.root)
        of_disk = (
            1 - disk.free / disk.total if disk.free < self.max_bytes - self.used_bytes else 0.0
        )
        return max(self.used_bytes / self.max_bytes, of_disk)

    @property
    def room(self) -> int:
        """How much audio there is room for."""
        room = self._disk_room()
        with self._accounts:
            return max(0, min(room, self.max_bytes - self.used_bytes))

    def reserve(self, size: int) -> None:
        """Count bytes that are about to be written.

        Raises OSError (ENOSPC) past the quota, and where the disk has no room but its margin.
        """
        room = self._disk_room()
        with self._accounts:
            if self.used_bytes + size > self.max_bytes:
                raise OSError(
                    errno.ENOSPC,
                    f"SPOOL_MAX_BYTES ({self.max_bytes}) is used up; "
                    "uploads to Blob Storage make room",
                )
            if size > room:
                raise OSError(errno.ENOSPC, "the disk of SPOOL_DIR has no room left for audio")
            self.used_bytes += size
            self._seen_room -= size

    def free(self, size: int) -> None:
        """Stop counting bytes that were removed."""
        with self._accounts:
            self.used_bytes -= size

    def count_open(self, size: int, segments: int = 0) -> None:
        """Add to ``open_bytes`` and ``open_segments``."""
        with self._accounts:
            self.open_bytes += size
            self.open_segments += segments

    def count_stale(self, size: int) -> None:
        """Add to what is on the disk and will be removed when its file is sealed.

        The margin lends its room meanwhile, so that a cut's tail is on the disk all the time.
        """
        with self._accounts:
            self._stale_bytes += size

    def hold(self, size: int, limit: int) -> bool:
        """Count bytes that are about to wait in memory, or return False where they pass a limit."""
        with self._accounts:
            if self.backlog_bytes + size > limit:
                return False
            self.backlog_bytes += size
            return True

    def release(self, size: int) -> None:
        """Stop counting bytes that no longer wait in memory."""
        with self._accounts:
            self.backlog_bytes -= size

    def early_cut_bytes(self) -> int | None:
        """Return from which size on open segments should be cut now; None where there is room.

        Room runs short when open segments hold more than half of what the spool can hold: nothing
        of them can be uploaded. Those above the average then make the most room.
        """
        room = self._disk_room()
        with self._accounts:
            capacity = min(self.max_bytes, self.used_bytes + room)
            if not self.open_segments or 2 * self.open_bytes <= capacity:
                return None
            return max(1, self.open_bytes // self.open_segments)

    def _disk_room(self) -> int:
        """Return how much audio the disk has room for.

        The margin is for states, entries, manifests and folders: with it, full streams can end.
        While there is plenty of room, the disk is looked at once a second.
        """
        now = time.monotonic()
        if self._seen_room > _PLENTY_BYTES and now - self._seen_at < _SEEN_SECONDS:
            return self._seen_room
        disk = os.statvfs(self.root)
        margin = min(_DISK_MARGIN_BYTES, disk.f_blocks * disk.f_frsize // _DISK_MARGIN_SHARE)
        margin -= min(self._stale_bytes, margin // 2)
        room = max(0, disk.f_bavail * disk.f_frsize - margin)
        with self._accounts:
            self._seen_room, self._seen_at = room, now
        return room

    def record_failure(self, error: OSError) -> None:
        """Count a failed write; log it when its cause is new."""
        metrics.SPOOL_ERRORS.inc()
        cause = describe_error(error)
        if cause != self.last_error:
            log_event(_log, logging.ERROR, "spool_write_failed", error=cause)
        self.last_error = cause

    def record_success(self) -> None:
        """Note a write that succeeded; the failure is over when no audio waits in memory."""
        if self.last_error is not None and not self.backlog_bytes:
            log_event(_log, logging.INFO, "spool_write_recovered")
            self.last_error = None

    def quarantine(self, path: Path) -> list[Path]:
        """Move a file of the outbox, or a stream's folder, to the ``rejected`` container's place.

        Each file gets a digest of its content into its name, because another one may have been
        rejected under the same name.

        Returns:
            The files in their new place, from where they are uploaded.

        Raises:
            OSError: A file could not be moved. Those that were stay where they are now.
        """
        parent = self.outbox if path.is_relative_to(self.outbox) else self.root
        files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
        moved = []
        for file in files:
            digest = hashlib.sha256(file.read_bytes()).hexdigest()[:_DIGEST_CHARACTERS]
            place = file.relative_to(parent).with_name(f"{file.stem}.{digest}{file.suffix}")
            target = self.outbox_path(names.REJECTED, place.as_posix())
            move_file(file, target)
            moved.append(target)
        if path.is_dir():
            shutil.rmtree(path)
        return moved


def audio_bytes(path: Path) -> int:
    """Return how much of the quota a file uses: its audio. Raises OSError."""
    if path.suffix not in (PART, ".wav"):
        return 0
    return max(0, path.stat().st_size - wav.HEADER_BYTES)


def open_file(path: Path, flags: int = 0) -> int:
    """Open a file to read and write it, create it where it is missing. Raises OSError."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | flags, _FILE_MODE)


def write_all(descriptor: int, content: bytes, offset: int) -> None:
    """Write all bytes at an offset, in as many writes as the system needs. Raises OSError."""
    view = memoryview(content)
    while view:
        count = os.pwrite(descriptor, view, offset)
        view, offset = view[count:], offset + count


def write_file(path: Path, content: bytes) -> None:
    """Create a file, or overwrite it. Raises OSError; the file may then have a part of it."""
    descriptor = open_file(path, os.O_TRUNC)
    try:
        write_all(descriptor, content, 0)
    finally:
        os.close(descriptor)


def append_to_file(path: Path, content: bytes) -> None:
    """Write at a file's end. Raises OSError; the file may then have a part of it."""
    descriptor = open_file(path)
    try:
        write_all(descriptor, content, os.fstat(descriptor).st_size)
    finally:
        os.close(descriptor)


def overwrite_file(path: Path, content: bytes) -> None:
    """Overwrite a file in place, and fill what remains of it with spaces.

    Raises OSError; the file may then have a part of both contents.
    """
    descriptor = open_file(path)
    try:
        write_all(descriptor, content.ljust(os.fstat(descriptor).st_size), 0)
    finally:
        os.close(descriptor)


def move_file(path: Path, target: Path) -> None:
    """Rename a file, and create the target's folder where it is missing.

    Raises:
        FileNotFoundError: ``path`` does not exist.
        OSError: The disk does not accept the change.
    """
    try:
        os.rename(path, target)
    except FileNotFoundError:
        if not path.exists():
            raise
        target.parent.mkdir(parents=True, exist_ok=True)
        os.rename(path, target)


def blob_of(path: Path) -> tuple[str, str]:
    """Return the container and the name of the blob that a file of the outbox becomes."""
    return path.parent.name, path.name.replace(SLASH, "/")


def stream_of(path: Path) -> str:
    """Return the id of the stream that a file of the outbox or a stream's folder belongs to.

    To be used for all but rejected files.
    """
    _, _, name = path.name.partition(SLASH)
    return name.partition(SLASH)[0].partition(".")[0]


def describe_error(error: OSError) -> str:
    """Return an error's type and cause without the file's name, which changes with each file."""
    return f"{type(error).__name__}: {error.strerror or error}"


def _lower_priority() -> None:
    """Let the event loop run first: when many segments end at once, sealing them can wait."""
    if sys.platform == "linux":  # where each thread has its own priority (setpriority(2))
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
