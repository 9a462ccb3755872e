"""One WebSocket connection: frames in, whole messages on to its stream. No I/O, no waiting."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from socket import SO_RCVLOWAT, SOL_SOCKET
from typing import Any

from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from event_log import log_event
from streamer import metrics
from streamer.handshake import Admission
from streamer.spool import describe_error
from streamer.stream import Close, Stream

CLOSE_TIMEOUT_SECONDS = 5.0
"""How long a peer may take to answer a close before its connection is dropped."""

_MAX_REASON_BYTES = 120
_log = logging.getLogger(__name__)
# Looked up for every frame.
_TEXT = WSMsgType.TEXT
_CLOSE = WSMsgType.CLOSE


class Connection(WSListener):
    """The listener of one WebSocket.

    Args:
        admission: The call that the WebSocket streams.
        max_message_bytes: The largest message that may be assembled from fragments.
        open_stream: Begins the stream, and raises OSError where the spool accepts no files.
        end_stream: Ends the stream once the WebSocket is closed, for a reason.
    """

    def __init__(
        self,
        admission: Admission,
        max_message_bytes: int,
        open_stream: Callable[[Connection, Admission], Stream],
        end_stream: Callable[[Connection, Stream, str], None],
    ) -> None:
        self._admission = admission
        self._max_message_bytes = max_message_bytes
        self._open_stream = open_stream
        self._end_stream = end_stream
        self._fragments: bytearray | None = None
        self._stream: Stream | None = None
        self._transport: WSTransport | None = None
        self._close: Close | None = None
        self._ignores_messages = False
        self._socket: Any = None
        self._low_water_mark = 1
        self._last_message_bytes = 0

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Open the stream."""
        self._transport = transport
        self._socket = transport.underlying_transport.get_extra_info("socket")
        try:
            self._stream = self._open_stream(self, self._admission)
        except OSError as error:
            metrics.SPOOL_ERRORS.inc()
            call, cause = self._admission.call_connection_id, describe_error(error)
            log_event(_log, logging.ERROR, "stream_open_failed", call=call, error=cause)
            self.close(Close(1013, "the spool accepts no files; try again later"))

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Hand a whole message to the stream, and close the WebSocket where it says so."""
        kind = frame.msg_type
        if self._ignores_messages and kind != _CLOSE:
            return
        stream = self._stream
        if stream is None:
            # The spool accepts no files. The peer answers the close.
            self._on_close_frame(transport, frame)
            return
        if kind == _TEXT and frame.fin and self._fragments is None:
            self._last_message_bytes = frame.payload_size
            close = stream.handle_message(frame.get_payload_as_memoryview())
            if close is None:
                return
        elif kind == _CLOSE:
            self._on_close_frame(transport, frame)
            return
        elif kind in (WSMsgType.PING, WSMsgType.PONG):
            return
        else:
            close = self._add_fragment(stream, frame)
        if close is not None:
            self.close(close)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """End the stream."""
        if self._close is None:
            self._close = _close_by_picows(transport) or Close(1006, "")
        close = self._close
        metrics.STREAMS_CLOSED.labels(str(close.code)).inc()
        if self._stream is not None:
            self._end_stream(self, self._stream, f"{close.code} {close.reason}".strip())

    def close(self, close: Close) -> None:
        """Close the WebSocket with a code and a reason. Only the first call has an effect."""
        if self._close is not None or self._transport is None:
            return
        self._close = close
        # A peer that did nothing wrong may send audio until it answers the close: that is recorded.
        self._ignores_messages = close.code != WSCloseCode.GOING_AWAY.value
        self.batch_reads(0)
        reason = close.reason[:_MAX_REASON_BYTES].encode()
        self._transport.send_close(WSCloseCode(close.code), reason)
        loop = asyncio.get_running_loop()
        loop.call_later(CLOSE_TIMEOUT_SECONDS, self._transport.disconnect)

    def batch_reads(self, frames: int) -> None:
        """Wake up for this many frames at once while frames arrive; else for every byte.

        A wake-up and a read cost more than everything else that is done with a frame. Bytes below
        the low-water mark (SO_RCVLOWAT, socket(7)) wait in the kernel, at most until the next call.
        """
        mark = 1 if self._close else max(1, frames * self._last_message_bytes)
        self._last_message_bytes = 0
        if mark != self._low_water_mark:
            self._low_water_mark = mark
            with contextlib.suppress(OSError):  # the socket has just been closed
                self._socket.setsockopt(SOL_SOCKET, SO_RCVLOWAT, mark)

    def abort(self) -> None:
        """Drop the connection."""
        if self._transport is not None:
            self._transport.disconnect(False)

    def _on_close_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if self._close is None:
            self._close = _close_by_picows(transport)
        if self._close is None:
            code = int(frame.get_close_code().value) or 1005
            self._close = Close(code, frame.get_close_reason() or "")
            transport.send_close(WSCloseCode.OK)
        transport.disconnect()

    def _add_fragment(self, stream: Stream, frame: WSFrame) -> Close | None:
        """Handle a frame that is not a whole text message."""
        if frame.msg_type == WSMsgType.BINARY:
            metrics.PACKETS_MALFORMED.labels("binary").inc()
            return Close(1003, "media packets are text messages")
        if (frame.msg_type == WSMsgType.CONTINUATION) != (self._fragments is not None):
            metrics.PACKETS_MALFORMED.labels("fragments").inc()
            return Close(1002, "a fragment is out of order")
        if self._fragments is None:
            self._fragments = bytearray()
        if len(self._fragments) + frame.payload_size > self._max_message_bytes:
            metrics.PACKETS_MALFORMED.labels("too_big").inc()
            return Close(1009, "a message is larger than MAX_MESSAGE_BYTES")
        self._fragments += frame.get_payload_as_memoryview()
        if not frame.fin:
            return None
        message, self._fragments = self._fragments, None
        return stream.handle_message(message)


def _close_by_picows(transport: WSTransport) -> Close | None:
    """Why picows itself closed a WebSocket, or None where it did not.

    It does so for a violation of RFC 6455, which is counted, and for unanswered pings.
    """
    handshake = transport.close_handshake
    if handshake is None or handshake.sent is None:
        return None
    code = WSCloseCode(handshake.sent.code)
    if code == WSCloseCode.MESSAGE_TOO_BIG:
        metrics.PACKETS_MALFORMED.labels("too_big").inc()
    elif code != WSCloseCode.GOING_AWAY:
        metrics.PACKETS_MALFORMED.labels("protocol").inc()
    return Close(code.value, handshake.sent.reason or "")
