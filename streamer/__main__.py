"""``python -m streamer``: run the streamer until SIGTERM or SIGINT, then drain it."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import resource
import signal
import sys

import uvloop

from configuration import SettingsError, table
from event_log import log_event
from streamer.errors import SpoolInUse
from streamer.server import Streamer
from streamer.settings import Settings, load

_SWITCH_SECONDS = 0.0005
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def main(arguments: list[str] | None = None) -> int:
    """Run the streamer. Returns 0 when all was uploaded, 1 otherwise, 2 for wrong settings."""
    _parser().parse_args(arguments)
    try:
        settings = load(os.environ)
    except SettingsError as error:
        print(
            f"streamer: the settings are wrong:\n{error}\n(see python -m streamer --help)",
            file=sys.stderr,
        )
        return 2
    logging.basicConfig(level=settings.log_level.upper(), format=_FORMAT, stream=sys.stderr)
    # The SDKs log every request, with its URL, at info.
    logging.getLogger("azure").setLevel(logging.WARNING)
    logging.getLogger("streamer.http_upgrade.picows").setLevel(logging.WARNING)
    _raise_file_limit()
    try:
        return uvloop.run(_run(settings))
    except (SpoolInUse, OSError) as error:
        print(f"streamer: cannot start: {error}", file=sys.stderr)
        return 1


async def _run(settings: Settings) -> int:
    streamer = Streamer(settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        """Start the drain, or hasten it."""
        if stop.is_set():
            streamer.hasten()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    host, port = await streamer.start()
    log_event(logging.getLogger("streamer"), logging.INFO, "streamer_started", host=host, port=port)
    # All objects so far live on. The collector need not visit them again, which takes tens of ms.
    gc.collect()
    gc.freeze()
    # The event loop gets the interpreter back from the spool's thread sooner than after 5 ms.
    sys.setswitchinterval(_SWITCH_SECONDS)
    print(f"streamer ready on http://{host}:{port}", flush=True)
    await stop.wait()
    return 0 if await streamer.drain() else 1


def _raise_file_limit() -> None:
    """Raise the limit of open files: a stream has a socket, a state file and one for each track."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _parser() -> argparse.ArgumentParser:
    width = max(len(name) for name, _, _ in table(Settings))
    lines = [
        f"  {name:{width}}  {text}" + (f" [{default}]" if default else "")
        for name, default, text in table(Settings)
    ]
    return argparse.ArgumentParser(
        prog="python -m streamer",
        description="The WebSocket server that ACS streams a call's audio to: "
        "it cuts every track into WAV segments and uploads them to Blob Storage.\n"
        "Serves GET /media/{token} (WebSocket), /healthz, /readyz and /metrics.",
        epilog="settings, from the environment [default]:\n" + "\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


if __name__ == "__main__":
    sys.exit(main())
