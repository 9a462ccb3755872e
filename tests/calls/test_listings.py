"""Listings skip, count and log what is not the app's."""

from __future__ import annotations

import pytest
from azure.storage.blob.aio import BlobServiceClient

from calls import blobs, listings
from calls.storage import Storage
from contract import names
from tests.calls.foreign_blobs import add_foreign_blobs
from tests.calls.sample_streams import SampleStream, new_call_id, noise
from tests.calls.stream_uploader import StreamUploader


async def test_only_a_call_s_segments_are_listed(
    uploader: StreamUploader, service: BlobServiceClient, caplog: pytest.LogCaptureFixture
) -> None:
    call = new_call_id()
    stream = SampleStream(call, {None: noise(32_000)}, segment_seconds=1)
    await uploader.upload_segments(stream)
    await add_foreign_blobs(service, names.SEGMENTS, call)
    assert list(await listings.list_segments(uploader.storage, call)) == list(stream.files)
    assert list(await listings.list_segment_names(uploader.storage, call)) == list(stream.files)
    events = [message for message in caplog.messages if "foreign_blobs_skipped" in message]
    first = f"{call}/20261124T120000123Z-0123abcd"
    assert events == [f"foreign_blobs_skipped container=segments count=7 first={first}"] * 2


async def test_a_folder_with_a_segment_s_name_is_not_a_segment(
    uploader: StreamUploader, service: BlobServiceClient
) -> None:
    call = new_call_id()
    (blob,) = SampleStream(call, {None: noise(160)}).files
    client = service.get_blob_client(names.SEGMENTS, blob)
    await client.upload_blob(b"", metadata={"hdi_isfolder": "true"})
    assert await listings.list_segments(uploader.storage, call) == {}


async def test_only_manifests_drafts_markers_and_notes_are_listed(
    uploader: StreamUploader, service: BlobServiceClient
) -> None:
    call = new_call_id()
    ended, drafted, opened = (SampleStream(call, {None: noise(160)}) for _ in range(3))
    await uploader.upload_manifest(ended)
    blob, content = drafted.manifest_blob
    await uploader.storage.put(names.DRAFTS, blob, content)
    marker = names.stream_marker(call, opened.stream_id)
    await uploader.storage.put(names.DRAFTS, marker, b"")
    note = names.NoteName(call, "20261125T100000000Z-0a1b2c3d", "p1")
    await uploader.storage.put(names.DRAFTS, note.blob, b"4:+1")
    for container in (names.MANIFESTS, names.DRAFTS):
        await add_foreign_blobs(service, container, call)
    storage = uploader.storage
    assert await listings.list_manifests(storage, call) == {
        ended.stream_id: f"{call}/{ended.stream_id}.json"
    }
    assert await listings.list_drafts(storage, call) == {drafted.stream_id: blob}
    assert await listings.list_opened_streams(storage, call) == {
        drafted.stream_id,
        opened.stream_id,
        note.stream_id,
    }
    assert await listings.list_notes(storage, call) == {note.blob: note}


async def test_nothing_is_logged_without_foreign_blobs(
    uploader: StreamUploader, caplog: pytest.LogCaptureFixture
) -> None:
    call = new_call_id()
    assert await listings.list_segments(uploader.storage, call) == {}
    assert "foreign_blobs_skipped" not in caplog.text


async def test_documents_that_are_not_the_app_s_are_left_out(
    own_storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    for blob, content in (("a", b"1"), ("b", b"x"), ("c", b"3")):
        await own_storage.put(blobs.FAILURES, blob, content)

    def decode(blob: str, content: bytes) -> str | None:
        return blob + content.decode() if content.isdigit() else None

    numbers = await listings.read_own(own_storage, blobs.FAILURES, ["a", "b", "c", "d"], decode)
    assert numbers == ["a1", "c3"]
    assert "foreign_blobs_skipped container=failures count=1 first=b" in caplog.text
