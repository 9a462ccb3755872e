"""The command line of the index: ``rebuild`` and ``check``."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack

from azure.core.exceptions import AzureError

from calls.commands import open_storage, read_storage_settings
from calls.errors import Contended
from calls.index.rebuilding import compare, rebuild
from calls.settings import Settings

DONE, DIFFERS, FAILED = 0, 1, 2
"""The exit codes."""

_MOST_NAMED = 20

_EPILOG = """\
settings (environment variables, as the function app's):
  AudioStorage__blobServiceUri  https://ACCOUNT.blob.core.windows.net; you sign in as the Azure SDK
                                does (az login, or a managed identity), with the role
                                Storage Blob Data Contributor (check: Reader)
  AudioStorage                  a connection string instead (local development)

Both read every record, and the app may run meanwhile.

exit codes:
  0  rebuilt; or checked, and the index is what the records say
  1  checked: calls differ, and are named. Check again, since a call may have changed meanwhile;
     then rebuild
  2  wrong settings, or Blob Storage does not answer
"""


def main(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> int:
    """Rebuild or check the index, print what came of it, and return the exit code."""
    action: str = create_parser().parse_args(arguments).action
    logging.basicConfig(level=logging.CRITICAL)
    try:
        settings = read_storage_settings(os.environ if environment is None else environment)
    except ValueError as error:
        print(error, file=sys.stderr)
        return FAILED
    try:
        return asyncio.run(_run(settings, action))
    except (AzureError, Contended, ValueError) as error:
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        print(f"the index was not {_PAST[action]}: {text}", file=sys.stderr)
        return FAILED


_PAST = {"rebuild": "rebuilt", "check": "checked"}


def create_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m calls.index",
        description="Rebuild the index of calls from the records in Blob Storage, or compare the "
        "two.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("action", choices=list(_PAST), help="what to do")
    return parser


async def _run(settings: Settings, action: str) -> int:
    async with AsyncExitStack() as stack:
        storage, _ = await open_storage(stack, settings)
        if action == "rebuild":
            print(f"rebuilt: {await rebuild(storage)} calls")
            return DONE
        different = await compare(storage)
    print(f"{len(different)} calls differ")
    for call in different[:_MOST_NAMED]:
        print(f"  {call}")
    return DIFFERS if different else DONE
