"""What an earlier process left in the spool: streams to finish, and files to upload.

What it promises:

- Each open segment of a killed process ends where its file ends, and is uploaded as recovered.
  Audio that a cut was moving from one segment to the next is in exactly one of them.
- Frames that the state knows and no file has are counted as lost.
- Recovering again, after being killed in the middle of it, gives the same names and manifests.
- What cannot be read, or has no place here, is quarantined, logged, and keeps neither the others
  from being recovered nor the process from starting.
"""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path
from typing import NamedTuple

from acs.media import AUDIO_DATA, BYTES_PER_SAMPLE
from contract import names, wav
from contract.manifest import Counts, SegmentEntry, decode_manifest
from event_log import log_event
from streamer import metrics
from streamer.checksums import compute_checksums
from streamer.open_segments import Part, read_parts, settle_counts
from streamer.spool import Spool, blob_of, describe_error, move_file, stream_of
from streamer.stream_folder import (
    StreamState,
    build_manifest,
    has_begun,
    publish_manifest,
    read_entries,
    read_state,
    segment_path,
)

_STREAM_CONTAINERS = (names.SEGMENTS, names.MANIFESTS, names.DRAFTS)
_log = logging.getLogger(__name__)


class OutboxFile(NamedTuple):
    """A file of the outbox: a segment with its entry, or another file without one."""

    path: Path
    entry: SegmentEntry | None


class Recovery:
    """The recovery of the streams that the spool held when this was made.

    ``folders`` are those that are not recovered yet, and what else lies among them.
    """

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self.folders = sorted(spool.streams.iterdir())

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
            except (FileNotFoundError, NotADirectoryError) as error:
                self._quarantine(folder, describe_error(error), files)
            except OSError as error:
                self._spool.record_failure(error)
                self.folders.append(folder)
            except Exception as error:  # noqa: BLE001  # logged, and quarantined
                # Whatever it is: the streamer must start, and the audio must leave this disk.
                log_event(
                    _log, logging.ERROR, "stream_unreadable", folder=folder.name, exc_info=True
                )
                self._quarantine(folder, str(error), files)
        return files

    def _quarantine(self, folder: Path, cause: str, files: list[OutboxFile]) -> None:
        log_event(_log, logging.ERROR, "stream_quarantined", folder=folder.name, error=cause)
        try:
            moved = self._spool.quarantine(folder)
        except OSError as error:
            self._spool.record_failure(error)
            self.folders.append(folder)
            return
        files += (OutboxFile(path, None) for path in moved)

    def _finish(self, folder: Path, files: list[OutboxFile]) -> None:
        spool = self._spool
        if (spool.outbox / names.MANIFESTS / f"{folder.name}.json").exists():
            # Killed while it removed the folder. A manifest built from what is left would lose
            # segments.
            shutil.rmtree(folder)
            return
        state = read_state(folder)
        entries = read_entries(folder)
        parts, unreadable = read_parts(spool, folder, entries)
        if not (has_begun(folder) or entries or parts or unreadable):
            # No packet came: a manifest would have the app look at the call again.
            shutil.rmtree(folder)
            return
        for path, cause in unreadable:
            log_event(
                _log,
                logging.ERROR,
                "segment_quarantined",
                stream=state.stream_id,
                segment=path.name,
                error=cause,
            )
            files += (OutboxFile(moved, None) for moved in spool.quarantine(path))
        lost_frames = settle_counts(state, parts, entries)
        try:
            for part in parts:
                files.append(self._seal(state, part))
        finally:
            for part in parts:
                part.file.close()
        state.counts.add(Counts(lost=lost_frames))
        entries = read_entries(folder)
        # Not the time of the recovery: another one must give the same.
        ended_at = max((entry.end for entry in entries), default=state.started_at)
        manifest = build_manifest(state, entries, ended_at, "recovered")
        counts = manifest.counts
        audio_packets = counts.frames + counts.repeated + counts.late_dropped + counts.lost
        manifest.packets[AUDIO_DATA] = max(audio_packets, state.packets.get(AUDIO_DATA, 0))
        files.append(OutboxFile(publish_manifest(spool, folder, manifest), None))
        metrics.count_lost(lost_frames)

    def _seal(self, state: StreamState, part: Part) -> OutboxFile:
        target = segment_path(self._spool, state, part.file)
        entry = part.file.seal(part.counts, target, recovered=True)
        metrics.count_frames(entry.counts, entry.sample_rate, counted_lost=part.counted_lost)
        return OutboxFile(target, entry)


def list_outbox(spool: Spool) -> list[OutboxFile]:
    """Return the files of the outbox, the oldest first: segments, manifests, then all others.

    To be called after a recovery, so that a segment's entry is found in its stream's manifest. A
    segment that cannot be read is quarantined, and so is what no version of the streamer has put
    there. Raises OSError.
    """
    for path in sorted(spool.outbox.iterdir()):
        if path.name not in (*_STREAM_CONTAINERS, names.REJECTED):
            _quarantine_file(spool, path, "not a container of the outbox")
    _flatten_folders(spool)
    _quarantine_misnamed(spool)
    manifest_paths = sorted(_list_files(spool.outbox / names.MANIFESTS), key=_modified_at)
    entries: dict[Path, SegmentEntry] = {}
    for path in manifest_paths:
        try:
            manifest = decode_manifest(path.read_bytes())
        except (ValueError, OSError) as error:
            # The streamer must start all the same: the segments themselves say what they hold.
            stream = stream_of(path)
            log_event(_log, logging.ERROR, "manifest_read_failed", stream=stream, error=error)
            continue
        for entry in manifest.segments:
            name = entry.name(manifest.call_connection_id, manifest.stream_id)
            entries[spool.outbox_path(names.SEGMENTS, name.blob)] = entry
    files: list[OutboxFile] = []
    for path in sorted(_list_files(spool.outbox / names.SEGMENTS), key=_modified_at):
        try:
            files.append(OutboxFile(path, entries.get(path) or _read_entry(path)))
        except (ValueError, OSError) as error:
            _quarantine_file(spool, path, error)
    drafts = _list_files(spool.outbox / names.DRAFTS)
    others = [*manifest_paths, *drafts, *_list_files(spool.rejected)]
    return [*files, *(OutboxFile(path, None) for path in others)]


def _flatten_folders(spool: Spool) -> None:
    """Move files out of folders of the outbox, where earlier versions had them, to their place."""
    for folder in sorted(spool.outbox.glob("*/*/")):
        container = folder.parent
        try:
            files = sorted(path for path in folder.rglob("*") if path.is_file())
            for path in files:
                blob = path.relative_to(container).as_posix()
                target = spool.outbox_path(container.name, blob)
                if target.exists():
                    spool.quarantine(path)
                else:
                    move_file(path, target)
            for emptied, _, _ in os.walk(folder, topdown=False):
                os.rmdir(emptied)
        except OSError as error:
            # What is left stays where it is, for the next start.
            spool.record_failure(error)
            continue
        fields = {"container": container.name, "folder": folder.name, "count": len(files)}
        log_event(_log, logging.WARNING, "outbox_folder_flattened", exc_info=None, **fields)


def _quarantine_misnamed(spool: Spool) -> None:
    """Quarantine manifests and drafts whose names are not those of a stream's blobs."""
    for container in (names.MANIFESTS, names.DRAFTS):
        for path in _list_files(spool.outbox / container):
            _, blob = blob_of(path)
            try:
                if container == names.DRAFTS and path.suffix == names.NOTE:
                    names.parse_note(blob)
                else:
                    names.parse_manifest(blob)
            except names.MalformedName as error:
                _quarantine_file(spool, path, error)


def _quarantine_file(spool: Spool, path: Path, cause: object) -> None:
    """Quarantine a file of the outbox; where that fails, it stays, for the next start."""
    fields = {"container": path.parent.name, "file": path.name, "error": cause}
    log_event(_log, logging.ERROR, "file_quarantined", exc_info=None, **fields)
    try:
        spool.quarantine(path)
    except OSError as error:
        spool.record_failure(error)


def _list_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if path.is_file())


def _modified_at(path: Path) -> float:
    return path.stat().st_mtime


def _read_entry(path: Path) -> SegmentEntry:
    """Return the entry of a segment whose manifest is missing. Raises ValueError, OSError."""
    _, blob = blob_of(path)
    name = names.parse_segment(blob)
    content = path.read_bytes()
    audio = wav.parse(content)
    checksums = compute_checksums(content)
    return SegmentEntry(
        track=name.track,
        start=name.start,
        sample_rate=audio.sample_rate,
        samples=audio.data_bytes // BYTES_PER_SAMPLE,
        bytes=len(content),
        sha256=checksums.sha256,
        crc64=checksums.crc64,
        counts=Counts(),
        recovered=True,
    )
