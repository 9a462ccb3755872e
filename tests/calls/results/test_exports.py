"""Exports in Blob Storage: built once, from their order, and gone with it."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import soundfile

from calls import blobs
from calls.clients import Clients
from calls.results import exports
from calls.results.exports import (
    KEEP,
    Order,
    Progress,
    build_export,
    delete_old_exports,
    fail_export,
    order_export,
    read_progress,
    read_zip,
    write_order,
    write_progress,
)
from calls.storage import Storage
from tests import voices
from tests.calls.results.test_renditions import upload
from tests.calls.sample_streams import new_call_id

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
FILES = {"call.json": b"{}"}


async def order(storage: Storage, call: str, kind: str = "wav") -> Order:
    """Upload a recording, and order its export."""
    recording = await upload(storage, call, voices.hum(2, 0.5), kind)
    order = order_export(FILES, recording)
    await write_order(storage, call, order)
    progress = Progress(
        source=order.source, requested_at=NOW, updated_at=NOW, bytes_total=recording.size
    )
    await write_progress(storage, call, progress)
    return order


async def unpack(storage: Storage, call: str) -> dict[str, bytes]:
    document = await storage.read(blobs.RESULTS, blobs.export_zip_blob(call))
    assert document is not None
    with zipfile.ZipFile(io.BytesIO(document.content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


async def names_of(storage: Storage, call: str) -> list[str]:
    prefix = blobs.export_blob(call, "")
    return [name.removeprefix(prefix) for name in await storage.blob_names(blobs.RESULTS, prefix)]


async def test_it_has_the_documents_and_the_recording(clients: Clients) -> None:
    storage, call = clients.storage, new_call_id()
    ordered = await order(storage, call)
    assert await read_zip(storage, call, ordered.source) is None
    assert await build_export(storage, call, ordered.source)
    recording = await storage.read(blobs.RECORDINGS, blobs.recording_blob(call))
    assert recording is not None
    assert await unpack(storage, call) == {**FILES, "recording.wav": recording.content}
    properties = await read_zip(storage, call, ordered.source)
    assert properties is not None
    assert properties.content_type == "application/zip"
    assert await names_of(storage, call) == ["call.zip"], "the order is done"


async def test_a_flac_recording_is_wav_in_it(clients: Clients) -> None:
    storage, call = clients.storage, new_call_id()
    ordered = await order(storage, call, "flac")
    assert await build_export(storage, call, ordered.source)
    file = (await unpack(storage, call))["recording.wav"]
    assert file == voices.wav_file(voices.hum(2, 0.5))
    samples, _ = soundfile.read(io.BytesIO(file), dtype="int16", always_2d=True)
    assert np.array_equal(samples, voices.hum(2, 0.5))


async def test_a_message_that_comes_twice_builds_once(clients: Clients) -> None:
    storage, call = clients.storage, new_call_id()
    ordered = await order(storage, call)
    assert await build_export(storage, call, ordered.source)
    built = await read_zip(storage, call, ordered.source)
    assert not await build_export(storage, call, ordered.source)
    # As if the first run had been interrupted before its end.
    await write_order(storage, call, ordered)
    assert await build_export(storage, call, ordered.source)
    assert await read_zip(storage, call, ordered.source) == built


async def test_an_older_order_s_message_builds_nothing(clients: Clients) -> None:
    storage, call = clients.storage, new_call_id()
    await order(storage, call)
    assert not await build_export(storage, call, "another")
    assert await names_of(storage, call) == ["order", "progress.json"]


async def test_another_recording_is_not_packed_with_the_documents(clients: Clients) -> None:
    storage, call = clients.storage, new_call_id()
    ordered = await order(storage, call)
    await upload(storage, call, voices.hum(2, 0.25))
    assert not await build_export(storage, call, ordered.source)
    assert await names_of(storage, call) == [], "the next request orders it again"


async def test_a_zip_file_goes_if_its_order_has_gone_while_it_was_built(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage, call = clients.storage, new_call_id()
    ordered = await order(storage, call)
    write_zip = exports._write_zip

    async def write_and_lose(storage: Storage, call: str, *arguments: object) -> None:
        await write_zip(storage, call, *arguments)  # type: ignore[arg-type]
        await exports.delete_order(storage, call)

    monkeypatch.setattr(exports, "_write_zip", write_and_lose)
    assert not await build_export(storage, call, ordered.source)
    assert await read_zip(storage, call, ordered.source) is None


async def test_a_newer_zip_file_replaces_the_older_one(clients: Clients) -> None:
    storage, call = clients.storage, new_call_id()
    first = await order(storage, call)
    assert await build_export(storage, call, first.source)
    second = order_export({"call.json": b"[]"}, await upload(storage, call, voices.hum(2, 0.25)))
    assert second.source != first.source
    await write_order(storage, call, second)
    assert await build_export(storage, call, second.source)
    assert await read_zip(storage, call, first.source) is None
    assert (await unpack(storage, call))["call.json"] == b"[]"


async def test_progress_is_written_meanwhile(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage, call = clients.storage, new_call_id()
    monkeypatch.setattr(exports, "_PROGRESS_SECONDS", 0.0)
    written: list[Progress] = []

    async def note(_: Storage, __: str, progress: Progress) -> None:
        written.append(progress)

    ordered = await order(storage, call)
    monkeypatch.setattr(exports, "write_progress", note)
    assert await build_export(storage, call, ordered.source)
    (last,) = written
    assert (last.state, last.source) == ("building", ordered.source)
    assert last.bytes_written == last.bytes_total == len(voices.wav_file(voices.hum(2, 0.5)))


async def test_a_failure_is_noted_for_its_order_only(clients: Clients) -> None:
    storage, call = clients.storage, new_call_id()
    await fail_export(storage, call, "0")
    assert await read_progress(storage, call) is None
    ordered = await order(storage, call)
    await fail_export(storage, call, "another")
    progress = await read_progress(storage, call)
    assert progress is not None
    assert progress.state == "building"
    await fail_export(storage, call, ordered.source)
    progress = await read_progress(storage, call)
    assert progress is not None
    assert progress.state == "failed"


async def test_all_of_an_export_is_deleted_when_it_is_old(clients: Clients) -> None:
    storage, call = clients.storage, new_call_id()
    await order(storage, call)
    assert await delete_old_exports(storage, call, datetime.now(UTC))
    assert await names_of(storage, call) == ["order", "progress.json"]
    later = datetime.now(UTC) + KEEP + timedelta(minutes=1)
    assert not await delete_old_exports(storage, call, later)
    assert await names_of(storage, call) == []
