"""The outbox: finished segments and manifests on their way to Blob Storage, by a bounded pool.

A failed upload is tried again, with growing pauses, for as long as the process lives; what is left
then is found by the next start. A stream's manifest goes after its segments, so that it is the
proof that they are there.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import random
import time
from collections import Counter
from pathlib import Path

from azure.core.exceptions import AzureError

from contract import names
from contract.manifest import SegmentEntry, segment_metadata
from contract.wav import HEADER_BYTES
from streamer import metrics
from streamer.spool import Spool
from streamer.storage import BlobConflict, ChecksumMismatch, Storage

_log = logging.getLogger(__name__)
_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 8.0


class Outbox:
    """Uploads what the spool's outbox holds."""

    def __init__(self, spool: Spool, storage: Storage, concurrency: int) -> None:
        self._spool = spool
        self._storage = storage
        self._concurrency = concurrency
        self._queue: asyncio.Queue[Path] = asyncio.Queue()
        self._waiting: dict[Path, float] = {}
        self._entries: dict[Path, SegmentEntry] = {}
        self._segments: Counter[str] = Counter()
        self._manifests: dict[str, Path] = {}
        self._failures: dict[Path, int] = {}
        self._workers: list[asyncio.Task[None]] = []
        self._empty = asyncio.Event()
        self._empty.set()
        self.last_error: str | None = None

    def start(self) -> None:
        """Begin, with what lies in the outbox already. Raises OSError, ValueError."""
        for path, entry in self._spool.waiting():
            self.add(path, entry)
        self._workers = [asyncio.create_task(self._work()) for _ in range(self._concurrency)]

    def add(self, path: Path, entry: SegmentEntry | None = None) -> None:
        """A file has come into the outbox: a segment with its entry, or a manifest."""
        self._waiting[path] = time.monotonic()
        self._empty.clear()
        if entry is not None:
            self._entries[path] = entry
            self._segments[_stream_of(path)] += 1
        elif self._segments[path.stem]:
            self._manifests[path.stem] = path
            return
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
            try:
                await self._take(path)
            except (AzureError, ChecksumMismatch, OSError) as error:
                self._failed(path, error)
            except Exception as error:
                # Whatever else an SDK may raise: the pool must live, and the file must be kept.
                _log.exception("unexpected failure of an upload")
                self._failed(path, error)

    async def _take(self, path: Path) -> None:
        """Upload a file, and see it out of the outbox: to do so again does no harm."""
        loop = asyncio.get_running_loop()
        try:
            content = await loop.run_in_executor(self._spool.worker, path.read_bytes)
        except FileNotFoundError:
            self._lose(path)
            return
        try:
            await self._upload(path, content)
        except BlobConflict as error:
            self._reject(path, error)
        else:
            self._done(path)

    async def _upload(self, path: Path, content: bytes) -> None:
        entry = self._entries.get(path)
        md5 = (
            bytes.fromhex(entry.md5)
            if entry
            else hashlib.md5(content, usedforsecurity=False).digest()
        )
        container, _, blob = path.relative_to(self._spool.outbox).as_posix().partition("/")
        await self._storage.put_once(
            container,
            blob,
            content,
            md5=md5,
            content_type="audio/wav" if entry else "application/json",
            metadata=segment_metadata(entry) if entry else {},
        )

    def _failed(self, path: Path, error: Exception) -> None:
        metrics.UPLOAD_FAILURES.inc()
        failures = self._failures[path] = self._failures.get(path, 0) + 1
        cause = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        if self.last_error is None:
            _log.error("Blob Storage takes no uploads: %s; they are kept and tried again", cause)
        # Anyone may ask for it, and an error's words name files: calls, and phone numbers.
        self.last_error = type(error).__name__
        pause = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2 ** min(failures, 10))
        pause *= random.uniform(0.5, 1.0)  # noqa: S311 (spreads load)
        asyncio.get_running_loop().call_later(pause, self._queue.put_nowait, path)

    def _done(self, path: Path) -> None:
        if self.last_error is not None:
            _log.info("Blob Storage takes uploads again; %d wait", len(self._waiting) - 1)
            self.last_error = None
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        uploaded = (
            metrics.SEGMENTS_UPLOADED if path in self._entries else metrics.MANIFESTS_UPLOADED
        )
        uploaded.inc()
        self._discharge(path)
        self._forget(path)

    def _lose(self, path: Path) -> None:
        """It was removed from under us: what is named after it must not wait for it for ever."""
        _log.error("%r was removed from the spool, and is lost", path.name)
        entry = self._entries.get(path)
        metrics.count_removed(entry.counts.frames if entry else 0)
        self._discharge(path)
        self._forget(path)

    def _discharge(self, path: Path) -> None:
        entry = self._entries.get(path)
        if entry is not None:
            self._spool.discharge(entry.bytes - HEADER_BYTES)

    def _reject(self, path: Path, error: BlobConflict) -> None:
        """Put a file aside that may not be written: nothing is lost, or written over."""
        self._spool.put_aside(path)
        metrics.UPLOADS_REJECTED.inc()
        _log.error("%s; the file is kept under %s", error, self._spool.rejected.name)
        self._forget(path)

    def _forget(self, path: Path) -> None:
        self._failures.pop(path, None)
        del self._waiting[path]
        if self._entries.pop(path, None) is None:
            self._remove_folders(path)
        else:
            self._release_manifest(_stream_of(path))
        if not self._waiting:
            self._empty.set()

    def _release_manifest(self, stream_id: str) -> None:
        """One segment less: after the last one the manifest may go."""
        self._segments[stream_id] -= 1
        if self._segments[stream_id]:
            return
        del self._segments[stream_id]
        manifest = self._manifests.pop(stream_id, None)
        if manifest is not None:
            self._queue.put_nowait(manifest)

    def _remove_folders(self, manifest: Path) -> None:
        """The stream is uploaded: remove what is now empty of its folders, and of its call's."""
        call = self._spool.outbox / names.SEGMENTS / manifest.parent.name
        stream = call / manifest.stem
        tracks = list(stream.iterdir()) if stream.exists() else []
        for folder in (*tracks, stream, call, manifest.parent):
            with contextlib.suppress(OSError):
                folder.rmdir()


def _stream_of(segment: Path) -> str:
    return segment.parent.parent.name
