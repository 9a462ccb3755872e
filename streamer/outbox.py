"""The outbox: finished segments and manifests on their way to Blob Storage, by a bounded pool.

A failed upload is tried again, with growing pauses, for as long as the process lives; what is left
then is found by the next start.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import random
import time
from pathlib import Path

import msgspec
from azure.core.exceptions import AzureError

from audio import names, wav
from audio.manifest import SegmentEntry, segment_metadata
from streamer import metrics
from streamer.spool import META, Spool
from streamer.storage import BlobConflict, ChecksumMismatch, Storage

_log = logging.getLogger(__name__)
_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 8.0
_MANIFEST_PAUSE_SECONDS = 0.1


class Outbox:
    """Uploads what the spool's outbox holds."""

    def __init__(self, spool: Spool, storage: Storage, concurrency: int) -> None:
        self._spool = spool
        self._storage = storage
        self._concurrency = concurrency
        self._queue: asyncio.Queue[Path] = asyncio.Queue()
        self._waiting: dict[Path, float] = {}
        self._failures: dict[Path, int] = {}
        self._workers: list[asyncio.Task[None]] = []
        self._empty = asyncio.Event()
        self._empty.set()
        self.last_error: str | None = None

    def start(self) -> None:
        """Begin, with what lies in the outbox already."""
        for path in self._spool.waiting():
            self.add(path)
        self._workers = [asyncio.create_task(self._work()) for _ in range(self._concurrency)]

    def add(self, path: Path) -> None:
        """A file has come into the outbox."""
        self._waiting[path] = time.monotonic()
        self._empty.clear()
        self._queue.put_nowait(path)

    @property
    def files(self) -> int:
        """How many files wait."""
        return len(self._waiting)

    @property
    def age_seconds(self) -> float:
        """How long the oldest has waited."""
        if not self._waiting:
            return 0.0
        # Insertion order is age order.
        return time.monotonic() - next(iter(self._waiting.values()))

    async def emptied(self) -> None:
        """Wait until nothing waits."""
        await self._empty.wait()

    async def stop(self) -> None:
        """Stop the pool; what was not uploaded stays in the spool."""
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            path = await self._queue.get()
            if self._is_early(path):
                self._again(path, _MANIFEST_PAUSE_SECONDS)
                continue
            try:
                await self._upload(path)
            except BlobConflict as error:
                self._reject(path, error)
            except (AzureError, ChecksumMismatch, OSError, msgspec.DecodeError) as error:
                self._failed(path, error)
            except Exception as error:
                # Whatever else an SDK may raise: the pool must live, and the file must be kept.
                _log.exception("unexpected failure of an upload")
                self._failed(path, error)
            else:
                self._done(path)

    def _is_early(self, path: Path) -> bool:
        """A manifest goes last: then it is the proof that its stream's segments are there."""
        if path.suffix != ".json":
            return False
        segments = self._spool.outbox / names.SEGMENTS / path.parent.name / path.stem
        return segments.exists() and any(segments.glob("*/*.wav"))

    async def _upload(self, path: Path) -> None:
        content, md5, entry = await asyncio.to_thread(_read, path)
        container, _, blob = path.relative_to(self._spool.outbox).as_posix().partition("/")
        await self._storage.put_once(
            container,
            blob,
            content,
            md5=md5,
            content_type="audio/wav" if entry else "application/json",
            metadata=segment_metadata(entry) if entry else {},
        )
        (metrics.SEGMENTS_UPLOADED if entry else metrics.MANIFESTS_UPLOADED).inc()

    def _failed(self, path: Path, error: Exception) -> None:
        metrics.UPLOAD_FAILURES.inc()
        failures = self._failures[path] = self._failures.get(path, 0) + 1
        cause = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        if self.last_error is None:
            _log.error("Blob Storage takes no uploads: %s; they are kept and tried again", cause)
        self.last_error = cause
        pause = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2 ** min(failures, 10))
        self._again(path, pause * random.uniform(0.5, 1.0))  # noqa: S311 (spreads load)

    def _again(self, path: Path, pause_seconds: float) -> None:
        asyncio.get_running_loop().call_later(pause_seconds, self._queue.put_nowait, path)

    def _done(self, path: Path) -> None:
        if self.last_error is not None:
            _log.info("Blob Storage takes uploads again; %d wait", len(self._waiting) - 1)
            self.last_error = None
        if path.suffix == ".wav":
            self._spool.discharge(path.stat().st_size - wav.HEADER_BYTES)
        path.unlink()
        path.with_name(path.name + META).unlink(missing_ok=True)
        self._forget(path)

    def _reject(self, path: Path, error: BlobConflict) -> None:
        """Put a file aside that may not be written: nothing is lost, or written over."""
        metrics.UPLOADS_REJECTED.inc()
        _log.error("%s; the file is kept under %s", error, self._spool.rejected.name)
        for file in (path, path.with_name(path.name + META)):
            target = self._spool.rejected / file.relative_to(self._spool.outbox)
            target.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                file.rename(target)
        self._forget(path)

    def _forget(self, path: Path) -> None:
        self._failures.pop(path, None)
        del self._waiting[path]
        folder = path.parent
        while folder != self._spool.outbox:
            try:
                folder.rmdir()
            except OSError:
                break
            folder = folder.parent
        if not self._waiting:
            self._empty.set()


def _read(path: Path) -> tuple[bytes, bytes, SegmentEntry | None]:
    """A file, its MD5, and, of a segment, its entry. Raises OSError, msgspec.DecodeError."""
    content = path.read_bytes()
    if path.suffix == ".json":
        return content, hashlib.md5(content, usedforsecurity=False).digest(), None
    meta = path.with_name(path.name + META).read_bytes()
    entry = msgspec.json.decode(meta, type=SegmentEntry)
    return content, bytes.fromhex(entry.md5), entry
