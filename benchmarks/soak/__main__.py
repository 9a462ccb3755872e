"""``make soak``: run the soak, and say what became of every frame."""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.soak.run import Options, Soak, format_totals

_ROOT = Path(__file__).parents[2]


def main() -> int:
    """Run. Returns 1 where a frame is unaccounted for or there twice, or anything else is wrong."""
    arguments = create_parser().parse_args()
    # Storage goes away on purpose; what that costs is audited.
    logging.getLogger("azure").setLevel(logging.CRITICAL)
    seed = arguments.seed if arguments.seed is not None else random.randrange(1_000_000)
    options = Options(arguments.minutes * 60, seed, arguments.streams, arguments.speed)
    # Not the system's temporary folder, which may be memory or a full partition.
    work_folder = _ROOT / ".local"
    work_folder.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="soak-", dir=work_folder))
    print(
        f"soak: {arguments.minutes:g} min, {options.streams} calls at a time, "
        f"speed {options.speed:g}, seed {seed}",
        flush=True,
    )
    soak = Soak(options, folder, lambda line: print(line, flush=True))
    totals = asyncio.run(soak.run())
    for error in totals.errors:
        print(f"error: {error}", file=sys.stderr)
    print(f"events: {', '.join(f'{name} {n}' for name, n in sorted(soak.events.items()))}")
    print(f"{format_totals(totals)}, streams {totals.streams:,}, seed {seed}")
    if totals.is_well:
        shutil.rmtree(folder)
        return 0
    print(f"logs, spools and Blob Storage are kept in {folder.relative_to(_ROOT)}")
    return 1


def create_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.soak",
        description="Send calls to two streamers while they are killed and Blob Storage is away, "
        "and account for every frame.",
    )
    parser.add_argument("--minutes", type=float, default=60.0, help="how long (default: 60)")
    parser.add_argument("--seed", type=int, help="seed of all choices (default: a random one)")
    parser.add_argument("--streams", type=int, default=20, help="calls at a time (default: 20)")
    parser.add_argument(
        "--speed", type=float, default=1.0, help="how much faster than life (default: 1)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
