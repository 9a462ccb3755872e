"""A stream's segments from their opening to the outbox, and the state that describes them.

What it promises:

- A segment that ends is sealed, again and again while the disk accepts nothing. Where only part of
  it has room, that part is sealed and uploaded, which makes room for the rest.
- The state says what is silence before the silence is in a file: a restart tells it from frames.
- The stream's folder is removed only when every segment is in the outbox or counted as lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

from acs.media import BYTES_PER_SAMPLE
from contract.manifest import DRAFT_ENDED_BY, Counts
from event_log import log_event
from streamer import metrics
from streamer.errors import SealFailed
from streamer.outbox import Outbox
from streamer.segment_file import SegmentFile
from streamer.segmenter import SegmentWriter
from streamer.spool import Spool, describe_error
from streamer.stream_folder import (
    StreamFolder,
    StreamState,
    build_manifest,
    publish_draft,
    publish_note,
    read_entries,
)
from streamer.track import Track

_log = logging.getLogger(__name__)
_FIRST_DISK_PAUSE_SECONDS = 0.5
_LONGEST_DISK_PAUSE_SECONDS = 8.0
_NAME_STEP = timedelta(milliseconds=1)
"""Segments are named for their start in milliseconds."""


class _Finished(NamedTuple):
    """A segment that waits to be sealed, and its counts."""

    file: SegmentFile
    counts: Counts


class StreamSegments:
    """The segments of one stream. To be used on the event loop's thread."""

    def __init__(
        self,
        spool: Spool,
        outbox: Outbox,
        state: StreamState,
        tracks: Mapping[str | None, Track],
    ) -> None:
        """Create the stream's folder.

        Args:
            spool: Where to write segments.
            outbox: Where to hand finished segments and the manifest.
            state: The stream's state.
            tracks: The stream's tracks by participant, as they come and go.

        Raises:
            OSError: The spool accepts no files. Nothing is left behind.
        """
        self._spool = spool
        self._outbox = outbox
        self._state = state
        self._tracks = tracks
        self._folder = StreamFolder(spool, state)
        self._loop = asyncio.get_running_loop()
        # By participant: the segment that was opened last.
        self._files: dict[str | None, SegmentFile] = {}
        # By the segment's key.
        self._unsealed: dict[str, _Finished] = {}
        self._seals: set[asyncio.Task[None]] = set()
        self._failures: list[BaseException] = []
        # Whether the state on the disk is the latest one.
        self._is_saved = True

    def open(
        self, raw_id: str | None, track: str, start: datetime, sample_rate: int
    ) -> SegmentWriter:
        """Open a segment of a participant's track, and return its writer."""
        previous = self._files.get(raw_id)
        if previous is not None:
            # Positions at another sample rate are rounded, and frames may be lost: no segment may
            # overlap another, or get its name.
            start = max(start, previous.end, previous.start + _NAME_STEP)
        file = self._folder.open_segment(track, start, sample_rate)
        self._files[raw_id] = file
        return _Writer(
            file,
            before_append=partial(self._before_append, raw_id),
            after_append=partial(self._after_append, raw_id),
            start_seal=self._start_seal,
        )

    @property
    def lost_frames(self) -> int:
        """How many frames the latest segments lost: a number that changes with every loss."""
        return sum(file.lost_frames for file in self._files.values())

    def latest_bytes(self, raw_id: str | None) -> int:
        """Return how much audio a participant's latest segment has."""
        file = self._files.get(raw_id)
        return BYTES_PER_SAMPLE * file.written_samples if file is not None else 0

    def save_state(self) -> bool:
        """Save the stream's state, and return whether the disk accepted it.

        To be called when all that was buffered is flushed.
        """
        state = self._state
        state.open_counts = {key: finished.counts for key, finished in self._unsealed.items()}
        state.open_samples = {
            key: finished.file.samples for key, finished in self._unsealed.items()
        }
        for raw_id, track in self._tracks.items():
            if track.is_open:
                file = self._files[raw_id]
                state.open_counts[file.key] = file.counts_when(track.counts, file.written_samples)
                state.open_samples[file.key] = file.written_samples
        return self._save()

    def note_participant(self, track: str, raw_id: str) -> None:
        """Keep who is on a track: for a restart in the state, for readers in a note of its own.

        Readers have the manifest only at the end, and without a disk that outlives the process,
        perhaps never.
        """
        self._state.participants[track] = raw_id
        self._save()
        self._start(self._publish_note(track, raw_id))

    async def _publish_note(self, track: str, raw_id: str) -> None:
        publish = partial(publish_note, self._spool, self._folder.path, self._state, track, raw_id)
        with contextlib.suppress(FileNotFoundError):  # somebody has emptied the spool
            self._outbox.add(await self._on_disk(publish, "note"))

    async def seal_all(self) -> None:
        """Wait until every finished segment is in the outbox.

        Raises SealFailed where one cannot be sealed for a reason that is not the disk's.
        """
        while self._seals:
            await asyncio.wait(self._seals)
        if self._failures:
            raise SealFailed(
                f"{len(self._failures)} segments of stream {self._state.stream_id} are not sealed; "
                "the next start recovers them"
            ) from self._failures[0]

    async def finish(self, ended_by: str) -> None:
        """Wait until every segment is in the outbox, then put the manifest there.

        While the disk accepts nothing, this waits. Raises SealFailed, FileNotFoundError.
        """
        await self.seal_all()
        self._outbox.add(await self._on_disk(partial(self._write_manifest, ended_by), "manifest"))

    async def discard_all(self) -> None:
        """Remove the folder of a stream on which nothing came. While the disk fails, this waits."""
        with contextlib.suppress(FileNotFoundError):
            await self._on_disk(self._folder.discard, "folder")

    async def publish_draft(self) -> None:
        """Put the manifest so far into the outbox, once what is finished now is sealed.

        It has a container of its own. A manifest is final: nobody may mistake one for the other,
        and nothing is overwritten when the stream ends.
        """
        if self._seals:
            await asyncio.wait(set(self._seals))
        with contextlib.suppress(FileNotFoundError):  # the stream has ended meanwhile
            self._outbox.add(await self._on_disk(self._write_draft, "draft"))

    def _write_draft(self) -> Path:
        entries = read_entries(self._folder.path)
        manifest = build_manifest(self._state, entries, datetime.now(UTC), DRAFT_ENDED_BY)
        return publish_draft(self._spool, self._folder.path, manifest)

    def _write_manifest(self, ended_by: str) -> Path:
        entries = read_entries(self._folder.path)
        manifest = build_manifest(self._state, entries, datetime.now(UTC), ended_by)
        return self._folder.finish(manifest)

    def _before_append(self, raw_id: str | None, file: SegmentFile, size: int) -> None:
        """Save the state before silence is written. Of other tracks, it keeps what was saved."""
        track = self._tracks.get(raw_id)
        if track is None or self._files[raw_id] is not file:
            return
        state = self._state
        samples = file.written_samples + size // BYTES_PER_SAMPLE
        counts = file.counts_when(track.counts, samples)
        saved = state.open_counts.get(file.key)
        if self._is_saved and counts.filled_samples == (saved.filled_samples if saved else 0):
            return
        self._save_counts(file, counts, samples)

    def _after_append(self, raw_id: str | None, file: SegmentFile) -> None:
        """Save the state where the disk refused audio: after a kill, it is counted as lost."""
        track = self._tracks.get(raw_id)
        if file.has_backlog and track is not None and self._files[raw_id] is file:
            samples = file.written_samples
            self._save_counts(file, file.counts_when(track.counts, samples), samples)

    def _save_counts(self, file: SegmentFile, counts: Counts, samples: int) -> None:
        state = self._state
        state.open_counts[file.key] = counts
        state.open_samples[file.key] = samples
        for key, finished in self._unsealed.items():
            state.open_counts[key] = finished.counts
            state.open_samples[key] = finished.file.samples
        self._save()

    def _save(self) -> bool:
        self._is_saved = self._folder.save_state()
        return self._is_saved

    # Sealing.

    def _start_seal(self, file: SegmentFile, counts: Counts) -> None:
        file.finish(counts)
        if not file.samples:
            self._discard(file, counts)
            return
        self._unsealed[file.key] = _Finished(file, counts)
        self._start(self._seal(file, counts))

    def _start(self, work: Coroutine[None, None, None]) -> None:
        """Start what must be done before the manifest: to seal a segment, to publish a note."""
        task = self._loop.create_task(work)
        self._seals.add(task)
        task.add_done_callback(self._on_sealed)

    def _on_sealed(self, task: asyncio.Task[None]) -> None:
        self._seals.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failures.append(error)
            self._log(logging.ERROR, "seal_failed", exc_info=error)

    async def _seal(self, file: SegmentFile, counts: Counts) -> None:
        while True:
            rest = None
            if file.has_backlog:
                # What has room is sealed now. The rest waits in memory until uploads make room.
                rest = await self._on_disk(partial(file.split, counts), file.path.name)
            if rest is not None:
                self._unsealed[rest[0].key] = _Finished(*rest)
            await self._seal_on_disk(file, counts)
            if rest is None:
                return
            file, counts = rest

    async def _seal_on_disk(self, file: SegmentFile, counts: Counts) -> None:
        target = self._folder.outbox_path(file)
        try:
            entry = await self._on_disk(partial(file.seal, counts, target), file.path.name)
        except FileNotFoundError:
            self._log(logging.ERROR, "file_removed", segment=file.path.name, frames=counts.frames)
            metrics.count_removed(counts.frames)
            file.abandon()
            self._forget(file)
            return
        metrics.count_frames(entry.counts, entry.sample_rate, counted_lost=file.lost_frames)
        self._forget(file)
        self._outbox.add(target, entry)

    def _forget(self, file: SegmentFile) -> None:
        self._unsealed.pop(file.key, None)
        self._state.open_counts.pop(file.key, None)
        self._state.open_samples.pop(file.key, None)

    def _discard(self, file: SegmentFile, counts: Counts) -> None:
        """Drop a segment of which nothing was kept. Its counts become the stream's own."""
        try:
            file.discard()
        except OSError as error:
            self._spool.record_failure(error)
        metrics.count_frames(counts, file.sample_rate, counted_lost=file.lost_frames)
        self._state.counts.add(counts)
        self._forget(file)
        self._save()

    async def _on_disk[T](self, work: Callable[[], T], file_name: str) -> T:
        """Run work on the spool's thread, again and again while the disk accepts nothing.

        Raises FileNotFoundError where somebody has emptied the spool.
        """
        pause = _FIRST_DISK_PAUSE_SECONDS
        while True:
            try:
                return await self._loop.run_in_executor(self._spool.worker, work)
            except FileNotFoundError:
                raise
            except OSError as error:
                metrics.SPOOL_ERRORS.inc()
                if pause == _FIRST_DISK_PAUSE_SECONDS:
                    # Only once: the longer a disk is full, the more work waits for it.
                    cause = describe_error(error)
                    self._log(logging.ERROR, "file_delayed", segment=file_name, error=cause)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_DISK_PAUSE_SECONDS)

    def _log(
        self, level: int, event: str, exc_info: BaseException | None = None, **fields: object
    ) -> None:
        state = self._state
        fields = {"call": state.call_connection_id, "stream": state.stream_id, **fields}
        log_event(_log, level, event, exc_info=exc_info, **fields)


class _Writer:
    """A segment's file as the segmenter's writer, which seals it when it is finished."""

    def __init__(
        self,
        file: SegmentFile,
        before_append: Callable[[SegmentFile, int], None],
        after_append: Callable[[SegmentFile], None],
        start_seal: Callable[[SegmentFile, Counts], None],
    ) -> None:
        self._file = file
        self._before_append = before_append
        self._after_append = after_append
        self._start_seal = start_seal
        self.patch = file.patch
        self.cut = file.cut

    def append(self, pcm: bytes) -> None:
        """Write at the end, after the state says what of it is silence."""
        self._before_append(self._file, len(pcm))
        self._file.append(pcm)
        self._after_append(self._file)

    def finish(self, samples: int, counts: Counts, skew: float) -> None:
        """Have the file sealed, off the event loop."""
        assert samples == self._file.written_samples
        self._file.clock_offset_ms = round(skew * 1000 / self._file.sample_rate, 3)
        self._start_seal(self._file, counts)
