"""A paced load of media streams, cheap enough for a thousand streams from one core.

Run as ``python -m benchmarks.load PORT STREAMS SECONDS``; prints a report as one line of JSON.
Every stream sends a frame each 20 ms, on an absolute schedule. Streams are spread over slots of a
millisecond; all streams of a slot send the same bytes, masked once. Lateness is measured by a ping
right after a frame: its pong shows when the server had handled all frames before it. The load's own
lateness is reported too.
"""

from __future__ import annotations

import base64
import contextlib
import json
import random
import select
import socket
import struct
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

FRAME_SECONDS = 0.02
SLOTS = 20
PING_EVERY_FRAMES = 5
_MASK = b"\x5a\xc3\x17\x8e"


def encode_frame(opcode: int, payload: bytes) -> bytes:
    """Encode a masked client frame (RFC 6455, 5.2)."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
    else:
        head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
    key = (_MASK * (size // 4 + 1))[:size]
    body = (int.from_bytes(payload) ^ int.from_bytes(key)).to_bytes(size)
    return head + _MASK + body


def encode_audio(unix_seconds: float, data: str) -> bytes:
    """Encode an AudioData packet; ``data`` is base64."""
    timestamp = datetime.fromtimestamp(unix_seconds, UTC).isoformat(timespec="milliseconds")
    return (
        '{"kind":"AudioData","audioData":{"timestamp":"'
        + timestamp.replace("+00:00", "Z")
        + '","participantRawID":null,"data":"'
        + data
        + '","silent":false}}'
    ).encode()


def find_pings(received: bytes) -> Iterator[bytes]:
    """Yield the payload of each ping among a server's control frames."""
    while len(received) >= 2:
        size = received[1] & 0x7F
        if received[0] & 0x0F == 9:
            yield received[2 : 2 + size]
        received = received[2 + size :]


METADATA = (
    b'{"kind":"AudioMetadata","audioMetadata":{"subscriptionId":"load","encoding":"PCM",'
    b'"sampleRate":16000,"channels":1,"length":640}}'
)


def connect(port: int, index: int) -> socket.socket:
    """Open a WebSocket as ACS does."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(
        f"GET /media/load HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        f"Sec-WebSocket-Version: 13\r\nx-ms-call-connection-id: load-{index}\r\n"
        f"x-ms-call-correlation-id: load-{index}\r\n\r\n".encode()
    )
    head = b""
    while b"\r\n\r\n" not in head:
        received = connection.recv(4096)
        if not received:
            raise ConnectionError(f"handshake refused: {head!r}")
        head += received
    if b" 101 " not in head.split(b"\r\n")[0]:
        raise ConnectionError(f"handshake refused: {head[:100]!r}")
    connection.setblocking(False)
    return connection


class Load:
    """The sockets, the bytes still to send on them, and the pings without a pong."""

    def __init__(self, port: int, streams: int) -> None:
        self.sockets = [connect(port, index) for index in range(streams)]
        self.backlog: dict[int, bytes] = {}
        self.pings: dict[int, float] = {}
        self.lateness: list[float] = []
        self.sent = 0
        self.poll = select.epoll()
        self.by_fd = {s.fileno(): index for index, s in enumerate(self.sockets)}
        for connection in self.sockets:
            self.poll.register(connection, select.EPOLLIN)
            connection.send(encode_frame(1, METADATA))

    def send(self, index: int, payload: bytes) -> None:
        """Send; keep what a full socket does not accept. Nothing is skipped."""
        data = self.backlog.pop(index, b"") + payload
        try:
            sent = self.sockets[index].send(data)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            self.backlog[index] = data[sent:]

    def receive(self, timeout: float) -> None:
        """Receive for up to ``timeout`` seconds: note pongs, answer pings."""
        for fd, _ in self.poll.poll(max(0.0, timeout)):
            index = self.by_fd[fd]
            received = b""
            with contextlib.suppress(BlockingIOError):
                received = self.sockets[index].recv(4096)
                if not received:
                    raise ConnectionError("the server closed a stream")
            for payload in find_pings(received):
                self.send(index, encode_frame(10, payload))
            ping_time = self.pings.pop(index, None)
            if ping_time is not None:
                self.lateness.append(time.perf_counter() - ping_time)

    def run(self, seconds: float, begin: float) -> float:
        """Send for ``seconds``; return how many seconds late the load was at worst."""
        rng = random.Random(1)
        data = base64.b64encode(rng.randbytes(640)).decode()
        slots = [list(range(slot, len(self.sockets), SLOTS)) for slot in range(SLOTS)]
        ping = encode_frame(9, b"")
        origin = time.time()
        lateness = 0.0
        for number in range(round(seconds / FRAME_SECONDS)):
            for slot, streams in enumerate(slots):
                due = begin + number * FRAME_SECONDS + slot * FRAME_SECONDS / SLOTS
                wait = due - time.perf_counter()
                self.receive(wait)
                while (wait := due - time.perf_counter()) > 0:
                    self.receive(wait)
                lateness = max(lateness, -wait)
                if not streams:
                    continue
                frame = encode_frame(1, encode_audio(origin + number * FRAME_SECONDS, data))
                ping_stream = rng.choice(streams) if number % PING_EVERY_FRAMES == 0 else -1
                for index in streams:
                    if index == ping_stream and index not in self.pings:
                        self.pings[index] = time.perf_counter()
                        self.send(index, frame + ping)
                    else:
                        self.send(index, frame)
                self.sent += len(streams)
        return lateness

    def close(self) -> None:
        """Send what was kept, then a close frame."""
        deadline = time.monotonic() + 30
        while self.backlog and time.monotonic() < deadline:
            for index in list(self.backlog):
                self.send(index, b"")
            time.sleep(0.001)
        for connection in self.sockets:
            connection.setblocking(True)
            connection.settimeout(30)
            connection.sendall(encode_frame(8, b"\x03\xe8"))
        for connection in self.sockets:
            # Closing with unread bytes would reset the connection, and could lose frames.
            while connection.recv(4096):
                pass
            connection.close()


def main() -> None:
    """Open the streams; on a line from stdin send; on another one close and report."""
    port, streams, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    load = Load(port, streams)
    print(json.dumps({"open": streams}), flush=True)
    sys.stdin.readline()
    load_lateness = load.run(seconds, time.perf_counter() + 0.1)
    sent = load.sent
    print(json.dumps({"sent": sent}), flush=True)
    sys.stdin.readline()
    load.close()
    lateness = sorted(load.lateness) or [0.0]
    print(
        json.dumps(
            {
                "sent": sent,
                "unsent_bytes": sum(map(len, load.backlog.values())),
                "load_lateness_ms": load_lateness * 1000,
                "lateness_ms": {
                    "p50": lateness[len(lateness) // 2] * 1000,
                    "p99": lateness[len(lateness) * 99 // 100] * 1000,
                },
                "pings": len(load.lateness),
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    main()
