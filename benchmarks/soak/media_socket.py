"""The sender's end of one media WebSocket: only what ACS does."""

from __future__ import annotations

import asyncio
import socket
import struct

from benchmarks.load import encode_frame
from local.ports import HOST

_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
_CONNECT_SECONDS = 5.0


class HandshakeRefused(Exception):
    """Raised when a streamer does not accept the WebSocket; its status line is the message."""


class MediaSocket(asyncio.Protocol):
    """One open WebSocket.

    Attributes:
        has_ended: Whether nothing can be sent any longer.
        close_code: The code of the streamer's close frame; None where there was none.
        close_reason: The reason in it.
        closed: Set once the connection is gone.
        upgraded: Done once the handshake is accepted.
    """

    def __init__(self) -> None:
        self.has_ended = False
        self.close_code: int | None = None
        self.close_reason = ""
        self.closed = asyncio.Event()
        self.upgraded: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._received = b""
        self._transport: asyncio.Transport | None = None
        self._is_open = False

    @classmethod
    async def open(cls, port: int, call: str, correlation_id: str) -> MediaSocket:
        """Open a WebSocket as ACS does. Raises OSError, HandshakeRefused, TimeoutError."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(_CONNECT_SECONDS):
            transport, media_socket = await loop.create_connection(cls, HOST, port)
            transport.get_extra_info("socket").setsockopt(
                socket.IPPROTO_TCP, socket.TCP_NODELAY, True
            )
            transport.write(
                f"GET /media/soak HTTP/1.1\r\nHost: {HOST}:{port}\r\nUpgrade: websocket\r\n"
                "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                f"Sec-WebSocket-Version: 13\r\nx-ms-call-connection-id: {call}\r\n"
                f"x-ms-call-correlation-id: {correlation_id}\r\n\r\n".encode()
            )
            try:
                await media_socket.upgraded
            except BaseException:
                transport.abort()
                raise
        return media_socket

    def send(self, message: bytes) -> bool:
        """Send a text message; False where the connection is lost already."""
        assert self._transport is not None
        if self._transport.is_closing():
            self.has_ended = True
            return False
        self._transport.write(encode_frame(_TEXT, message))
        return True

    async def close(self) -> None:
        """Send a close frame, and wait until the connection is gone."""
        assert self._transport is not None
        if not self.has_ended:
            self.has_ended = True
            self._transport.write(encode_frame(_CLOSE, struct.pack("!H", 1000)))
        await self.closed.wait()

    def drop(self) -> None:
        """End the connection without a close frame; what was sent still arrives."""
        assert self._transport is not None
        self.has_ended = True
        self._transport.close()

    def reset(self) -> None:
        """Reset the connection (RST); what the streamer has not read yet may be lost."""
        assert self._transport is not None
        self.has_ended = True
        linger = struct.pack("ii", 1, 0)
        self._transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, linger
        )
        self._transport.abort()

    # asyncio.Protocol's methods.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end, whatever ended it."""
        del exc
        self.has_ended = True
        self.closed.set()
        if not self.upgraded.done():
            self.upgraded.set_exception(HandshakeRefused("the connection was closed"))
            # It is known now, also where nobody waits any longer.
            self.upgraded.exception()

    def data_received(self, data: bytes) -> None:
        """Read the handshake's answer, then control frames."""
        self._received += data
        if not self._is_open:
            head, separator, rest = self._received.partition(b"\r\n\r\n")
            if not separator:
                return
            status = head.split(b"\r\n")[0].decode(errors="replace")
            if " 101 " not in status:
                if not self.upgraded.done():
                    self.upgraded.set_exception(HandshakeRefused(status))
                return
            self._is_open, self._received = True, rest
            if not self.upgraded.done():
                self.upgraded.set_result(None)
        # A server's control frames are not masked, and shorter than 126 bytes (RFC 6455, 5.5).
        while len(self._received) >= 2 and len(self._received) >= 2 + self._received[1]:
            opcode, size = self._received[0] & 0x0F, self._received[1]
            payload, self._received = self._received[2 : 2 + size], self._received[2 + size :]
            self._handle_control_frame(opcode, payload)

    def _handle_control_frame(self, opcode: int, payload: bytes) -> None:
        assert self._transport is not None
        if opcode == _PING and not self._transport.is_closing():
            self._transport.write(encode_frame(_PONG, payload))
        elif opcode == _CLOSE:
            if not self.has_ended:
                # Not the answer to a close of ours.
                self.has_ended = True
                self.close_code = int.from_bytes(payload[:2]) if payload else 1005
                self.close_reason = payload[2:].decode(errors="replace")
                self._transport.write(encode_frame(_CLOSE, payload[:2]))
            self._transport.close()
