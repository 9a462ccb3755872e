"""The streamer as a whole: admission, streams, health, and the drain."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from http import HTTPStatus
from pathlib import Path
from socket import SO_RCVLOWAT, SOL_SOCKET
from typing import Any

import msgspec
from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from acs.media import FRAME_MILLISECONDS
from contract.grants import MEDIA_PATH
from streamer import gate, metrics
from streamer.gate import Request, Response
from streamer.handshake import Admitted, Doorkeeper, Refused, verifier_of
from streamer.outbox import Outbox
from streamer.settings import Settings
from streamer.spool import Spool
from streamer.storage import Storage
from streamer.stream import Close, Stream
from streamer.vitals import Vitals

_log = logging.getLogger(__name__)
_RETRY_AFTER = (("Retry-After", "5"),)
_CLOSE_WAIT_SECONDS = 5.0
_RECOVER_SECONDS = 5.0
# Looked up for every frame.
_TEXT = WSMsgType.TEXT
_CLOSE = WSMsgType.CLOSE


class Streamer:
    """The WebSocket server that ACS streams to. Raises SpoolInUse, OSError when it is made."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._spool = Spool(Path(settings.spool_dir), settings.spool_max_bytes)
        self._storage = Storage(settings)
        self._outbox = Outbox(self._spool, self._storage, settings.upload_concurrency)
        self._doorkeeper = Doorkeeper(settings, verifier_of(settings), self._storage)
        self._sockets: set[_Socket] = set()
        self._ending: set[asyncio.Task[None]] = set()
        self._all_ended = asyncio.Event()
        self._all_ended.set()
        self._server: asyncio.Server | None = None
        self._draining = False
        self._hasten = asyncio.Event()
        self._started = time.monotonic()
        self._vitals = Vitals(self._measure)
        self._chores: list[asyncio.Task[None]] = []

    async def start(self) -> tuple[str, int]:
        """Finish what a killed process left, then listen; the address that it listens on."""
        found = len(self._spool.left)
        await asyncio.to_thread(self._spool.recover)
        if found:
            finished = found - len(self._spool.left)
            _log.info("finished %d of %d streams that an earlier process left", finished, found)
        if self._settings.audio_storage_connection_string:
            await self._prepare_laptop()
        self._outbox.start()
        settings = self._settings
        self._batch_reads()
        self._server = await gate.listen(
            settings.host,
            settings.port,
            self._answer,
            gate.Protocol(
                max_frame_bytes=settings.max_message_bytes,
                ping_interval_seconds=settings.ping_interval_seconds,
                handshake_timeout_seconds=settings.handshake_timeout_seconds,
            ),
        )
        self._chores = [
            asyncio.create_task(self._vitals.tell_every(settings.vitals_seconds)),
            asyncio.create_task(self._recover_left()),
        ]
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    async def drain(self) -> bool:
        """Refuse new streams, let the running ones end, finish and upload.

        True when Blob Storage has everything; else the rest is in the spool.
        """
        self._draining = True
        _log.info("draining: %d streams are open", len(self._sockets))
        await self._or_hastened(self._all_ended.wait(), self._settings.drain_grace_seconds)
        for socket in list(self._sockets):
            socket.close(Close(1001, "the streamer is going away; the call may go on elsewhere"))
        try:
            await asyncio.wait_for(self._all_ended.wait(), _CLOSE_WAIT_SECONDS)
        except TimeoutError:
            for socket in list(self._sockets):
                socket.abort()
            # A disk that takes nothing holds a stream's end up: its files wait for the next start.
            await self._or_hastened(self._all_ended.wait(), self._settings.drain_upload_seconds)
        if self._server is not None:
            self._server.close()
        # What hastened the calls' end does not cut the uploads short; one more signal does.
        self._hasten.clear()
        await self._or_hastened(self._outbox.emptied(), self._settings.drain_upload_seconds)
        for chore in self._chores:
            chore.cancel()
        self._vitals.tell()
        # A folder is left where the disk took no end of its stream.
        left = self._outbox.files + len(os.listdir(self._spool.streams))
        await self._outbox.stop()
        await self._storage.close()
        self._spool.release()
        if left:
            _log.error("%d files or streams are not uploaded; the next start uploads them", left)
        return not left

    def hasten(self) -> None:
        """End what a drain waits for now: a second SIGTERM the calls, a third the uploads."""
        self._hasten.set()

    async def _or_hastened(self, wait: object, seconds: float) -> None:
        tasks = {
            asyncio.ensure_future(wait),  # type: ignore[call-overload]
            asyncio.ensure_future(self._hasten.wait()),
        }
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()

    async def _recover_left(self) -> None:
        """Try again to finish what a full disk did not let the start finish: uploads make room."""
        loop = asyncio.get_running_loop()
        while self._spool.left:
            await asyncio.sleep(_RECOVER_SECONDS)
            for file in await loop.run_in_executor(self._spool.worker, self._spool.recover):
                self._outbox.add(*file)

    async def _prepare_laptop(self) -> None:
        """Azurite begins empty; where it is not there yet, uploads are tried again anyway."""
        from azure.core.exceptions import AzureError

        try:
            await self._storage.create_containers()
        except AzureError as error:
            _log.warning("the containers could not be made: %s", type(error).__name__)

    # Requests.

    async def _answer(self, request: Request) -> Response | WSListener:
        path = request.path.partition("?")[0]
        if path.startswith(MEDIA_PATH):
            return await self._handshake(request, path.removeprefix(MEDIA_PATH))
        if request.method not in ("GET", "HEAD"):
            return Response(HTTPStatus.METHOD_NOT_ALLOWED)
        if path == "/healthz":
            return _json(HTTPStatus.OK, {"status": "ok", **self._facts()})
        if path == "/readyz":
            reason = self._unready()
            status = HTTPStatus.SERVICE_UNAVAILABLE if reason else HTTPStatus.OK
            return _json(status, {"status": reason or "ready", **self._facts()})
        if path == "/metrics":
            self._measure()
            return Response(HTTPStatus.OK, metrics.render(), "text/plain; version=0.0.4")
        return Response(HTTPStatus.NOT_FOUND, b"not found\n")

    async def _handshake(self, request: Request, stream_token: str) -> Response | WSListener:
        reason = self._unready()
        if reason:
            return self._refuse(Refused(HTTPStatus.SERVICE_UNAVAILABLE, reason))
        if request.method != "GET" or request.headers.get("Upgrade", "").lower() != "websocket":
            return self._refuse(Refused(HTTPStatus.UPGRADE_REQUIRED, "no_websocket"))
        try:
            admitted = await self._doorkeeper.admit(stream_token, request.headers)
        except Refused as refused:
            return self._refuse(refused)
        # Once more, for others may have come in the meantime. Nobody is given a place before that:
        # a stranger who waits for a key server that is down would keep ACS out of it.
        reason = self._unready()
        if reason:
            return self._refuse(Refused(HTTPStatus.SERVICE_UNAVAILABLE, reason))
        return _Socket(self, admitted)

    def _refuse(self, refused: Refused) -> Response:
        metrics.HANDSHAKES_REFUSED.labels(refused.reason).inc()
        _log.warning("handshake refused: %d %s", refused.status, refused.reason)
        headers = _RETRY_AFTER if refused.status == HTTPStatus.SERVICE_UNAVAILABLE else ()
        return Response(refused.status, refused.reason.encode() + b"\n", headers=headers)

    def _unready(self) -> str | None:
        """Why new streams are refused, or None."""
        if self._draining:
            return "draining"
        if len(self._sockets) >= self._settings.max_streams:
            return "full"
        if self._spool.fullness * 100 >= self._settings.spool_refuse_percent:
            return "spool_full"
        return None

    def _facts(self) -> dict[str, object]:
        age = self._outbox.age_seconds
        return {
            "streams": len(self._sockets),
            "max_streams": self._settings.max_streams,
            "uptime_seconds": round(time.monotonic() - self._started, 1),
            "spool": {
                "bytes": self._spool.used_bytes,
                "max_bytes": self._spool.max_bytes,
                "full_percent": round(self._spool.fullness * 100, 1),
                "error": self._spool.last_error,
            },
            "uploads": {
                "waiting": self._outbox.files,
                "oldest_seconds": round(age, 1),
                "backlog": age > self._settings.spool_max_age_seconds,
                "error": self._outbox.last_error,
            },
        }

    def _measure(self) -> int:
        """Bring the gauges up to date; the streams that are open."""
        metrics.SPOOL_BYTES.set(self._spool.used_bytes)
        metrics.OUTBOX_FILES.set(self._outbox.files)
        metrics.OUTBOX_AGE_SECONDS.set(self._outbox.age_seconds)
        return len(self._sockets)

    # Sockets.

    def _batch_reads(self) -> None:
        seconds = self._settings.read_batch_ms / 1000
        if seconds:
            # Twice the batch, so that a socket that gets frames is seen to get them.
            asyncio.get_running_loop().call_later(2 * seconds, self._batch_reads)
            for socket in self._sockets:
                socket.batch_reads(self._settings.read_batch_ms // FRAME_MILLISECONDS)

    def _opened(self, socket: _Socket, admitted: Admitted) -> Stream:
        """Begin a socket's stream. Raises OSError where the spool takes no files."""
        stream = Stream(
            admitted.call_connection_id,
            admitted.correlation_id,
            settings=self._settings,
            spool=self._spool,
            outbox=self._outbox,
            closed_by=socket.close,
        )
        self._sockets.add(socket)
        self._all_ended.clear()
        _log.info("stream %s of call %s opened", stream.id, admitted.call_connection_id)
        return stream

    def _closed(self, socket: _Socket, stream: Stream, ended_by: str) -> None:
        task = asyncio.get_running_loop().create_task(self._end(socket, stream, ended_by))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _end(self, socket: _Socket, stream: Stream, ended_by: str) -> None:
        try:
            await stream.end(ended_by)
            _log.info("stream %s ended: %r", stream.id, ended_by)
        except Exception:
            # Its files stay in the spool, and the next start finishes them.
            _log.exception("stream %s could not be ended", stream.id)
        finally:
            self._sockets.discard(socket)
            if not self._sockets:
                self._all_ended.set()


class _Socket(WSListener):
    """One WebSocket: frames in, whole messages on to the stream. Does no I/O, returns at once."""

    def __init__(self, streamer: Streamer, admitted: Admitted) -> None:
        self._streamer = streamer
        self._admitted = admitted
        self._limit = streamer._settings.max_message_bytes
        self._fragments: bytearray | None = None
        self._stream: Stream | None = None
        self._transport: WSTransport | None = None
        self._closing: Close | None = None
        self._ignores = False
        self._socket: Any = None
        self._low_water = 1
        self._last_size = 0

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        self._socket = transport.underlying_transport.get_extra_info("socket")
        try:
            self._stream = self._streamer._opened(self, self._admitted)
        except OSError as error:
            metrics.SPOOL_ERRORS.inc()
            _log.error("a stream cannot begin, the spool takes no files: %s", error)
            self.close(Close(1013, "the spool takes no files; try again later"))

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if self._ignores and kind != _CLOSE:
            return
        stream = self._stream
        assert stream is not None
        if kind == _TEXT and frame.fin and self._fragments is None:
            self._last_size = frame.payload_size
            close = stream.message(frame.get_payload_as_memoryview())
            if close is None:
                return
        elif kind == _CLOSE:
            self._peer_closes(transport, frame)
            return
        elif kind in (WSMsgType.PING, WSMsgType.PONG):
            return
        else:
            close = self._fragment(stream, frame)
        if close is not None:
            self.close(close)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        if self._closing is None:
            self._closing = _breach(transport) or Close(1006, "")
        close = self._closing
        metrics.STREAMS_CLOSED.labels(str(close.code)).inc()
        if self._stream is not None:
            self._streamer._closed(self, self._stream, f"{close.code} {close.reason}".strip())

    def close(self, close: Close) -> None:
        """Close with a code and a reason, once."""
        if self._closing is not None or self._transport is None:
            return
        self._closing = close
        # What a peer that did no wrong sends until it answers the close is audio like any other.
        self._ignores = close.code != WSCloseCode.GOING_AWAY.value
        self.batch_reads(0)
        self._transport.send_close(WSCloseCode(close.code), close.reason[:120].encode())
        loop = asyncio.get_running_loop()
        loop.call_later(_CLOSE_WAIT_SECONDS, self._transport.disconnect)

    def batch_reads(self, frames: int) -> None:
        """Be woken for that many frames at once, while they come; else for every byte.

        A wake-up and a read cost more than all that is done with a frame. What lies below the low
        water mark (SO_RCVLOWAT, socket(7)) waits in the kernel, at most until the next call.
        """
        wanted = 1 if self._closing else max(1, frames * self._last_size)
        self._last_size = 0
        if wanted != self._low_water:
            self._low_water = wanted
            with contextlib.suppress(OSError):  # closed just now
                self._socket.setsockopt(SOL_SOCKET, SO_RCVLOWAT, wanted)

    def abort(self) -> None:
        """Drop the connection."""
        if self._transport is not None:
            self._transport.disconnect(False)

    def _peer_closes(self, transport: WSTransport, frame: WSFrame) -> None:
        if self._closing is None:
            self._closing = _breach(transport)
        if self._closing is None:
            code = int(frame.get_close_code().value) or 1005
            self._closing = Close(code, frame.get_close_reason() or "")
            transport.send_close(WSCloseCode.OK)
        transport.disconnect()

    def _fragment(self, stream: Stream, frame: WSFrame) -> Close | None:
        """A message in parts, or a frame that is no text."""
        if frame.msg_type == WSMsgType.BINARY:
            metrics.PACKETS_MALFORMED.labels("binary").inc()
            return Close(1003, "media packets are text messages")
        if (frame.msg_type == WSMsgType.CONTINUATION) != (self._fragments is not None):
            metrics.PACKETS_MALFORMED.labels("fragments").inc()
            return Close(1002, "a fragment out of its order")
        if self._fragments is None:
            self._fragments = bytearray()
        if len(self._fragments) + frame.payload_size > self._limit:
            metrics.PACKETS_MALFORMED.labels("too_big").inc()
            return Close(1009, "a message of more than MAX_MESSAGE_BYTES")
        self._fragments += frame.get_payload_as_memoryview()
        if not frame.fin:
            return None
        whole, self._fragments = self._fragments, None
        return stream.message(whole)


def _breach(transport: WSTransport) -> Close | None:
    """Why picows itself closed a socket: a breach of RFC 6455, counted, or pings unanswered."""
    handshake = transport.close_handshake
    if handshake is None or handshake.sent is None:
        return None
    code = WSCloseCode(handshake.sent.code)
    if code == WSCloseCode.MESSAGE_TOO_BIG:
        metrics.PACKETS_MALFORMED.labels("too_big").inc()
    elif code != WSCloseCode.GOING_AWAY:
        metrics.PACKETS_MALFORMED.labels("protocol").inc()
    return Close(code.value, handshake.sent.reason or "")


def _json(status: HTTPStatus, document: dict[str, object]) -> Response:
    body = msgspec.json.encode(document) + b"\n"
    return Response(status, body, "application/json")
