"""A call of eight hours is assembled in the memory of a small function.

One mixed track: Azurite needs 25 ms a megabyte. With two tracks (1.8 GB) the peak was 145 MiB.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from azure.storage.blob.aio import BlobServiceClient

from calls import blobs
from calls.results import analysis
from contract import names, wav
from contract.manifest import SegmentEntry, encode_manifest, segment_metadata
from local.azurite import Azurite
from tests.calls.sample_streams import SampleStream, conversation, new_call_id

HOURS = 8
SEGMENT_SECONDS = 36  # as long as the conversation
MEMORY_BYTES = 256 * 1024 * 1024
RATE = 16_000

CHILD = """
import asyncio, json, re, sys, time
from azure.storage.blob.aio import BlobServiceClient
from calls.results import assembly
from calls.storage import Storage

async def main(connection, call):
    service = BlobServiceClient.from_connection_string(connection)
    started = time.monotonic()
    result = await assembly.assemble(Storage(service), call)
    await service.close()
    # Not ru_maxrss: that of a new process begins with its parent's.
    peak = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
    seconds = time.monotonic() - started
    print(json.dumps({"peak_bytes": peak * 1024, "seconds": seconds, "done": result is not None}))

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
def azurite_on_disk(tmp_path: Path) -> Iterator[Azurite]:
    """An Azurite that keeps its blobs on disk: two gigabytes are too many for memory."""
    with Azurite(tmp_path / "azurite") as azurite:
        yield azurite


@pytest.mark.timeout(900)
async def test_eight_hours_in_256_mib(azurite_on_disk: Azurite) -> None:
    call = new_call_id()
    stream = SampleStream(call, {None: conversation("caller")}, segment_seconds=SEGMENT_SECONDS)
    count = HOURS * 3600 // SEGMENT_SECONDS
    async with BlobServiceClient.from_connection_string(
        azurite_on_disk.connection_string
    ) as service:
        await upload_call(service, stream, count)
        process = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", CHILD, azurite_on_disk.connection_string, call],
            cwd=Path(__file__).parents[3],
            capture_output=True,
            text=True,
        )
        assert process.returncode == 0, process.stderr
        measured = json.loads(process.stdout)
        assert measured["done"]
        assert measured["peak_bytes"] < MEMORY_BYTES, measured
        print(f"{measured['peak_bytes'] / 2**20:.0f} MiB, {measured['seconds']:.1f} s")
        await check_recording(service, stream, count)


async def upload_call(service: BlobServiceClient, stream: SampleStream, count: int) -> None:
    """Upload the conversation again and again, as segments with analyses and a manifest."""
    for container in (*blobs.CONTAINERS, "files"):
        await service.create_container(container)
    limit = asyncio.Semaphore(8)
    entries: list[SegmentEntry] = []

    async def put(container: str, blob: str, content: bytes) -> None:
        async with limit:
            await service.get_blob_client(container, blob).upload_blob(content)

    async def copy(blob: str, source: str, metadata: dict[str, str]) -> None:
        async with limit:
            client = service.get_blob_client(names.SEGMENTS, blob)
            await client.start_copy_from_url(source, metadata=metadata)

    async with asyncio.TaskGroup() as group:
        for entry in stream.manifest.segments:
            name = entry.name(stream.call, stream.stream_id)
            file = stream.files[name.blob][0]
            analysed = analysis.analyse(name, file)
            await put("files", name.track, file)
            source = service.get_blob_client("files", name.track).url
            for number in range(count):
                start = entry.start + timedelta(seconds=number * SEGMENT_SECONDS)
                moved = msgspec.structs.replace(entry, start=start)
                entries.append(moved)
                moved_name = moved.name(stream.call, stream.stream_id)
                result = analysis.encode_analysis(msgspec.structs.replace(analysed, start=start))
                group.create_task(copy(moved_name.blob, source, segment_metadata(moved)))
                group.create_task(put(blobs.RESULTS, blobs.analysis_blob(moved_name), result))
    manifest = msgspec.structs.replace(stream.manifest, segments=entries)
    await put(names.MANIFESTS, stream.manifest_blob[0], encode_manifest(manifest))


async def check_recording(service: BlobServiceClient, stream: SampleStream, count: int) -> None:
    """Check the recording's length, and its samples at some places."""
    client = service.get_blob_client(blobs.RECORDINGS, blobs.recording_blob(stream.call))
    tracks = list(stream.pcm.values())
    period = len(tracks[0]) * len(tracks)
    properties = await client.get_blob_properties()
    assert properties.size == wav.HEADER_BYTES + period * count
    for number in (0, 1, count // 2, count - 1):
        download = await client.download_blob(wav.HEADER_BYTES + period * number, period)
        samples = memoryview(await download.readall()).cast("h")
        for channel, pcm in enumerate(tracks):
            assert samples.tolist()[channel :: len(tracks)] == memoryview(pcm).cast("h").tolist()
