"""The streamer as a whole: it starts, accepts streams, and drains."""

from __future__ import annotations

import asyncio
import logging
import math
import os
from collections.abc import Awaitable
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path

from azure.core.exceptions import AzureError

from acs.media import FRAME_MILLISECONDS
from event_log import log_event
from streamer.chores import Chores
from streamer.close import Close
from streamer.connection import CLOSE_TIMEOUT_SECONDS, Connection
from streamer.errors import HandshakeRefused
from streamer.grant_openings import GrantOpenings
from streamer.grants import GrantVerifier
from streamer.handshake import Admission, HandshakeAuthenticator, create_verifier
from streamer.health import Health
from streamer.http_routes import Routes
from streamer.http_upgrade import WebSocketOptions, listen
from streamer.listener import Listener, connection_limit
from streamer.pending_streams import GrantedOutbox, PendingStream, PendingStreams
from streamer.recovery import Recovery
from streamer.settings import Settings
from streamer.spool import Spool
from streamer.stats import StatsLogger
from streamer.storage import Storage
from streamer.stream import Stream
from streamer.token_findings import TokenFindings

_log = logging.getLogger(__name__)
_RECOVERY_PAUSE_SECONDS = 5.0
_RESET_CHECK_SECONDS = 0.5
_MAX_HEALTH_CONNECTIONS = 64
_STALL_SECONDS = 1.0
"""How late the event loop must be for peers to be excused."""


class Streamer:
    """The WebSocket server that ACS streams to."""

    def __init__(self, settings: Settings) -> None:
        """Take hold of the spool. Raises SpoolInUse, OSError."""
        self._settings = settings
        self._spool = Spool(Path(settings.spool_dir), settings.spool_max_bytes)
        self._recovery = Recovery(self._spool)
        self._storage = Storage(settings)
        grants = GrantVerifier(self._storage, settings.correlation_check)
        self._pending = PendingStreams(self._spool, grants, self._close_refused)
        self._outbox = GrantedOutbox(
            self._spool, self._storage, settings.upload_concurrency, self._pending
        )
        self._connections: set[Connection] = set()
        self._streams: set[Stream] = set()
        self._health = Health(settings, self._spool, self._outbox, lambda: len(self._connections))
        self._chores = Chores()
        findings = TokenFindings(self._storage, self._chores)
        authenticator = HandshakeAuthenticator(
            settings, create_verifier(settings), grants, findings
        )
        self._routes = Routes(self._health, authenticator, self._connect)
        self._stats = StatsLogger(self._health.update_gauges)
        self._openings = GrantOpenings()
        self._all_ended = asyncio.Event()
        self._all_ended.set()
        # When the reads of all connections are to be batched next, by the event loop's clock.
        self._batch_due = math.inf
        self._server: Listener | None = None
        self._health_server: Listener | None = None
        self._hasten = asyncio.Event()

    async def start(self) -> tuple[str, int]:
        """Finish what a killed process left, then listen. Returns the host and port.

        Raises OSError where the address is in use or the spool cannot be read.
        """
        settings = self._settings
        await self._recover_first()
        if settings.audio_storage_connection_string:
            await self._create_containers()
        self._outbox.start()
        self._batch_reads()
        options = WebSocketOptions(
            max_frame_bytes=settings.max_message_bytes,
            ping_interval_seconds=settings.ping_interval_seconds,
            handshake_timeout_seconds=settings.handshake_timeout_seconds,
        )
        limit = connection_limit(settings.max_connections)
        handler = self._routes.handle
        if settings.metrics_port:
            handler = self._routes.handle_media
            self._health_server = await listen(
                settings.host,
                settings.metrics_port,
                self._routes.handle_health,
                options,
                _MAX_HEALTH_CONNECTIONS,
            )
        self._server = await listen(settings.host, settings.port, handler, options, limit)
        self._chores.keep_up(lambda: self._stats.log_every(settings.stats_log_seconds), "stats")
        self._chores.keep_up(self._recover_rest, "recovery")
        self._chores.keep_up(self._outbox.look_up_grants, "grants")
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    async def drain(self) -> bool:
        """Refuse new streams, let the open ones end, and upload everything.

        Returns True when Blob Storage has everything; else the rest stays in the spool.
        """
        self._health.is_draining = True
        log_event(_log, logging.INFO, "drain_started", count=len(self._connections))
        # The grace period may be cut short: what can be uploaded is uploaded now.
        for stream in list(self._streams):
            self._chores.start(stream.drain(), "stream_drain")
        await self._wait_or_hasten(self._all_ended.wait(), self._settings.drain_grace_seconds)
        for connection in list(self._connections):
            connection.close(
                Close(1001, "the streamer is going away; the call may go on elsewhere")
            )
        try:
            await asyncio.wait_for(self._all_ended.wait(), CLOSE_TIMEOUT_SECONDS)
        except TimeoutError:
            for connection in list(self._connections):
                connection.abort()
            # A stream whose disk accepts nothing cannot end: the next start finishes its files.
            await self._wait_or_hasten(self._all_ended.wait(), self._settings.drain_upload_seconds)
        for server in (self._server, self._health_server):
            if server is not None:
                server.close()
        # The signal that hastened the calls' end does not cut the uploads short; one more does.
        self._hasten.clear()
        await self._wait_or_hasten(
            self._outbox.wait_until_empty(), self._settings.drain_upload_seconds
        )
        await self._chores.stop()
        self._stats.log()
        # A stream's folder remains where the disk did not let the stream end.
        remaining = self._outbox.file_count + len(os.listdir(self._spool.streams))
        await self._outbox.stop()
        await self._storage.close()
        self._spool.close()
        if remaining:
            log_event(_log, logging.ERROR, "drain_failed", count=remaining)
        return not remaining

    def hasten(self) -> None:
        """End what a drain waits for: a second SIGTERM ends the calls, a third the uploads."""
        self._hasten.set()

    async def _wait_or_hasten(self, condition: Awaitable[object], seconds: float) -> None:
        tasks = {
            asyncio.ensure_future(condition),
            asyncio.ensure_future(self._hasten.wait()),
        }
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()

    # Recovery and local development.

    async def _recover_first(self) -> None:
        before = len(self._recovery.folders)
        await asyncio.to_thread(self._recovery.run)
        if before:
            remaining = len(self._recovery.folders)
            log_event(
                _log,
                logging.INFO,
                "streams_recovered",
                count=before - remaining,
                remaining=remaining,
            )

    async def _recover_rest(self) -> None:
        """Finish the streams for which a full disk had no room at the start: uploads make room."""
        loop = asyncio.get_running_loop()
        while self._recovery.folders:
            await asyncio.sleep(_RECOVERY_PAUSE_SECONDS)
            for file in await loop.run_in_executor(self._spool.worker, self._recovery.run):
                self._outbox.add(*file)

    async def _create_containers(self) -> None:
        """Create the containers in Azurite. If it is not up yet, uploads are tried again anyway."""
        from azure.core.exceptions import AzureError

        try:
            await self._storage.create_containers()
        except AzureError as error:
            cause = type(error).__name__
            log_event(_log, logging.WARNING, "container_creation_failed", error=cause)

    # Connections and their streams.

    def _connect(self, admission: Admission) -> Connection:
        """Return a listener of an admitted call's WebSocket. Raises HandshakeRefused."""
        if admission.grant:
            of_grant = sum(c.admission.grant == admission.grant for c in self._connections)
            if of_grant >= self._settings.max_streams_per_grant:
                raise HandshakeRefused(HTTPStatus.TOO_MANY_REQUESTS, "grant_streams")
            if not self._openings.admit(admission.grant):
                raise HandshakeRefused(HTTPStatus.TOO_MANY_REQUESTS, "grant_openings")
        return Connection(
            admission, self._settings.max_message_bytes, self._open_stream, self._end_stream
        )

    def _batch_reads(self) -> None:
        batch_ms = self._settings.read_batch_ms
        # Twice a batch's time, so that an active connection gets a frame between two calls.
        seconds = 2 * batch_ms / 1000 or _RESET_CHECK_SECONDS
        loop = asyncio.get_running_loop()
        lateness = loop.time() - self._batch_due
        self._batch_due = loop.time() + seconds
        loop.call_at(self._batch_due, self._batch_reads)
        if lateness > _STALL_SECONDS:
            self._excuse_peers(lateness)
        for connection in self._connections:
            connection.batch_reads(batch_ms // FRAME_MILLISECONDS)

    def _excuse_peers(self, seconds: float) -> None:
        """Disconnect nobody for what arrived while the event loop stood still.

        A slow disk or a frozen process can stop it for longer than a pong may take. Timers then run
        before sockets are read.
        """
        log_event(_log, logging.WARNING, "event_loop_stalled", seconds=round(seconds, 1))
        for connection in self._connections:
            connection.excuse_pong()

    def _open_stream(self, connection: Connection, admission: Admission) -> Stream:
        """Open a connection's stream. Raises OSError where the spool accepts no files."""
        stream = Stream(
            admission.call_connection_id,
            admission.correlation_id,
            settings=self._settings,
            spool=self._spool,
            outbox=self._outbox,
            request_close=connection.close,
            granted_rate=admission.sample_rate,
            dtmf=admission.dtmf,
        )
        stream.on_begin = partial(self._begin_stream, admission, datetime.now(UTC))
        self._connections.add(connection)
        self._streams.add(stream)
        self._all_ended.clear()
        call = admission.call_connection_id
        log_event(_log, logging.INFO, "stream_opened", call=call, stream=stream.id)
        return stream

    def _begin_stream(self, admission: Admission, opened_at: datetime, stream: Stream) -> None:
        """Upload the marker of a stream with its first packet, or look up its grant."""
        if not admission.is_pending:
            self._chores.start(self._mark(stream), "stream_mark")
            return
        self._pending.add(
            PendingStream(
                stream_id=stream.id,
                call_connection_id=admission.call_connection_id,
                correlation_id=admission.correlation_id,
                grant=admission.grant,
                began_at=opened_at,
            )
        )

    async def _mark(self, stream: Stream) -> None:
        """Write the stream's marker, so that the app knows that a manifest is to come.

        Without one, ACS's events tell it.
        """
        call = stream.call_connection_id
        try:
            await self._storage.mark_stream(call, stream.id)
        except AzureError as error:
            fields = {"call": call, "stream": stream.id, "error": type(error).__name__}
            log_event(_log, logging.WARNING, "stream_mark_failed", exc_info=None, **fields)

    def _close_refused(self, stream_id: str, reason: str) -> None:
        """Close the stream that was admitted while Blob Storage was away and has no grant."""
        for connection in list(self._connections):
            if connection.stream_id == stream_id:
                connection.close(Close(1008, f"the call has no valid grant: {reason}"))

    def _end_stream(self, connection: Connection, stream: Stream, reason: str) -> None:
        self._chores.start(self._end(connection, stream, reason), "stream_end")

    async def _end(self, connection: Connection, stream: Stream, reason: str) -> None:
        fields = {"call": stream.call_connection_id, "stream": stream.id, "reason": reason}
        try:
            await stream.end(reason)
            log_event(_log, logging.INFO, "stream_ended", exc_info=None, **fields)
        except Exception:  # noqa: BLE001  # logged; the files stay in the spool
            # Its files stay in the spool, and the next start finishes them.
            log_event(_log, logging.ERROR, "stream_end_failed", exc_info=True, **fields)
        finally:
            self._connections.discard(connection)
            self._streams.discard(stream)
            if not self._connections:
                self._all_ended.set()
