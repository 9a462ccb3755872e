"""Streams that were admitted while Blob Storage was away, before their grant was looked up.

ACS's own token vouches for their call, and to refuse them would lose its audio. What they promise:

- Nothing of such a stream is uploaded before its grant has been found, even after a restart: a note
  in the spool's ``pending`` folder says so.
- Once Blob Storage is back, the grant is looked up. It must have been valid when the stream began.
- Without a valid grant, the stream is closed, and its files are quarantined, counted, and logged.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from pathlib import Path

import msgspec

from contract import names
from contract.manifest import SegmentEntry
from event_log import log_event
from streamer import metrics
from streamer.errors import HandshakeRefused
from streamer.grants import GrantVerifier
from streamer.outbox import Outbox
from streamer.spool import Spool, blob_of, describe_error, stream_of, write_file
from streamer.storage import Storage

_log = logging.getLogger(__name__)
_LOOKUP_PAUSE_SECONDS = 5.0


class PendingStream(msgspec.Struct, frozen=True, kw_only=True):
    """What the grant of a stream is looked up with. ``grant`` is a blob name, never a token."""

    stream_id: str
    call_connection_id: str
    correlation_id: str
    grant: str
    began_at: datetime


class PendingStreams:
    """The pending streams, and the files of theirs that wait."""

    def __init__(
        self, spool: Spool, grants: GrantVerifier, on_refused: Callable[[str, str], None]
    ) -> None:
        """Read the notes of an earlier process.

        Args:
            spool: Where the notes and the files are.
            grants: Looks up grants.
            on_refused: Called with the id of a stream without a valid grant, and the reason.

        Raises OSError.
        """
        self._spool = spool
        self._grants = grants
        self._on_refused = on_refused
        self._folder = spool.root / "pending"
        self._streams: dict[str, PendingStream] = {}
        self._files: dict[str, list[tuple[Path, SegmentEntry | None]]] = {}
        self._refused: set[str] = set()
        self._decided = asyncio.Event()
        self._add_quarantined: Callable[[Path], None] = lambda _: None
        for path in self._folder.glob("*.json"):
            try:
                stream = msgspec.json.decode(path.read_bytes(), type=PendingStream)
            except ValueError as error:
                # Without the note nothing is known of its grant. Its files wait for an operator.
                log_event(
                    _log, logging.ERROR, "pending_note_malformed", stream=path.stem, error=error
                )
                self._refused.add(path.stem)
                continue
            self._streams[stream.stream_id] = stream
        self._update()

    @property
    def file_count(self) -> int:
        """How many files wait for a grant."""
        return sum(map(len, self._files.values()))

    def add(self, stream: PendingStream) -> None:
        """Have a stream wait for its grant. A full disk is not an error."""
        self._streams[stream.stream_id] = stream
        self._update()
        log_event(
            _log,
            logging.WARNING,
            "stream_pending",
            call=stream.call_connection_id,
            stream=stream.stream_id,
        )
        try:
            self._folder.mkdir(exist_ok=True)
            write_file(self._note(stream.stream_id), msgspec.json.encode(stream))
        except OSError as error:
            self._spool.record_failure(error)

    def add_quarantined_to(self, add: Callable[[Path], None]) -> None:
        """Have ``add`` called with each file that moves to the ``rejected`` container's place."""
        self._add_quarantined = add

    def hold(self, stream_id: str, path: Path, entry: SegmentEntry | None) -> bool:
        """Hold a file of the outbox if its stream is pending. Returns False for others."""
        if stream_id in self._streams:
            self._files.setdefault(stream_id, []).append((path, entry))
            return True
        if stream_id in self._refused:
            self._quarantine(stream_id, path)
            return True
        return False

    async def look_up(self) -> list[tuple[Path, SegmentEntry | None]]:
        """Look up the grants of all pending streams, until Blob Storage does not answer.

        Returns:
            The files that may be uploaded now.
        """
        released: list[tuple[Path, SegmentEntry | None]] = []
        for stream in list(self._streams.values()):
            try:
                await self._grants.verify(
                    stream.grant, stream.call_connection_id, stream.correlation_id, stream.began_at
                )
            except HandshakeRefused as refusal:
                if refusal.status == HTTPStatus.SERVICE_UNAVAILABLE:
                    break
                self._refuse(stream, refusal.reason)
            except Exception:  # noqa: BLE001  # logged; an SDK may raise anything
                log_event(_log, logging.ERROR, "grant_lookup_crashed", exc_info=True)
                break
            else:
                released += self._release(stream)
        return released

    async def wait_until_decided(self) -> None:
        """Wait until no stream is pending."""
        await self._decided.wait()

    def _release(self, stream: PendingStream) -> list[tuple[Path, SegmentEntry | None]]:
        del self._streams[stream.stream_id]
        self._remove_note(stream.stream_id)
        self._update()
        log_event(
            _log,
            logging.INFO,
            "grant_confirmed",
            call=stream.call_connection_id,
            stream=stream.stream_id,
        )
        return self._files.pop(stream.stream_id, [])

    def _refuse(self, stream: PendingStream, reason: str) -> None:
        stream_id = stream.stream_id
        del self._streams[stream_id]
        self._refused.add(stream_id)
        self._update()
        files = self._files.pop(stream_id, [])
        metrics.STREAMS_QUARANTINED.labels(reason).inc()
        log_event(
            _log,
            logging.ERROR,
            "stream_quarantined",
            call=stream.call_connection_id,
            stream=stream_id,
            reason=reason,
            count=len(files),
        )
        for path, _entry in files:
            self._quarantine(stream_id, path)
        self._on_refused(stream_id, reason)

    def _quarantine(self, stream_id: str, path: Path) -> None:
        container, _ = blob_of(path)
        try:
            moved = self._spool.quarantine(path)
        except OSError as error:
            # It stays where it is, and its note makes the next start try again.
            cause = describe_error(error)
            log_event(_log, logging.ERROR, "quarantine_failed", stream=stream_id, error=cause)
            return
        metrics.UPLOADS_REJECTED.inc()
        for file in moved:
            self._add_quarantined(file)
        if container == names.MANIFESTS:
            # The manifest is the stream's last file.
            self._remove_note(stream_id)

    def _note(self, stream_id: str) -> Path:
        return self._folder / f"{stream_id}.json"

    def _remove_note(self, stream_id: str) -> None:
        with contextlib.suppress(OSError):
            self._note(stream_id).unlink(missing_ok=True)

    def _update(self) -> None:
        metrics.STREAMS_PENDING.set(len(self._streams))
        if self._streams:
            self._decided.clear()
        else:
            self._decided.set()


class GrantedOutbox(Outbox):
    """An outbox that uploads the files of a stream only once its grant has been found."""

    def __init__(
        self, spool: Spool, storage: Storage, concurrency: int, pending: PendingStreams
    ) -> None:
        super().__init__(spool, storage, concurrency)
        self._pending = pending
        pending.add_quarantined_to(super().add)

    def add(self, path: Path, entry: SegmentEntry | None = None) -> None:
        """Upload a file that has entered the outbox, now or once its stream has a grant."""
        container, _ = blob_of(path)
        if container == names.REJECTED or not self._pending.hold(stream_of(path), path, entry):
            super().add(path, entry)

    @property
    def file_count(self) -> int:
        """How many files wait for their upload, those that wait for a grant among them."""
        return super().file_count + self._pending.file_count

    async def wait_until_empty(self) -> None:
        """Wait until no file waits, and every stream's grant is looked up."""
        await self._pending.wait_until_decided()
        await super().wait_until_empty()

    async def look_up_grants(self) -> None:
        """Look up the grants of pending streams again and again, until cancelled."""
        while True:
            await asyncio.sleep(_LOOKUP_PAUSE_SECONDS)
            for path, entry in await self._pending.look_up():
                self.add(path, entry)
