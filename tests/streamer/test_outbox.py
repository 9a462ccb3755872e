"""The outbox, with real Blob Storage: whatever happens to a file, the workers go on."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError, ServiceRequestError

from contract import names, wav
from contract.manifest import Counts, SegmentEntry
from streamer import outbox as outbox_module
from streamer.checksums import compute_checksums
from streamer.outbox import Outbox
from streamer.settings import load
from streamer.spool import Spool, blob_of
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
    await put_another(blobs, blob_of(path)[1])
    # Blocks the quarantine, as a full disk would.
    spool.rejected.write_bytes(b"")
    outbox = Outbox(spool, blobs, 1)
    outbox.start()
    async with asyncio.timeout(60):
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
    await put_another(blobs, blob_of(path)[1])
    outbox = Outbox(spool, blobs, 1)
    outbox.start()
    async with asyncio.timeout(60):
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
    async with asyncio.timeout(60):
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
    stream = "20260301T120000000Z-0a1b2c3d"
    manifest = spool.outbox_path(names.MANIFESTS, f"{call}/{stream}.json")
    manifest.write_bytes(b"{}")
    outbox = Outbox(spool, blobs, 1)
    outbox.start()
    async with asyncio.timeout(60):
        await outbox.wait_until_empty()
    await outbox.stop()
    digest = hashlib.sha256(b"{}").hexdigest()
    event = f"manifest_uploaded container=manifests call={call} stream={stream}"
    assert f"{event} sha256={digest}" in caplog.text
    spool.close()


async def test_what_an_earlier_process_rejected_is_uploaded(
    blobs: Storage, tmp_path: Path, call: str, stored: Stored
) -> None:
    spool = Spool(tmp_path / "spool", 1 << 30)
    (spool.streams / call).mkdir()
    (spool.streams / call / "mixed~noon.part").write_bytes(bytes(100))
    spool.quarantine(spool.streams / call)
    spool.close()
    spool = Spool(tmp_path / "spool", 1 << 30)
    assert spool.used_bytes == 56
    outbox = Outbox(spool, blobs, 1)
    outbox.start()
    async with asyncio.timeout(60):
        await outbox.wait_until_empty()
    await outbox.stop()
    container = stored.service.get_container_client(names.REJECTED)
    (name,) = container.list_blob_names(name_starts_with=f"streams/{call}/mixed/noon.")
    assert container.download_blob(name).readall() == bytes(100)
    assert spool.used_bytes == 0
    spool.close()


async def test_a_shared_access_signature_is_not_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """aiohttp's message about an answer that is not HTTP ends with the request's URL."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.write(b"hello\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/account"
    connection = f"BlobEndpoint={endpoint};SharedAccessSignature=sv=2025-01-05&sig=secret"
    away = Storage(load({"AUDIO_STORAGE_CONNECTION_STRING": connection, "TOKEN_CHECK": "off"}))
    spool = Spool(tmp_path / "spool", 1 << 30)
    name = "call-1/20260301T120000000Z-0a1b2c3d.json"
    spool.outbox_path(names.MANIFESTS, name).write_bytes(b"{}")
    outbox = Outbox(spool, away, 1)
    outbox.start()
    async with asyncio.timeout(60):
        while outbox.last_error is None:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await outbox.stop()
    await away.close()
    server.close()
    spool.close()
    assert "upload_failed" in caplog.text
    assert "Bad status line" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        (
            "segments~call-1~20260301T120000000Z-0a1b2c3d~mixed~20260301T120000.000Z.0123.wav",
            "call=call-1 stream=20260301T120000000Z-0a1b2c3d",
        ),
        (
            "manifests~call-1~20260301T120000000Z-0a1b2c3d.0123.json",
            "call=call-1 stream=20260301T120000000Z-0a1b2c3d",
        ),
        ("something.0123", 'call="" stream=""'),
    ],
)
async def test_the_log_says_whose_rejected_file_somebody_removed(
    name: str, fields: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = Spool(tmp_path / "spool", 1 << 30)
    outbox = Outbox(spool, AwayStorage([]), 1)
    outbox.start()
    outbox.add(spool.rejected / name)
    async with asyncio.timeout(60):
        await outbox.wait_until_empty()
    await outbox.stop()
    spool.close()
    assert f"file_removed container=rejected {fields} " in caplog.text


def http_error(status: int) -> HttpResponseError:
    """An error that Blob Storage answers with."""
    error = HttpResponseError("refused")
    error.status_code = status
    return error


class AwayStorage(Storage):
    """A Blob Storage that fails its first uploads, and keeps nothing."""

    def __init__(self, failures: list[Exception]) -> None:
        self.failures = failures
        self.attempts: list[str] = []

    async def put_once(self, container: str, blob: str, content: bytes, **options: object) -> None:
        self.attempts.append(blob)
        if self.failures:
            raise self.failures.pop()


async def test_an_outage_costs_one_attempt_of_each_worker_however_many_files_wait(
    tmp_path: Path, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_module, "_FIRST_PAUSE_SECONDS", 3600.0)
    monkeypatch.setattr(outbox_module, "_LONGEST_OUTAGE_PAUSE_SECONDS", 3600.0)
    spool = Spool(tmp_path / "spool", 1 << 30)
    for number in range(30):
        segment(spool, call, number)
    storage = AwayStorage([ServiceRequestError("away")] * 1000)
    outbox = Outbox(spool, storage, 3)
    outbox.start()
    async with asyncio.timeout(60):
        while not storage.attempts:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    assert len(storage.attempts) <= 3
    assert outbox.file_count == 30
    await outbox.stop()
    spool.close()


@pytest.mark.parametrize(
    ("error", "is_outage"),
    [
        (ServiceRequestError("refused"), True),
        (http_error(503), True),
        (http_error(429), True),
        (http_error(403), True),
        (http_error(400), False),
        (OSError("the file cannot be read"), False),
    ],
)
async def test_what_concerns_one_file_holds_up_no_other(
    error: Exception, is_outage: bool, tmp_path: Path, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_module, "_FIRST_PAUSE_SECONDS", 0.01 if is_outage else 3600.0)
    monkeypatch.setattr(outbox_module, "_LONGEST_PAUSE_SECONDS", 3600.0)
    spool = Spool(tmp_path / "spool", 1 << 30)
    for number in range(5):
        segment(spool, call, number)
    storage = AwayStorage([error])
    outbox = Outbox(spool, storage, 1)
    outbox.start()
    left = 0 if is_outage else 1
    async with asyncio.timeout(60):
        while outbox.file_count > left:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    # The one that failed is tried again in its turn, or later where only it pauses.
    assert len(storage.attempts) == 6 - left
    assert storage.attempts[-1] == storage.attempts[0] or not is_outage
    await outbox.stop()
    spool.close()
