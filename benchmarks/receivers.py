"""The two receivers that the streamer is compared with. Both only count frames.

``microsoft_sample`` decodes as Microsoft's samples do: ``websockets``, ``json`` and ``base64``.
``counting_only`` is ``picows`` on ``uvloop``, and does not decode.

Run as ``python -m benchmarks.receivers NAME PORT``; on SIGTERM it prints the count and ends.
"""

from __future__ import annotations

import asyncio
import base64
import json
import signal
import sys

import uvloop

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
    """Serve, and count text frames."""
    from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_create_server

    class Counter(WSListener):
        def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
            global frames
            if frame.msg_type == WSMsgType.TEXT:
                frames += 1
            elif frame.msg_type == WSMsgType.CLOSE:
                transport.disconnect()

    server = await ws_create_server(lambda _: Counter(), "127.0.0.1", port, backlog=1024)
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
        uvloop.run(counting_only(port))
    print(json.dumps({"frames": frames}), flush=True)


if __name__ == "__main__":
    main()
