"""Export many calls as zip files; run it again to go on, or to add the calls since.

    pip install ./clients/python
    export CALLAUDIO_URL=https://... CALLAUDIO_KEY=...
    python examples/bulk_export.py --days 7 --tag complaint --output export

Each call is one file, `CALL.zip`. What is there already is skipped, and a download that was
interrupted goes on where it ended. A call that cannot be exported is reported, and the others go
on; the exit code is then 1.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from callaudio import AsyncClient, Call, CallAudioError, requests

AT_ONCE = 4


async def export(client: AsyncClient, call: Call, folder: Path) -> str:
    """Download a call's export; return what became of it: `new`, `there` or the error."""
    path = folder / f"{call.call_connection_id}.zip"
    if path.exists():
        return "there"
    try:
        await client.download(requests.export(call.call_connection_id), path)
    except CallAudioError as error:
        return str(error)
    return "new"


async def export_all(client: AsyncClient, folder: Path, **filters: Any) -> bool:
    """Export all calls with these filters, a few at once; return whether all are there."""
    is_complete = True
    # A short queue: a list of 100,000 calls is read as it is needed.
    queue: asyncio.Queue[Call | None] = asyncio.Queue(AT_ONCE)

    async def work() -> None:
        nonlocal is_complete
        while call := await queue.get():
            outcome = await export(client, call, folder)
            is_complete &= outcome in ("new", "there")
            print(call.call_connection_id, outcome, flush=True)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(AT_ONCE):
            tasks.create_task(work())
        async for call in client.iterate_calls(result_state="final", **filters):
            await queue.put(call)
        for _ in range(AT_ONCE):
            await queue.put(None)
    return is_complete


async def main() -> int:
    """Run the export; return the exit code."""
    parser = argparse.ArgumentParser(description="Export many calls as zip files.")
    parser.add_argument("--days", type=float, default=7, help="how far to look back")
    parser.add_argument("--tag", action="append", help="only calls with this tag; repeatable")
    parser.add_argument("--participant", help="only calls with this number, raw id or name")
    parser.add_argument("--output", type=Path, default=Path("export"))
    options = parser.parse_args()
    filters: dict[str, Any] = {"from_": datetime.now(UTC) - timedelta(days=options.days)}
    filters |= {"tag": options.tag} if options.tag else {}
    filters |= {"participant": options.participant} if options.participant else {}
    options.output.mkdir(parents=True, exist_ok=True)
    async with AsyncClient.from_environment() as client:
        return 0 if await export_all(client, options.output, **filters) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
