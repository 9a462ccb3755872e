"""``python -m local.emulator``: Azure Communication Services Call Automation, emulated."""

from __future__ import annotations

import argparse
import asyncio
import base64
import logging
import os
import secrets
import signal
import sys
from pathlib import Path

from local.emulator import audio_files
from local.emulator.server import EmulatorServer
from local.emulator.settings import ISSUER, EmulatorSettings

_KEY = "ACS_EMULATOR_ACCESS_KEY"
_INCOMING_WEBHOOK = "ACS_EMULATOR_INCOMING_WEBHOOK"


def main() -> int:
    """Run until SIGTERM or SIGINT."""
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    # websockets logs the transport URL, and so the stream token.
    logging.getLogger("websockets").setLevel(logging.ERROR)
    settings = _read_settings()
    try:
        for path in settings.audio:
            audio_files.check(path)
        asyncio.run(_run(settings))
    except (OSError, audio_files.AudioFileError) as error:
        print(f"emulator: cannot start: {error}", file=sys.stderr)
        return 1
    return 0


async def _run(settings: EmulatorSettings) -> None:
    server = EmulatorServer(settings)
    await server.start()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    print(f"ACS emulator on {server.endpoint}", flush=True)
    if _KEY not in os.environ:
        print(f"access key: {settings.access_key}", flush=True)
    await stop.wait()
    await server.stop()


def create_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m local.emulator",
        description="Emulate Azure Communication Services Call Automation. See docs/local.md.",
        epilog=f"Environment: {_KEY} is the access key, in base64 (default: a random one, which "
        f"is printed). {_INCOMING_WEBHOOK} is the webhook that IncomingCall events are posted to.",
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: %(default)s)"
    )
    parser.add_argument(
        "--port",
        type=int,
        default=8090,
        help="port to listen on; 0: a free one (default: %(default)s)",
    )
    parser.add_argument(
        "--resource-id",
        default="00000000-0000-4000-8000-000000000acs",
        help="immutable resource id: the audience of tokens (default: %(default)s)",
    )
    parser.add_argument("--issuer", default=ISSUER, help="issuer of tokens (default: %(default)s)")
    parser.add_argument(
        "--speed",
        type=float,
        default=1.0,
        help="play call audio this many times faster than real time (default: %(default)s)",
    )
    parser.add_argument(
        "--answer-seconds",
        type=float,
        default=0.2,
        help="seconds until a placed call is answered (default: %(default)s)",
    )
    parser.add_argument(
        "--ring-seconds",
        type=float,
        default=30.0,
        help="seconds that an incoming call rings (default: %(default)s)",
    )
    parser.add_argument(
        "--redelivery-seconds",
        type=float,
        default=10.0,
        help="seconds until a failed IncomingCall event is sent again (default: %(default)s)",
    )
    parser.add_argument(
        "--prompts",
        type=Path,
        default=Path("local/conversation"),
        metavar="FOLDER",
        help="folder of the audio files that the app plays into calls, named by the last part of "
        "their URL (default: %(default)s)",
    )
    add_audio_option(parser)
    add_hang_up_option(parser)
    return parser


def add_audio_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--audio``: what calls play. The commands of ``python -m local`` have it, too."""
    parser.add_argument(
        "--audio",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="play these audio files in calls: the caller's, the callee's, then those of further "
        "participants (default: a recorded conversation)",
    )


def add_hang_up_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--hang-up-at-end``; ``python -m local up`` has it, too."""
    parser.add_argument("--hang-up-at-end", action="store_true", help="hang up when the audio ends")


def _read_settings() -> EmulatorSettings:
    options = create_parser().parse_args()
    key = os.environ.get(_KEY) or base64.b64encode(secrets.token_bytes(32)).decode()
    return EmulatorSettings(
        access_key=key,
        resource_id=options.resource_id,
        host=options.host,
        port=options.port,
        issuer=options.issuer,
        speed=options.speed,
        answer_seconds=options.answer_seconds,
        hang_up_at_end=options.hang_up_at_end,
        incoming_webhook=os.environ.get(_INCOMING_WEBHOOK, ""),
        ring_seconds=options.ring_seconds,
        redelivery_seconds=options.redelivery_seconds,
        audio=tuple(options.audio),
        prompts=options.prompts,
    )


if __name__ == "__main__":
    sys.exit(main())
