"""``python -m local up`` and ``python -m local demo``: run the whole system locally."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from pathlib import Path

import msgspec

from local import demo
from local.child_process import StartError
from local.emulator import audio_files
from local.emulator.__main__ import add_audio_option, add_hang_up_option
from local.profile import shared_profile
from local.up import Up, stop_on_signals


def main() -> int:
    """Run a command."""
    options = create_parser().parse_args()
    try:
        if options.command == "up":
            return asyncio.run(_up(options))
        return asyncio.run(demo.run(options.speed, options.audio))
    except (StartError, audio_files.AudioFileError) as error:
        print(f"local {options.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


async def _up(options: argparse.Namespace) -> int:
    for path in options.audio:
        audio_files.check(path)
    stop = stop_on_signals()
    if not options.json:
        print("Starting Azurite, the ACS emulator, the streamer and the Functions host ...")
    up = Up(
        use_free_ports=options.free_ports,
        speed=options.speed,
        data_dir=Path(options.data_dir) if options.data_dir else None,
        audio=options.audio,
        hang_up_at_end=options.hang_up_at_end,
        sign_in=options.sign_in,
    )
    async with up, contextlib.AsyncExitStack() as stack:
        addresses = msgspec.to_builtins(up.addresses)
        if not options.free_ports:
            stack.enter_context(shared_profile(up.addresses.app, up.addresses.function_key))
        if options.json:
            print(msgspec.json.encode(addresses).decode(), flush=True)
        else:
            for name, value in addresses.items():
                print(f"  {name:26} {value}")
            print(f"  {'logs':26} {up.log_dir}")
            print("Ctrl-C stops everything.", flush=True)
        part_ended = asyncio.create_task(up.wait())
        stop_requested = asyncio.create_task(stop.wait())
        await asyncio.wait({part_ended, stop_requested}, return_when=asyncio.FIRST_COMPLETED)
        stop_requested.cancel()
        if not stop.is_set():
            raise StartError(await part_ended)
        part_ended.cancel()
    return 0


def create_parser() -> argparse.ArgumentParser:
    """Create the command line's parser. ``docs/local.md`` describes it; a test compares them."""
    parser = argparse.ArgumentParser(
        prog="python -m local", description="Run Call Audio locally. See docs/local.md."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="run all parts until Ctrl-C or SIGTERM")
    up.add_argument("--json", action="store_true", help="print the addresses as one line of JSON")
    up.add_argument("--free-ports", action="store_true", help="use any free ports")
    _add_speed(up, 1.0)
    up.add_argument(
        "--data-dir", help="keep storage, spool and logs in this folder (default: do not keep them)"
    )
    add_audio_option(up)
    add_hang_up_option(up)
    up.add_argument(
        "--sign-in",
        action="store_true",
        help="let users sign in, without a password, as with Entra ID (function keys do nothing)",
    )
    demonstration = commands.add_parser("demo", help="place two calls and check their results")
    _add_speed(demonstration, 4.0)
    add_audio_option(demonstration)
    return parser


def _add_speed(parser: argparse.ArgumentParser, default: float) -> None:
    parser.add_argument(
        "--speed",
        type=float,
        default=default,
        help="play call audio this many times faster than real time (default: %(default)s)",
    )


if __name__ == "__main__":
    sys.exit(main())
