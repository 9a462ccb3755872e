"""The spool: the folder on local disk that holds audio until Blob Storage has it.

``Spool`` owns the folder, its lock, its quota and its worker thread. What lies in it belongs to
other modules, and each states what it promises:

- ``segment_file.py``: one open segment, and its way into the outbox.
- ``stream_folder.py``: one stream's state, and its manifest.
- ``recovery.py``: what a killed process left.
- ``outbox.py``: the uploads.

What the spool promises:

- One process holds the folder at a time.
- It holds at most ``max_bytes`` of audio. Past that, writes fail as on a full disk.
- Files enter the outbox by rename, so that the outbox never holds half of one.
- A file leaves the outbox only when Blob Storage has it, or when it is quarantined.

Layout::

    lock                                 held by the process
    streams/{stream_id}/stream.json      the call, and the open segments' counts
    streams/{stream_id}/segments.jsonl   an entry for each finished segment
    streams/{stream_id}/{track}/{start}.part
    outbox/segments/{call}/{stream_id}/{track}/{start}.wav
    outbox/manifests/{call}/{stream_id}.json
    pending/{stream_id}.json             the stream's grant is not looked up yet
    rejected/...                         quarantined: what cannot be uploaded or read
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from contract import wav
from event_log import log_event
from streamer import metrics
from streamer.errors import SpoolInUse

PART = ".part"
"""The extension of an open segment's file."""

CREATE_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
FILE_MODE = 0o640

_NICE = 10
_log = logging.getLogger(__name__)


class Spool:
    """The spool's folder.

    Attributes:
        root: The folder; ``streams``, ``outbox`` and ``rejected`` are in it.
        max_bytes: The quota.
        used_bytes: How much of it is used. WAV headers do not count.
        backlog_bytes: How much audio waits in memory because the disk does not accept it.
        last_error: Why the last write failed; None when all is written.
        worker: The thread for blocking work on the spool's files.
    """

    def __init__(self, root: Path, max_bytes: int) -> None:
        """Create the folder, if it is missing, and lock it. Raises SpoolInUse, OSError."""
        self.root = root
        self.max_bytes = max_bytes
        self.used_bytes = 0
        self.backlog_bytes = 0
        self.last_error: str | None = None
        self.streams = root / "streams"
        self.outbox = root / "outbox"
        self.rejected = root / "rejected"
        for folder in (self.streams, self.outbox):
            folder.mkdir(parents=True, exist_ok=True)
        # One thread: its jobs are short, and more threads would compete with the event loop.
        self.worker = ThreadPoolExecutor(1, "spool", initializer=_lower_priority)
        self._lock = os.open(root / "lock", CREATE_FLAGS, FILE_MODE)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._lock)
            raise SpoolInUse(
                f"the spool {root} is held by another process: give each streamer its own SPOOL_DIR"
            ) from error
        audio = (file for file in root.rglob("*") if file.suffix in (PART, ".wav"))
        self.used_bytes = sum(max(0, file.stat().st_size - wav.HEADER_BYTES) for file in audio)

    def close(self) -> None:
        """Stop the worker, and unlock the folder for another process."""
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

    def reserve(self, size: int) -> None:
        """Count bytes that are about to be written. Raises OSError (ENOSPC) past the quota."""
        if self.used_bytes + size > self.max_bytes:
            raise OSError(
                errno.ENOSPC,
                f"SPOOL_MAX_BYTES ({self.max_bytes}) is used up; uploads to Blob Storage make room",
            )
        self.used_bytes += size

    def free(self, size: int) -> None:
        """Stop counting bytes that were removed."""
        self.used_bytes -= size

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

    def quarantine(self, path: Path) -> None:
        """Move a file of the outbox, or a stream's folder, to ``rejected``. Raises OSError."""
        parent = self.outbox if path.is_relative_to(self.outbox) else self.streams
        target = self.rejected / path.relative_to(parent)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)


def move_file(path: Path, target: Path) -> None:
    """Rename a file, and create the target's folder where it is missing.

    Raises:
        FileNotFoundError: ``path`` does not exist.
        OSError: The disk does not accept the change.
    """
    while True:
        try:
            os.rename(path, target)
        except FileNotFoundError:
            # The folder is missing. It may even have been removed, as empty, while this created it,
            # because another stream of the call was uploaded.
            if not path.exists():
                raise
            with contextlib.suppress(FileNotFoundError):
                target.parent.mkdir(parents=True, exist_ok=True)
        else:
            return


def describe_error(error: OSError) -> str:
    """Return an error's type and cause without the file's name, which may hold a phone number."""
    return f"{type(error).__name__}: {error.strerror or error}"


def _lower_priority() -> None:
    """Let the event loop run first: when many segments end at once, sealing them can wait."""
    if sys.platform == "linux":  # where each thread has its own priority (setpriority(2))
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
