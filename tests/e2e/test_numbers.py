"""Phone numbers leave logs, URLs, metrics and blob names; and the scan for them finds one."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from azure.storage.blob import BlobServiceClient

from local.client import AppClient, is_assembled, state_is, streaming_is
from local.up import Up
from tests.e2e.numbers import find_numbers, used_numbers
from tests.e2e.ringing import wait_for_audio

pytestmark = pytest.mark.asyncio(loop_scope="session")

NUMBERS = {"to": "+15557654321", "from": "+15551234567"}


async def test_no_number_is_in_a_name_and_a_planted_one_is_found(
    app: AppClient, up: Up, faults: aiohttp.ClientSession
) -> None:
    """The fixture ``up`` scans again when all tests of its worker have run."""
    call = (await app.place_call(**NUMBERS, channels="unmixed"))["call_connection_id"]
    await app.until(call, streaming_is("active"), "streaming starts")
    await wait_for_audio(faults, call, 192_000)
    await app.hang_up(call)
    await app.until(call, state_is("disconnected"), "the call ends")
    record = await app.until(call, lambda record: is_assembled(record, 1), "the result")
    (stream,) = record["streams"]
    ids = {segment["track"]: segment["participant"] for segment in stream["segments"]}
    assert sorted(ids) == ["p1", "p2"]
    assert sorted(ids.values()) == sorted("4:" + number for number in NUMBERS.values())
    for path in ("timeline", "segments/p1/0", "transcript", "recording"):
        await app.request("HEAD" if path != "timeline" else "GET", f"/api/v1/calls/{call}/{path}")
    for part in ("app", "emulator"):
        assert ' "GET /' in (up.log_dir / f"{part}.log").read_text(), "requests are in the logs"
    assert await asyncio.to_thread(find_numbers, up) == {}
    await asyncio.to_thread(plant, up, call)


def plant(up: Up, call: str) -> None:
    """Put a number into each kind of place, see that the scan finds all, and take them out."""
    connection = up.addresses.storage_connection_string
    number = NUMBERS["to"].removeprefix("+")
    log = up.log_dir / "planted.log"
    with BlobServiceClient.from_connection_string(connection) as service:
        assert {number, NUMBERS["from"].removeprefix("+")} <= used_numbers(service)
        container = service.get_container_client("rejected")
        name, metadata, tags = (f"{call}/{kind}" for kind in (number, "metadata", "tags"))
        try:
            container.upload_blob(name, b"")
            container.upload_blob(metadata, b"", metadata={"track": number})
            container.upload_blob(tags, b"", tags={"who": number})
            log.write_text(
                f'request "GET /api/v1/calls?to=%2B{number} HTTP/1.1" status=200\n'
                "call_placed call=1 to=callee\ncall_placed call=1 to=+***21\n"
            )
            blobs = {f"blob rejected/{blob}" for blob in (name, metadata, tags)}
            assert find_numbers(up).keys() == blobs | {"planted.log:1", "planted.log:3"}
        finally:
            log.unlink(missing_ok=True)
            for blob in container.list_blob_names(name_starts_with=f"{call}/"):
                container.delete_blob(blob)
