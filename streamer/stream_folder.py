"""One stream's folder in the spool: its state, its open segments, and at its end its manifest.

What it promises:

- ``stream.0.json`` or ``stream.1.json`` and ``segments.jsonl`` hold what a restart needs to finish
  the stream. Saving overwrites the older of the two states, so that one is whole at any time. (To
  replace one file by rename costs a thousand times as much on ext4, which then writes it to disk.)
  Without either, the folder's name still says whose stream it is.
- The manifest enters the outbox after all of the stream's segments, by rename; only then is the
  folder removed.
"""

from __future__ import annotations

import logging
import shutil
from datetime import datetime
from pathlib import Path

import msgspec

from contract import names
from contract.manifest import (
    Counts,
    DtmfTone,
    Manifest,
    SegmentEntry,
    encode_manifest,
    total,
)
from event_log import log_event
from streamer.part_header import part_name
from streamer.segment_file import ENTRIES, SegmentFile
from streamer.spool import SLASH, Spool, move_file, overwrite_file, stream_of, write_file

STATES = ("stream.0.json", "stream.1.json")
"""The files of a stream's folder that hold its two latest states."""

_STATE_BYTES = 2048
"""How much room each of the two files has from the start; a file system gives it a whole page."""

_log = logging.getLogger(__name__)


class StreamState(msgspec.Struct, kw_only=True):
    """What a restart needs to finish a stream.

    ``open_counts`` has the counts of the segments that are open or not yet in the outbox, by the
    segment's ``key``, and ``open_samples`` how long those segments were then. ``counts`` are of
    frames that are in no segment: they were late or repeated, and no segment began after them, or
    all of their segment was lost. ``saves`` is how often the state was saved. The other fields
    become the manifest's.
    """

    call_connection_id: str
    stream_id: str
    correlation_id: str = ""
    subscription_id: str = ""
    sample_rate: int = 16_000
    declared_sample_rate: int | None = None
    started_at: datetime
    packets: dict[str, int] = msgspec.field(default_factory=dict)
    irregular: dict[str, int] = msgspec.field(default_factory=dict)
    participants: dict[str, str] = msgspec.field(default_factory=dict)
    dtmf: list[DtmfTone] = msgspec.field(default_factory=list)
    open_counts: dict[str, Counts] = msgspec.field(default_factory=dict)
    open_samples: dict[str, int] = msgspec.field(default_factory=dict)
    saves: int = 0
    counts: Counts = msgspec.field(default_factory=Counts)


class StreamFolder:
    """The folder of a stream that is open."""

    def __init__(self, spool: Spool, state: StreamState) -> None:
        """Create the folder and save the state. Raises OSError, and then leaves nothing behind."""
        self._spool = spool
        self.state = state
        self.path = spool.streams / f"{state.call_connection_id}{SLASH}{state.stream_id}"
        self._older_state = STATES[1]
        self.path.mkdir(parents=True)
        try:
            write_file(self.path / STATES[0], _encode(state))
        except OSError:
            shutil.rmtree(self.path, ignore_errors=True)
            raise

    def save_state(self) -> bool:
        """Overwrite the older state, and return whether the disk accepted it.

        A full disk is not an error: the newer state remains. From the first time on, both files
        have their room, so that a disk that is full later still accepts what is to be counted as
        lost.
        """
        self.state.saves += 1
        try:
            overwrite_file(self.path / self._older_state, _encode(self.state))
        except OSError as error:
            self._spool.record_failure(error)
            return False
        self._older_state = STATES[self._older_state == STATES[0]]
        return True

    def open_segment(self, track: str, start: datetime, sample_rate: int) -> SegmentFile:
        """Return a new segment of a track."""
        path = self.path / part_name(track, start)
        return SegmentFile.create(self._spool, path, start, sample_rate)

    def outbox_path(self, file: SegmentFile) -> Path:
        """Return where a segment goes when it is sealed."""
        return segment_path(self._spool, self.state, file)

    def discard(self) -> None:
        """Remove the folder, and all that is in it. Raises OSError."""
        shutil.rmtree(self.path)

    def finish(self, manifest: Manifest) -> Path:
        """Write the manifest into the outbox, remove the folder, and return the manifest's path.

        Raises:
            FileNotFoundError: The folder was removed.
            OSError: The disk accepts nothing now. Finish it again later.
        """
        return publish_manifest(self._spool, self.path, manifest)


def _encode(state: StreamState) -> bytes:
    return msgspec.json.encode(state).ljust(_STATE_BYTES)


def segment_path(spool: Spool, state: StreamState, file: SegmentFile) -> Path:
    """Return a segment's place in the outbox: its container and blob name."""
    name = names.SegmentName(state.call_connection_id, state.stream_id, file.track, file.start)
    return spool.outbox_path(names.SEGMENTS, name.blob)


def publish_note(spool: Spool, folder: Path, state: StreamState, track: str, raw_id: str) -> Path:
    """Move the note of a track's participant into the outbox, and return its path.

    Its content is the raw id, as UTF-8. Raises FileNotFoundError where the folder was removed,
    OSError.
    """
    name = names.NoteName(state.call_connection_id, state.stream_id, track)
    target = spool.outbox_path(names.DRAFTS, name.blob)
    file = folder / f"{track}.note"
    write_file(file, raw_id.encode())
    move_file(file, target)
    return target


def publish_draft(spool: Spool, folder: Path, manifest: Manifest) -> Path:
    """Move the manifest so far of an open stream into the outbox, and return its path.

    Raises OSError.
    """
    return _publish(spool, folder, manifest, names.DRAFTS)


def publish_manifest(spool: Spool, folder: Path, manifest: Manifest) -> Path:
    """Move a manifest into the outbox by rename, then remove the stream's folder.

    Returns the manifest's path. Raises OSError.
    """
    target = _publish(spool, folder, manifest, names.MANIFESTS)
    try:
        shutil.rmtree(folder)
    except OSError as error:
        # The manifest is published. Building it again from what is left would lose segments.
        spool.record_failure(error)
    return target


def _publish(spool: Spool, folder: Path, manifest: Manifest, container: str) -> Path:
    name = names.ManifestName(manifest.call_connection_id, manifest.stream_id)
    target = spool.outbox_path(container, name.blob)
    file = folder / f"{container}.json"
    write_file(file, encode_manifest(manifest))
    move_file(file, target)
    return target


def has_begun(folder: Path) -> bool:
    """Return whether a stream's state was saved since its folder was created."""
    return (folder / STATES[1]).exists()


def read_state(folder: Path) -> StreamState:
    """Return the latest state of a stream that can be read, or what its folder's name says.

    Raises:
        ValueError: Not even the folder's name can be read.
        OSError: The disk cannot be read.
    """
    name = names.parse_manifest(f"{folder.name.replace(SLASH, '/')}.json")
    states = [
        StreamState(
            call_connection_id=name.call_connection_id,
            stream_id=name.stream_id,
            started_at=names.stream_start(name.stream_id),
        )
    ]
    for file in STATES:
        try:
            if content := (folder / file).read_bytes().strip():
                states.append(msgspec.json.decode(content, type=StreamState))
        except FileNotFoundError:
            continue
        except ValueError as error:
            # A kill cut it short, or a full disk did.
            log_event(
                _log,
                logging.WARNING,
                "state_unreadable",
                stream=name.stream_id,
                file=file,
                error=error,
            )
    return max(states, key=lambda state: state.saves)


def read_entries(folder: Path) -> list[SegmentEntry]:
    """Return the sealed segments of a stream's folder; a line that a kill cut short is left out.

    A segment that was sealed twice (killed between its entry and its rename) counts once.
    """
    try:
        lines = (folder / ENTRIES).read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    entries: dict[tuple[str, str], SegmentEntry] = {}
    for line in lines:
        if not line:
            continue
        try:
            entry = msgspec.json.decode(line, type=SegmentEntry)
        except ValueError:
            log_event(_log, logging.WARNING, "segment_entry_skipped", stream=stream_of(folder))
            continue
        # By its name: a reopened file knows its start only to the millisecond.
        entries[entry.track, names.format_start(entry.start)] = entry
    return list(entries.values())


def build_manifest(
    state: StreamState, entries: list[SegmentEntry], ended_at: datetime, ended_by: str
) -> Manifest:
    """Build the manifest of a stream."""
    counts = total(entries)
    counts.add(state.counts)
    return Manifest(
        call_connection_id=state.call_connection_id,
        stream_id=state.stream_id,
        correlation_id=state.correlation_id,
        subscription_id=state.subscription_id,
        sample_rate=state.sample_rate,
        declared_sample_rate=state.declared_sample_rate,
        started_at=state.started_at,
        ended_at=ended_at,
        ended_by=ended_by,
        segments=sorted(entries, key=lambda entry: (entry.start, entry.track)),
        counts=counts,
        packets=state.packets,
        irregular=state.irregular,
        participants=state.participants,
        dtmf=state.dtmf,
    )
