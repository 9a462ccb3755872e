"""The two receivers that the streamer is measured beside; both only count what came.

``samples``: the way of the official samples: ``websockets``, ``json``, ``base64``; decoding only.
``floor``: ``picows`` on ``uvloop``, counting frames and doing nothing else.

Run as ``python -m benchmarks.receivers samples|floor PORT``; SIGTERM prints the count and ends it.
"""

from __future__ import annotations

import asyncio
import base64
import json
import signal
import sys

import uvloop

frames = 0


async def samples(port: int) -> None:
    """One task a connection, one ``json.loads`` and one ``b64decode`` a frame."""
    from websockets.asyncio.server import ServerConnection, serve

    async def receive(connection: ServerConnection) -> None:
        global frames
        async for message in connection:
            packet = json.loads(message)
            if packet["kind"] == "AudioData":
                base64.b64decode(packet["audioData"]["data"])
                frames += 1

    async with serve(receive, "127.0.0.1", port, compression=None, backlog=1024):
        await _until_told()


async def floor(port: int) -> None:
    """Count text frames."""
    from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_create_server

    class Counter(WSListener):
        def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
            global frames
            if frame.msg_type == WSMsgType.TEXT:
                frames += 1
            elif frame.msg_type == WSMsgType.CLOSE:
                transport.disconnect()

    server = await ws_create_server(lambda _: Counter(), "127.0.0.1", port, backlog=1024)
    await _until_told()
    server.close()


async def _until_told() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("ready", flush=True)
    await stop.wait()


def main() -> None:
    """Serve until SIGTERM, then print how many frames came."""
    name, port = sys.argv[1], int(sys.argv[2])
    if name == "samples":
        # The samples run on asyncio's own loop.
        asyncio.run(samples(port))
    else:
        uvloop.run(floor(port))
    print(json.dumps({"frames": frames}), flush=True)


if __name__ == "__main__":
    main()
