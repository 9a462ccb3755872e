"""The receivers that the streamer is compared with. All only count frames.

``microsoft_sample`` decodes as Microsoft's samples do: ``websockets``, ``json`` and ``base64``.
``counting_only`` is ``picows`` on ``uvloop``, and does not decode.
``counting_batched`` is the same, but is woken for several frames at once, as the streamer is.

Run as ``python -m benchmarks.receivers NAME PORT``; on SIGTERM it prints the count and ends.
"""

from __future__ import annotations

import asyncio
import base64
import json
import signal
import sys
from socket import SO_RCVLOWAT, SOL_SOCKET

import uvloop

from acs.media import FRAME_MILLISECONDS
from streamer.settings import Settings

frames = 0


async def microsoft_sample(port: int) -> None:
    """Serve with one task per connection, ``json.loads`` and ``b64decode`` per frame."""
    from websockets.asyncio.server import ServerConnection, serve

    async def receive(connection: ServerConnection) -> None:
        global frames
        async for message in connection:
            packet = json.loads(message)
            if packet["kind"] == "AudioData":
                base64.b64decode(packet["audioData"]["data"])
                frames += 1

    async with serve(receive, "127.0.0.1", port, compression=None, backlog=1024):
        await _wait_for_sigterm()


async def counting_only(port: int) -> None:
    """Serve, and count text frames. Each one wakes the process."""
    await _count(port, batch_ms=0)


async def counting_batched(port: int) -> None:
    """Serve, and count text frames, as many to a wake-up as the streamer reads by default."""
    await _count(port, batch_ms=Settings().read_batch_ms)


async def _count(port: int, batch_ms: int) -> None:
    from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_create_server

    counters: set[Counter] = set()

    class Counter(WSListener):
        def on_ws_connected(self, transport: WSTransport) -> None:
            self.socket = transport.underlying_transport.get_extra_info("socket")
            self.mark = 1
            self.last_bytes = 0
            counters.add(self)

        def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
            global frames
            if frame.msg_type == WSMsgType.TEXT:
                frames += 1
                self.last_bytes = frame.payload_size
            elif frame.msg_type == WSMsgType.CLOSE:
                transport.disconnect()

        def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002 (picows's)
            counters.discard(self)

    def batch_reads() -> None:
        # As streamer/connection.py does it.
        loop.call_later(2 * batch_ms / 1000, batch_reads)
        for counter in counters:
            mark = max(1, batch_ms // FRAME_MILLISECONDS * counter.last_bytes)
            counter.last_bytes = 0
            if mark != counter.mark:
                counter.mark = mark
                counter.socket.setsockopt(SOL_SOCKET, SO_RCVLOWAT, mark)

    loop = asyncio.get_running_loop()
    server = await ws_create_server(lambda _: Counter(), "127.0.0.1", port, backlog=1024)
    if batch_ms:
        batch_reads()
    await _wait_for_sigterm()
    server.close()


async def _wait_for_sigterm() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("ready", flush=True)
    await stop.wait()


def main() -> None:
    """Serve until SIGTERM, then print how many frames were received."""
    name, port = sys.argv[1], int(sys.argv[2])
    if name == "microsoft_sample":
        # Microsoft's samples use asyncio's own event loop.
        asyncio.run(microsoft_sample(port))
    else:
        uvloop.run(counting_batched(port) if name == "counting_batched" else counting_only(port))
    print(json.dumps({"frames": frames}), flush=True)


if __name__ == "__main__":
    main()
