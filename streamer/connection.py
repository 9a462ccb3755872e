"""One WebSocket connection: frames in, whole messages on to its stream. No I/O, no waiting."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from socket import IPPROTO_TCP, SO_RCVLOWAT, SOL_SOCKET, TCP_INFO
from typing import Any

from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from event_log import log_event
from streamer import metrics
from streamer.close import Close
from streamer.handshake import Admission
from streamer.spool import describe_error
from streamer.stream import Stream

CLOSE_TIMEOUT_SECONDS = 5.0
"""How long a peer may take to answer a close before its connection is dropped."""

_MAX_REASON_BYTES = 120
_TCP_CLOSE = 7
"""The state of a connection that was reset (include/net/tcp_states.h)."""

_log = logging.getLogger(__name__)
# Looked up for every frame.
_TEXT = WSMsgType.TEXT


class Connection(WSListener):
    """The listener of one WebSocket.

    Args:
        admission: The call that the WebSocket streams, also an attribute.
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
        self.admission = admission
        self._max_message_bytes = max_message_bytes
        self._open_stream = open_stream
        self._end_stream = end_stream
        self._fragments: bytearray | None = None
        self._stream: Stream | None = None
        self._transport: WSTransport | None = None
        self._close: Close | None = None
        self._ignores_messages = False
        # Whether a whole text message may go to the stream at once: looked up for every frame.
        self._is_plain = False
        self._handle_message: Callable[[memoryview], Close | None]
        self._last_frame: WSFrame | None = None
        self._can_write = True
        self._unanswered_ping: bytes | None = None
        self._socket: Any = None
        self._low_water_mark = 1

    @property
    def stream_id(self) -> str | None:
        """The id of its stream; None before it is connected."""
        return self._stream.id if self._stream is not None else None

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Open the stream."""
        self._transport = transport
        self._socket = transport.underlying_transport.get_extra_info("socket")
        try:
            self._stream = self._open_stream(self, self.admission)
        except OSError as error:
            metrics.SPOOL_ERRORS.inc()
            call, cause = self.admission.call_connection_id, describe_error(error)
            log_event(_log, logging.ERROR, "stream_open_failed", call=call, error=cause)
            self.close(Close(1013, "the spool accepts no files; try again later"))
            return
        self._handle_message = self._stream.handle_message
        self._is_plain = True

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Hand a whole message to the stream, and close the WebSocket where it says so."""
        if (
            frame.msg_type is _TEXT
            and self._is_plain
            and frame.fin
            and not (frame.rsv1 or frame.rsv2 or frame.rsv3)
        ):
            self._last_frame = frame
            close = self._handle_message(frame.get_payload_as_memoryview())
        else:
            close = self._handle_other_frame(transport, frame)
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

    def pause_writing(self) -> None:
        """Stop answering pings: the peer does not read, and its pongs would fill the memory."""
        self._can_write = False

    def resume_writing(self) -> None:
        """Answer the latest ping; RFC 6455, 5.5.3, allows to leave out the earlier ones."""
        self._can_write = True
        payload, self._unanswered_ping = self._unanswered_ping, None
        if payload is not None and self._transport is not None:
            self._transport.send_pong(payload)

    def close(self, close: Close) -> None:
        """Close the WebSocket with a code and a reason. Only the first call has an effect."""
        if self._close is not None or self._transport is None:
            return
        self._close = close
        # A peer that did nothing wrong may send audio until it answers the close: that is recorded.
        self._ignores_messages = close.code != WSCloseCode.GOING_AWAY.value
        self._is_plain = self._is_plain and not self._ignores_messages
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
        frame, self._last_frame = self._last_frame, None
        mark = 1
        if frame is None:
            self._notice_reset()
        elif not self._close:
            mark = max(1, frames * frame.payload_size)
        if mark != self._low_water_mark:
            self._low_water_mark = mark
            with contextlib.suppress(OSError):  # the socket has just been closed
                self._socket.setsockopt(SOL_SOCKET, SO_RCVLOWAT, mark)

    def excuse_pong(self) -> None:
        """Wait for no pong until the next ping: the peer may have answered, unread until now."""
        if self._transport is not None:
            self._transport.notify_user_specific_pong_received()

    def _notice_reset(self) -> None:
        """Read on where the peer has reset the connection.

        With unread bytes, the event loop reports a reset only once, and the read then returns those
        bytes. Registering the socket again has it reported again, until the read fails.
        """
        with contextlib.suppress(OSError):  # the socket has just been closed
            if self._socket.getsockopt(IPPROTO_TCP, TCP_INFO, 1)[0] != _TCP_CLOSE:
                return
        if self._transport is not None:
            self._transport.underlying_transport.pause_reading()
            self._transport.underlying_transport.resume_reading()

    def abort(self) -> None:
        """Drop the connection."""
        if self._transport is not None:
            self._transport.disconnect(False)

    def _handle_other_frame(self, transport: WSTransport, frame: WSFrame) -> Close | None:
        """Handle a frame that is not a whole text message."""
        if frame.rsv1 or frame.rsv2 or frame.rsv3:
            metrics.PACKETS_MALFORMED.labels("protocol").inc()
            return Close(1002, "a reserved bit is set, but no extension was agreed on")
        match frame.msg_type:
            case WSMsgType.CLOSE:
                self._on_close_frame(transport, frame)
            case WSMsgType.PING if self._can_write:
                transport.send_pong(frame.get_payload_as_bytes())
            case WSMsgType.PING:
                self._unanswered_ping = frame.get_payload_as_bytes()
            case WSMsgType.PONG:
                pass
            case _ if self._stream is not None and not self._ignores_messages:
                return self._add_fragment(self._stream, frame)
        return None

    def _on_close_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if self._close is None:
            self._close = _close_by_picows(transport)
        if self._close is None:
            code = int(frame.get_close_code().value) or 1005
            self._close = Close(code, frame.get_close_reason() or "")
            transport.send_close(WSCloseCode.OK)
        transport.disconnect()

    def _add_fragment(self, stream: Stream, frame: WSFrame) -> Close | None:
        """Handle a message that is binary, or in fragments."""
        if (frame.msg_type is WSMsgType.CONTINUATION) != (self._fragments is not None):
            metrics.PACKETS_MALFORMED.labels("fragments").inc()
            return Close(1002, "a fragment is out of order")
        if frame.msg_type is WSMsgType.BINARY:
            stream.count_irregular("binary", "a media packet in a binary message")
        if self._fragments is None:
            self._fragments = bytearray()
            self._is_plain = False
        if len(self._fragments) + frame.payload_size > self._max_message_bytes:
            metrics.PACKETS_MALFORMED.labels("too_big").inc()
            return Close(1009, "a message is larger than MAX_MESSAGE_BYTES")
        self._fragments += frame.get_payload_as_memoryview()
        if not frame.fin:
            return None
        message, self._fragments = self._fragments, None
        self._is_plain = not self._ignores_messages
        self._last_frame = frame
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
