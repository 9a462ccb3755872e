"""``python -m local up`` and ``python -m local demo``: the whole system on a laptop."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

import msgspec

from local import demo
from local.up import Up, UpError, stop_on_signals


def main() -> int:
    """Run what was asked for."""
    options = _options()
    try:
        if options.command == "up":
            return asyncio.run(_up(options))
        return asyncio.run(demo.run(options.speed))
    except UpError as error:
        print(f"local {options.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


async def _up(options: argparse.Namespace) -> int:
    stop = stop_on_signals()
    if not options.json:
        print("starting Azurite, the ACS emulator, the streamer and the Functions host ...")
    up = Up(
        use_free_ports=options.free_ports,
        speed=options.speed,
        data_dir=Path(options.data_dir) if options.data_dir else None,
    )
    async with up:
        addresses = msgspec.to_builtins(up.addresses)
        if options.json:
            print(msgspec.json.encode(addresses).decode(), flush=True)
        else:
            for name, value in addresses.items():
                print(f"  {name:26} {value}")
            print(f"  {'logs':26} {up.log_dir}")
            print("Ctrl-C stops it all.", flush=True)
        ended = asyncio.create_task(up.wait())
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not stop.is_set():
            raise UpError(await ended)
        ended.cancel()
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start everything, and stop it on Ctrl-C or SIGTERM")
    up.add_argument("--json", action="store_true", help="print the addresses as one line of JSON")
    up.add_argument("--free-ports", action="store_true", help="take free ports, not the usual")
    up.add_argument("--speed", type=float, default=1.0, help="of call audio, against real time")
    up.add_argument("--data-dir", help="keep storage, spool and logs here (default: nowhere)")
    shown = commands.add_parser("demo", help="place two calls and check what became of them")
    shown.add_argument("--speed", type=float, default=4.0, help="of call audio, against real time")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
