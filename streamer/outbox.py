"""The outbox: finished segments and manifests on their way to Blob Storage.

What it promises:

- A bounded pool of workers uploads the files. A failed upload is tried again, with growing pauses,
  for as long as the process lives; the next start uploads the rest.
- While Blob Storage is away, the workers pause together: however many files wait, an outage costs
  an attempt of each worker every few seconds, and all goes on as soon as one succeeds.
- A stream's manifest is uploaded after its segments, and so proves that they are there.
- A file whose blob exists with other content goes to the ``rejected`` container, and so does a
  segment that was damaged on the disk: nothing is lost or overwritten.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import re
import time
from collections import Counter
from http import HTTPStatus
from pathlib import Path

from azure.core.exceptions import AzureError, HttpResponseError

from contract import names
from contract.manifest import SegmentEntry, segment_metadata
from contract.wav import HEADER_BYTES
from event_log import log_event
from streamer import metrics
from streamer.checksums import Checksums, compute_checksums
from streamer.errors import BlobConflict, ChecksumMismatch, StorageError
from streamer.recovery import list_outbox
from streamer.spool import Spool, audio_bytes, blob_of, describe_error, stream_of
from streamer.storage import Storage

_log = logging.getLogger(__name__)
_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 8.0
_LONGEST_OUTAGE_PAUSE_SECONDS = 2.0
_REFUSALS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS)


class Outbox:
    """Uploads the files of the spool's outbox. ``last_error`` is None while uploads succeed."""

    def __init__(self, spool: Spool, storage: Storage, concurrency: int) -> None:
        self._spool = spool
        self._storage = storage
        self._concurrency = concurrency
        self._queue: asyncio.Queue[Path] = asyncio.Queue()
        # When each file came, in order of age.
        self._added_at: dict[Path, float] = {}
        self._entries: dict[Path, SegmentEntry] = {}
        # How much of the spool's quota each file uses.
        self._audio_bytes: dict[Path, int] = {}
        # By stream: the segments that are not uploaded yet, and the manifest that waits for them.
        self._segments: Counter[str] = Counter()
        self._manifests: dict[str, Path] = {}
        self._failures: dict[Path, int] = {}
        # While Blob Storage is away: how often it was in a row, and when to try again.
        self._outages = 0
        self._resume_at = 0.0
        self._workers: list[asyncio.Task[None]] = []
        self._empty = asyncio.Event()
        self._empty.set()
        self.last_error: str | None = None

    def start(self) -> None:
        """Start the workers, with what is in the outbox already. Raises OSError."""
        for path, entry in list_outbox(self._spool):
            self.add(path, entry)
        self._workers = [asyncio.create_task(self._work()) for _ in range(self._concurrency)]

    def add(self, path: Path, entry: SegmentEntry | None = None) -> None:
        """Upload a file that has entered the outbox: a segment with its entry, or another one."""
        self._added_at[path] = time.monotonic()
        self._empty.clear()
        if entry is not None:
            self._entries[path] = entry
            self._audio_bytes[path] = entry.bytes - HEADER_BYTES
            self._segments[stream_of(path)] += 1
        elif _container(path) == names.REJECTED:
            with contextlib.suppress(FileNotFoundError):
                self._audio_bytes[path] = audio_bytes(path)
        elif _container(path) == names.MANIFESTS and stream_of(path) in self._segments:
            self._manifests[stream_of(path)] = path
            return
        self._queue.put_nowait(path)

    @property
    def file_count(self) -> int:
        """How many files wait for their upload."""
        return len(self._added_at)

    @property
    def age_seconds(self) -> float:
        """How long the oldest file has waited."""
        if not self._added_at:
            return 0.0
        return time.monotonic() - next(iter(self._added_at.values()))

    async def wait_until_empty(self) -> None:
        """Wait until no file waits."""
        await self._empty.wait()

    async def stop(self) -> None:
        """Stop the workers; what was not uploaded stays in the spool."""
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            path = await self._queue.get()
            await self._wait_for_storage()
            try:
                await self._process(path)
            except (AzureError, ChecksumMismatch, OSError) as error:
                self._retry_later(path, error)
            except Exception as error:  # noqa: BLE001  # logged, and tried again
                # An SDK may raise anything: the worker must live, and the file must be kept.
                log_event(_log, logging.ERROR, "upload_crashed", exc_info=True)
                self._retry_later(path, error)

    async def _wait_for_storage(self) -> None:
        """Wait for as long as all workers pause: another's failure may make it longer."""
        while time.monotonic() < self._resume_at:  # noqa: ASYNC110  # time is what it waits for
            await asyncio.sleep(self._resume_at - time.monotonic())

    async def _process(self, path: Path) -> None:
        """Upload a file and remove it from the outbox. Doing so twice does no harm."""
        loop = asyncio.get_running_loop()
        try:
            content = await loop.run_in_executor(self._spool.worker, path.read_bytes)
        except FileNotFoundError:
            self._drop_removed(path)
            return
        try:
            await self._upload(path, content)
        except BlobConflict:
            await self._reject(path, "blob_conflict")
        except ChecksumMismatch:
            if not self._is_damaged(path, content):
                raise
            await self._reject(path, "damaged_in_spool")
        else:
            self._complete(path)

    def _is_damaged(self, path: Path, content: bytes) -> bool:
        """Whether a segment's file has changed since it was sealed."""
        entry = self._entries.get(path)
        return entry is not None and compute_checksums(content).sha256 != entry.sha256

    async def _upload(self, path: Path, content: bytes) -> None:
        entry = self._entries.get(path)
        checksums = (
            Checksums(entry.sha256, entry.crc64)
            if entry is not None and entry.crc64
            else compute_checksums(content)
        )
        container, blob = blob_of(path)
        await self._storage.put_once(
            container,
            blob,
            content,
            checksums=checksums,
            content_type=_content_type(path),
            metadata=segment_metadata(entry) if entry else {},
        )
        if container == names.MANIFESTS:
            # The log is a second witness of the evidence (docs/evidence.md).
            self._log_file(logging.INFO, "manifest_uploaded", path, sha256=checksums.sha256)

    def _retry_later(self, path: Path, error: Exception) -> None:
        metrics.UPLOAD_FAILURES.inc()
        if self.last_error is None:
            cause, count = _describe(error), len(self._added_at)
            log_event(_log, logging.ERROR, "upload_failed", error=cause, count=count)
        # Anyone may read /healthz, so it shows only the type: messages may name calls.
        self.last_error = type(error).__name__
        if _is_outage(error):
            self._pause_all()
            self._queue.put_nowait(path)
            return
        failures = self._failures[path] = self._failures.get(path, 0) + 1
        pause = _pause(failures, _LONGEST_PAUSE_SECONDS)
        asyncio.get_running_loop().call_later(pause, self._queue.put_nowait, path)

    def _pause_all(self) -> None:
        """Have all workers wait, unless they do: the others that were uploading fail just now."""
        now = time.monotonic()
        if now >= self._resume_at:
            self._outages += 1
            self._resume_at = now + _pause(self._outages, _LONGEST_OUTAGE_PAUSE_SECONDS)

    def _complete(self, path: Path) -> None:
        self._outages = 0
        if self.last_error is not None:
            log_event(_log, logging.INFO, "uploads_recovered", count=len(self._added_at) - 1)
            self.last_error = None
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        if path in self._entries:
            metrics.SEGMENTS_UPLOADED.inc()
        elif _container(path) == names.MANIFESTS:
            metrics.MANIFESTS_UPLOADED.inc()
        self._forget(path)

    def _drop_removed(self, path: Path) -> None:
        """Stop waiting for a file that somebody removed: its stream's manifest must go out."""
        entry = self._entries.get(path)
        frames = entry.counts.frames if entry else 0
        self._log_file(logging.ERROR, "file_removed", path, frames=frames)
        metrics.count_removed(frames)
        self._forget(path)

    async def _reject(self, path: Path, reason: str) -> None:
        """Quarantine a file that cannot become its blob, and upload it from there."""
        loop = asyncio.get_running_loop()
        moved = await loop.run_in_executor(self._spool.worker, self._spool.quarantine, path)
        metrics.UPLOADS_REJECTED.inc()
        self._log_file(logging.ERROR, "upload_rejected", path, reason=reason)
        self._audio_bytes.pop(path, None)
        for file in moved:
            self.add(file)
        self._forget(path)

    def _log_file(self, level: int, event: str, path: Path, **fields: object) -> None:
        """Log what happened to a file."""
        container, blob = blob_of(path)
        if container == names.REJECTED:
            # Its name begins with the folder that it comes from.
            _, _, blob = blob.partition("/")
        call, _, name = blob.partition("/")
        stream = name.partition("/")[0].partition(".")[0]
        entry = self._entries.get(path)
        if entry is not None:
            segment = name.rpartition("/")[2]
            fields = {"track": entry.track, "segment": segment, **fields}
        fields = {"container": container, "call": call, "stream": stream, **fields}
        log_event(_log, level, event, exc_info=None, **fields)

    def _forget(self, path: Path) -> None:
        self._failures.pop(path, None)
        self._spool.free(self._audio_bytes.pop(path, 0))
        del self._added_at[path]
        if self._entries.pop(path, None) is not None:
            self._release_manifest(stream_of(path))
        if not self._added_at:
            self._empty.set()

    def _release_manifest(self, stream_id: str) -> None:
        """Count one segment less; after the last one, the manifest may be uploaded."""
        self._segments[stream_id] -= 1
        if self._segments[stream_id]:
            return
        del self._segments[stream_id]
        manifest = self._manifests.pop(stream_id, None)
        if manifest is not None:
            self._queue.put_nowait(manifest)


def _pause(failures: int, longest: float) -> float:
    """Return how long to wait after some failures in a row, in seconds."""
    pause: float = min(longest, _FIRST_PAUSE_SECONDS * 2 ** min(failures, 10))
    return pause * random.uniform(0.5, 1.0)  # noqa: S311 (spreads load)


def _is_outage(error: Exception) -> bool:
    """Whether other files would fail, too: Blob Storage cannot be reached, or refuses all."""
    if isinstance(error, HttpResponseError):
        status = error.status_code or HTTPStatus.INTERNAL_SERVER_ERROR
        return status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _REFUSALS
    return isinstance(error, AzureError)


def _content_type(path: Path) -> str:
    types = {".wav": "audio/wav", ".json": "application/json"}
    return types.get(path.suffix, "application/octet-stream")


def _describe(error: Exception) -> str:
    """Return an error's type and cause without the file's name, which changes with each file."""
    if isinstance(error, StorageError):
        return type(error).__name__
    if isinstance(error, OSError):
        return describe_error(error)
    # Some of aiohttp's messages have the URL, whose query may hold a shared access signature.
    cause = re.sub(r"\?[^\s']+", "", next(iter(str(error).splitlines()), ""))
    return f"{type(error).__name__}: {cause}"


def _container(path: Path) -> str:
    return path.parent.name
