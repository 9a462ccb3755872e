"""What an earlier process left in the spool: streams to finish, and files to upload.

What it promises:

- Each open segment of a killed process ends where its file ends, and is uploaded as recovered.
- Recovering again, after being killed in the middle of it, gives the same names and manifests.
- What cannot be read is quarantined, logged, and does not keep the others from being recovered.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
from pathlib import Path
from typing import NamedTuple

import msgspec

from acs.media import AUDIO_DATA, BYTES_PER_SAMPLE, FRAME_MILLISECONDS
from contract import names, wav
from contract.manifest import Counts, SegmentEntry, decode_manifest
from event_log import log_event
from streamer import metrics
from streamer.segment_file import SegmentFile
from streamer.spool import PART, Spool, describe_error
from streamer.stream_folder import (
    STATE,
    StreamState,
    build_manifest,
    publish_manifest,
    read_entries,
    segment_path,
)

_log = logging.getLogger(__name__)


class OutboxFile(NamedTuple):
    """A file of the outbox: a segment with its entry, or a manifest without one."""

    path: Path
    entry: SegmentEntry | None


class Recovery:
    """The recovery of the streams that the spool held when this was made.

    ``folders`` are those that are not recovered yet.
    """

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self.folders = sorted(path for path in spool.streams.iterdir() if path.is_dir())

    def run(self) -> list[OutboxFile]:
        """Finish every stream, and return the files that entered the outbox. Blocks.

        A stream that cannot be read is quarantined. One that the disk has no room to finish stays
        in ``folders``, for another run.
        """
        files: list[OutboxFile] = []
        folders, self.folders = self.folders, []
        for folder in folders:
            try:
                self._finish(folder, files)
            except (FileNotFoundError, ValueError) as error:
                cause = describe_error(error) if isinstance(error, OSError) else str(error)
                log_event(
                    _log, logging.ERROR, "stream_quarantined", stream=folder.name, error=cause
                )
                self._spool.quarantine(folder)
            except OSError as error:
                self._spool.record_failure(error)
                self.folders.append(folder)
        return files

    def _finish(self, folder: Path, files: list[OutboxFile]) -> None:
        spool = self._spool
        if any((spool.outbox / names.MANIFESTS).glob(f"*/{folder.name}.json")):
            # Killed while it removed the folder. A manifest built from what is left would lose
            # segments.
            shutil.rmtree(folder)
            return
        state = msgspec.json.decode((folder / STATE).read_bytes(), type=StreamState)
        for path in sorted(folder.glob(f"*/*{PART}")):
            if path.stat().st_size <= wav.HEADER_BYTES:
                path.unlink()
                continue
            files.append(self._seal(state, path))
        entries = read_entries(folder)
        ended_at = max((entry.end for entry in entries), default=None)
        manifest = build_manifest(state, entries, ended_at, "recovered")
        counts = manifest.counts
        audio_packets = counts.frames + counts.repeated + counts.late_dropped
        manifest.packets[AUDIO_DATA] = max(audio_packets, state.packets.get(AUDIO_DATA, 0))
        files.append(OutboxFile(publish_manifest(spool, folder, manifest), None))

    def _seal(self, state: StreamState, path: Path) -> OutboxFile:
        file = SegmentFile.reopen(self._spool, path)
        counts = state.open_counts.get(file.key, Counts())
        # The file's length tells what was appended after the counts were last saved.
        samples = file.samples - counts.filled_samples - counts.corrected_samples
        frame_samples = file.sample_rate * FRAME_MILLISECONDS // 1000
        counts.frames = max(counts.frames, samples // frame_samples)
        target = segment_path(self._spool, state, file)
        try:
            entry = file.seal(counts, target, recovered=True)
        except OSError:
            file.close()
            raise
        metrics.count_frames(entry.counts, entry.sample_rate)
        return OutboxFile(target, entry)


def list_outbox(spool: Spool) -> list[OutboxFile]:
    """Return the files of the outbox, the oldest first: all segments, then all manifests.

    To be called after a recovery, so that a segment's entry is found in its stream's manifest. A
    segment that cannot be read is quarantined. Raises OSError.
    """
    manifest_paths = sorted((spool.outbox / names.MANIFESTS).glob("*/*.json"), key=_modified_at)
    segments = spool.outbox / names.SEGMENTS
    entries: dict[Path, SegmentEntry] = {}
    for path in manifest_paths:
        try:
            manifest = decode_manifest(path.read_bytes())
        except ValueError as error:
            # The streamer must start all the same: the segments themselves say what they hold.
            log_event(_log, logging.ERROR, "manifest_read_failed", stream=path.stem, error=error)
            continue
        for entry in manifest.segments:
            name = entry.name(manifest.call_connection_id, manifest.stream_id)
            entries[segments / name.blob] = entry
    files: list[OutboxFile] = []
    for path in sorted(segments.rglob("*.wav"), key=_modified_at):
        try:
            files.append(OutboxFile(path, entries.get(path) or _read_entry(path)))
        except ValueError as error:
            log_event(
                _log,
                logging.ERROR,
                "segment_quarantined",
                stream=path.parent.parent.name,
                segment=path.name,
                error=error,
            )
            spool.quarantine(path)
    return [*files, *(OutboxFile(path, None) for path in manifest_paths)]


def _modified_at(path: Path) -> float:
    return path.stat().st_mtime


def _read_entry(path: Path) -> SegmentEntry:
    """Return the entry of a segment whose manifest is missing. Raises ValueError."""
    content = path.read_bytes()
    audio = wav.parse(content)
    return SegmentEntry(
        track=path.parent.name,
        start=names.parse_start(path.stem),
        sample_rate=audio.sample_rate,
        samples=audio.data_bytes // BYTES_PER_SAMPLE,
        bytes=len(content),
        md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
        counts=Counts(),
        recovered=True,
    )
