"""The command line of the verification."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack

from azure.core.exceptions import AzureError

from acs.identifiers import is_call_connection_id
from calls.commands import open_storage, read_storage_settings
from calls.settings import Settings
from calls.storage import Storage
from calls.verify.chain import check_chain, read_result
from calls.verify.losses import list_losses
from calls.verify.report import CannotCheck, Report
from calls.verify.samples import check_recording

PROVEN, NOT_PROVEN, CANNOT_CHECK = 0, 1, 2
"""The exit codes."""

_EPILOG = """\
settings (environment variables, as the function app's):
  AudioStorage__blobServiceUri  https://ACCOUNT.blob.core.windows.net; you sign in as the Azure SDK
                                does (az login, or a managed identity), with the role
                                Storage Blob Data Reader
  AudioStorage                  a connection string instead (local development)

exit codes:
  0  proven: everything is as it was streamed
  1  not proven: something differs, and is named
  2  cannot check: wrong settings, no answer from Blob Storage, or a call without a result
"""


def main(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> int:
    """Verify one call, print the report, and return the exit code."""
    call: str = create_parser().parse_args(arguments).call
    logging.basicConfig(level=logging.CRITICAL)
    try:
        if not is_call_connection_id(call):
            raise CannotCheck(f"{call!r} is not a call connection id")
        settings = _load(os.environ if environment is None else environment)
        report = asyncio.run(_verify(settings, call))
    except CannotCheck as error:
        print(f"cannot check: {error}", file=sys.stderr)
        return CANNOT_CHECK
    except AzureError as error:
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        print(f"cannot check: Blob Storage does not answer: {text}", file=sys.stderr)
        return CANNOT_CHECK
    print("\n".join(report.lines()))
    return PROVEN if report.is_proven else NOT_PROVEN


def create_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m calls.verify",
        description="Prove over Blob Storage that a call's recording is what was streamed: the "
        "segments by their manifests, the manifests by the result, the recording by both.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("call", metavar="CALL", help="the call connection id")
    return parser


async def verify_call(storage: Storage, call: str) -> Report:
    """Verify a call over its blobs. Raises CannotCheck, AzureError."""
    report = Report(call)
    result = await read_result(storage, call, report)
    if result is None:
        return report
    chain = await check_chain(storage, result, report)
    await check_recording(storage, result, chain.layout, chain.intact, report)
    if chain.layout is not None:
        report.losses = list_losses(chain.manifests, chain.layout)
    return report


async def _verify(settings: Settings, call: str) -> Report:
    async with AsyncExitStack() as stack:
        try:
            storage, _ = await open_storage(stack, settings)
        except ValueError as error:
            raise CannotCheck(f"the address of Blob Storage is wrong: {error}") from error
        return await verify_call(storage, call)


def _load(environment: Mapping[str, str]) -> Settings:
    """Read the settings of Blob Storage alone. Raises CannotCheck."""
    try:
        return read_storage_settings(environment)
    except ValueError as error:
        raise CannotCheck(str(error)) from error
