"""The outbox, with real Blob Storage: whatever happens to a file, the workers go on."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from contract import names, wav
from contract.manifest import Counts, SegmentEntry
from streamer.checksums import compute_checksums
from streamer.outbox import Outbox
from streamer.settings import load
from streamer.spool import Spool
from streamer.storage import Storage
from streamer.stream_folder import StreamFolder, StreamState
from tests.streamer.conftest import Stored, pcm

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
async def blobs(storage: str) -> AsyncIterator[Storage]:
    blobs = Storage(
        load(
            {
                "AUDIO_STORAGE_CONNECTION_STRING": storage,
                "TOKEN_CHECK": "off",
            }
        )
    )
    await blobs.create_containers()
    yield blobs
    await blobs.close()


def segment(spool: Spool, call: str, number: int) -> tuple[Path, SegmentEntry]:
    """Return a sealed segment, in a stream of its own."""
    state = StreamState(
        call_connection_id=call,
        stream_id=f"20260301T120000{number:03d}Z-0a1b2c3d",
        started_at=START,
    )
    stream = StreamFolder(spool, state)
    file = stream.open_segment("mixed", START, 16_000)
    file.append(pcm(number))
    target = stream.outbox_path(file)
    return target, file.seal(Counts(frames=1), target)


async def put_another(blobs: Storage, name: str) -> None:
    """Put other content where a segment belongs."""
    await blobs.put_once(
        names.SEGMENTS,
        name,
        b"another",
        checksums=compute_checksums(b"another"),
        content_type="audio/wav",
        metadata={},
    )


async def test_a_conflict_that_cannot_be_quarantined_does_not_stop_the_workers(
    blobs: Storage, tmp_path: Path, call: str, stored: Stored
) -> None:
    spool = Spool(tmp_path / "spool", 1 << 30)
    (path, _), other = segment(spool, call, 0), segment(spool, call, 1)
    await put_another(blobs, path.relative_to(spool.outbox / names.SEGMENTS).as_posix())
    # Blocks the quarantine, as a full disk would.
    spool.rejected.write_bytes(b"")
    outbox = Outbox(spool, blobs, 1)
    outbox.start()
    async with asyncio.timeout(20):
        while outbox.file_count > 1:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        assert path.exists()
        spool.rejected.unlink()
        await outbox.wait_until_empty()
    await outbox.stop()
    spool.close()
    name = other[1].name(call, f"20260301T120000{1:03d}Z-0a1b2c3d").blob
    container = stored.service.get_container_client(names.SEGMENTS)
    assert wav.samples(container.download_blob(name).readall()) == pcm(1)
    assert spool.used_bytes == 0


async def test_what_is_rejected_goes_to_a_container_and_not_to_a_disk_that_dies(
    blobs: Storage, tmp_path: Path, call: str, stored: Stored
) -> None:
    spool = Spool(tmp_path / "spool", 1 << 30)
    path, _ = segment(spool, call, 0)
    await put_another(blobs, path.relative_to(spool.outbox / names.SEGMENTS).as_posix())
    outbox = Outbox(spool, blobs, 1)
    outbox.start()
    async with asyncio.timeout(20):
        await outbox.wait_until_empty()
    await outbox.stop()
    container = stored.service.get_container_client(names.REJECTED)
    (name,) = container.list_blob_names(name_starts_with=f"segments/{call}/")
    assert name.startswith(f"segments/{call}/")
    assert wav.samples(container.download_blob(name).readall()) == pcm(0)
    assert not list(spool.outbox.rglob("*.*"))
    assert spool.used_bytes == 0
    spool.close()


async def test_a_segment_that_was_damaged_in_the_spool_holds_nothing_up(
    blobs: Storage, tmp_path: Path, call: str, stored: Stored, caplog: pytest.LogCaptureFixture
) -> None:
    spool = Spool(tmp_path / "spool", 1 << 30)
    path, entry = segment(spool, call, 0)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    outbox = Outbox(spool, blobs, 1)
    outbox.start()
    outbox.add(path, entry)
    async with asyncio.timeout(20):
        await outbox.wait_until_empty()
    await outbox.stop()
    assert not list(
        stored.service.get_container_client(names.SEGMENTS).list_blob_names(
            name_starts_with=f"{call}/"
        )
    )
    container = stored.service.get_container_client(names.REJECTED)
    (name,) = container.list_blob_names(name_starts_with=f"segments/{call}/")
    assert container.download_blob(name).readall() == content
    assert "reason=damaged_in_spool" in caplog.text
    spool.close()


async def test_a_manifest_s_digest_is_in_the_log_too(
    blobs: Storage, tmp_path: Path, call: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The log is another service, with other roles: a second witness of the evidence."""
    caplog.set_level(logging.INFO)
    spool = Spool(tmp_path / "spool", 1 << 30)
    manifest = spool.outbox / names.MANIFESTS / call / "20260301T120000000Z-0a1b2c3d.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_bytes(b"{}")
    outbox = Outbox(spool, blobs, 1)
    outbox.start()
    async with asyncio.timeout(20):
        await outbox.wait_until_empty()
    await outbox.stop()
    digest = hashlib.sha256(b"{}").hexdigest()
    event = f"manifest_uploaded container=manifests call={call} stream={manifest.stem}"
    assert f"{event} sha256={digest}" in caplog.text
    spool.close()


async def test_what_an_earlier_process_rejected_is_uploaded(
    blobs: Storage, tmp_path: Path, call: str, stored: Stored
) -> None:
    spool = Spool(tmp_path / "spool", 1 << 30)
    stream = spool.streams / call / "mixed"
    stream.mkdir(parents=True)
    (stream / "noon.part").write_bytes(bytes(100))
    spool.quarantine(spool.streams / call)
    spool.close()
    spool = Spool(tmp_path / "spool", 1 << 30)
    assert spool.used_bytes == 56
    outbox = Outbox(spool, blobs, 1)
    outbox.start()
    async with asyncio.timeout(20):
        await outbox.wait_until_empty()
    await outbox.stop()
    container = stored.service.get_container_client(names.REJECTED)
    (name,) = container.list_blob_names(name_starts_with=f"streams/{call}/mixed/noon.")
    assert container.download_blob(name).readall() == bytes(100)
    assert spool.used_bytes == 0
    spool.close()
