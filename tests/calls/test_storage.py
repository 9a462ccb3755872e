"""Blob Storage as the app uses it, against a real Azurite: ETags, ranges, blocks and pages."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio
from azure.core.exceptions import (
    HttpResponseError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob.aio import BlobClient, BlobServiceClient

from calls import blobs
from calls.clients import Clients
from calls.storage import Storage
from contract import names
from tests.calls.counted_requests import count_requests
from tests.calls.lossy_storage import LossyStorage
from tests.calls.sample_streams import new_call_id

CONTAINER = blobs.RECORDINGS


@pytest.fixture
def storage_client(clients: Clients) -> Storage:
    return clients.storage


@pytest_asyncio.fixture
async def storage_with_losses(
    clients: Clients, lossy_storage: LossyStorage
) -> AsyncIterator[Storage]:
    """The app's storage client, whose responses ``lossy_storage`` can lose."""
    lossy_clients = Clients(
        msgspec.structs.replace(clients.settings, audio_storage=lossy_storage.connection_string)
    )
    yield lossy_clients.storage
    await lossy_clients.close()


@pytest.fixture
def blob() -> str:
    return f"{new_call_id()}/blob"


async def test_a_document_is_created_once(storage_client: Storage, blob: str) -> None:
    assert await storage_client.read(CONTAINER, blob) is None
    outcomes = await asyncio.gather(
        *(storage_client.create(CONTAINER, blob, b"%d" % number) for number in range(4))
    )
    (created,) = (number for number, etag in enumerate(outcomes) if etag is not None)
    document = await storage_client.read(CONTAINER, blob)
    assert document is not None
    assert (document.content, document.etag) == (b"%d" % created, outcomes[created])
    properties = await storage_client.properties(CONTAINER, blob)
    assert properties is not None
    assert (properties.content_type, properties.size) == ("application/json", 1)
    assert properties.etag == document.etag


async def test_a_document_is_replaced_only_under_its_etag(
    storage_client: Storage, blob: str
) -> None:
    assert not await storage_client.replace(CONTAINER, blob, b"new", '"0x1"')
    await storage_client.put(CONTAINER, blob, b"old")
    document = await storage_client.read(CONTAINER, blob)
    assert document is not None
    etag = await storage_client.replace(CONTAINER, blob, b"new", document.etag)
    assert not await storage_client.replace(CONTAINER, blob, b"newer", document.etag)
    current = await storage_client.read(CONTAINER, blob)
    assert current is not None
    assert (current.content, current.etag) == (b"new", etag)


async def test_a_document_is_deleted_only_under_its_etag(
    storage_client: Storage, blob: str
) -> None:
    assert not await storage_client.delete(CONTAINER, blob)
    await storage_client.put(CONTAINER, blob, b"old")
    old = await storage_client.read(CONTAINER, blob)
    assert old is not None
    await storage_client.put(CONTAINER, blob, b"new")
    assert not await storage_client.delete(CONTAINER, blob, old.etag)
    assert await storage_client.read(CONTAINER, blob) is not None
    assert await storage_client.delete(CONTAINER, blob)
    assert await storage_client.properties(CONTAINER, blob) is None


async def test_many_writers_append_to_one_blob(storage_client: Storage, blob: str) -> None:
    lines = [f"{number}\n".encode() for number in range(20)]
    await asyncio.gather(*(storage_client.append(CONTAINER, blob, line) for line in lines))
    document = await storage_client.read(CONTAINER, blob)
    assert document is not None
    assert sorted(document.content.splitlines(keepends=True)) == sorted(lines)


async def test_a_full_append_blob_takes_no_block(
    storage_client: Storage, blob: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = HttpResponseError("409")
    error.error_code = "BlockCountExceedsLimit"  # type: ignore[attr-defined]

    async def append_block(*_: object) -> None:
        raise error

    monkeypatch.setattr(BlobClient, "append_block", append_block)
    assert not await storage_client.append(CONTAINER, blob, b"line")
    error.error_code = "AuthorizationFailure"  # type: ignore[attr-defined]
    with pytest.raises(HttpResponseError):
        await storage_client.append(CONTAINER, blob, b"line")


async def test_a_rewritten_blob_keeps_its_content_type_and_metadata(
    storage_client: Storage, service: BlobServiceClient, blob: str
) -> None:
    assert not await storage_client.rewrite(names.SEGMENTS, blob)
    client = service.get_blob_client(names.SEGMENTS, blob)
    await client.upload_blob(b"content", metadata={"samples": "16"})
    before = await storage_client.properties(names.SEGMENTS, blob)
    assert await storage_client.rewrite(names.SEGMENTS, blob)
    after = await storage_client.properties(names.SEGMENTS, blob)
    assert before is not None
    assert after is not None
    assert after.etag != before.etag, "it was written, so that its event is delivered again"
    assert (after.content_type, after.metadata) == (before.content_type, {"samples": "16"})
    document = await storage_client.read(names.SEGMENTS, blob)
    assert document is not None
    assert document.content == b"content"


async def test_a_range_of_a_blob(storage_client: Storage, blob: str) -> None:
    await storage_client.put(CONTAINER, blob, b"0123456789")
    document = await storage_client.read(CONTAINER, blob)
    assert document is not None
    assert await storage_client.read_range(CONTAINER, blob, 3, 4) == b"3456"
    assert await storage_client.read_range(CONTAINER, blob, 3, 4, document.etag) == b"3456"
    await storage_client.put(CONTAINER, blob, b"abc")
    with pytest.raises(ResourceModifiedError):
        await storage_client.read_range(CONTAINER, blob, 0, 1, document.etag)
    await storage_client.delete(CONTAINER, blob)
    with pytest.raises(ResourceNotFoundError):
        await storage_client.read_range(CONTAINER, blob, 0, 1)


@pytest.fixture(params=["blocks", "one request"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How blocks are written: as such, or as a small blob is, by one request."""
    way: str = request.param
    if way == "blocks":
        monkeypatch.setattr("calls.storage._SINGLE_WRITE_BYTES", 0)
    return way


async def write_blocks(
    storage: Storage, blob: str, contents: dict[int, bytes], name: str, etag: str | None = None
) -> int | None:
    """Write blocks; returns the blob's size, or None."""

    async def blocks() -> AsyncIterator[tuple[int, bytes]]:
        for number, content in contents.items():
            yield number, content

    written = await storage.write_in_blocks(
        CONTAINER,
        blob,
        blocks(),
        name=name,
        content_type="audio/wav",
        metadata={"content": name},
        etag=etag,
    )
    return written.size if written else None


async def test_blocks_are_in_the_order_of_their_numbers(
    storage_client: Storage, blob: str, way: str
) -> None:
    assert await write_blocks(storage_client, blob, {2: b"c", 0: b"a", 1: b"b"}, "one") == 3
    document = await storage_client.read(CONTAINER, blob)
    properties = await storage_client.properties(CONTAINER, blob)
    assert document is not None
    assert properties is not None
    assert document.content == b"abc"
    assert (properties.content_type, properties.metadata["content"]) == ("audio/wav", "one")
    digest = None if way == "blocks" else hashlib.sha256(b"abc").hexdigest()
    assert properties.metadata.get("sha256") == digest, "the blocks were staged in another order"


@pytest.mark.parametrize(("sizes", "requests"), [([4], 1), ([1, 3], 1), ([1, 3, 1], 4), ([5], 2)])
async def test_a_small_blob_takes_one_request(
    storage_client: Storage,
    blob: str,
    monkeypatch: pytest.MonkeyPatch,
    sizes: list[int],
    requests: int,
) -> None:
    monkeypatch.setattr("calls.storage._SINGLE_WRITE_BYTES", 4)
    contents = {number: bytes([65 + number]) * size for number, size in enumerate(sizes)}
    with count_requests(storage_client) as counted:
        assert await write_blocks(storage_client, blob, contents, "one") == sum(sizes)
    assert len(counted) == requests
    document = await storage_client.read(CONTAINER, blob)
    assert document is not None
    assert document.content == b"".join(contents.values())


@pytest.mark.usefixtures("way")
async def test_blocks_that_come_in_order_have_the_digest_of_the_blob(
    storage_client: Storage, blob: str
) -> None:
    assert await write_blocks(storage_client, blob, {0: b"a", 1: b"b"}, "one")
    properties = await storage_client.properties(CONTAINER, blob)
    assert properties is not None
    digest = hashlib.sha256(b"ab").hexdigest()
    assert properties.metadata == {"content": "one", "sha256": digest}


@pytest.mark.usefixtures("way")
async def test_blocks_overwrite_only_the_version_that_was_read(
    storage_client: Storage, blob: str
) -> None:
    assert await write_blocks(storage_client, blob, {0: b"a"}, "one")
    properties = await storage_client.properties(CONTAINER, blob)
    assert properties is not None
    assert not await write_blocks(storage_client, blob, {0: b"b"}, "two"), "it exists already"
    assert await write_blocks(storage_client, blob, {0: b"b"}, "two", properties.etag)
    assert not await write_blocks(storage_client, blob, {0: b"c"}, "three", properties.etag)
    document = await storage_client.read(CONTAINER, blob)
    assert document is not None
    assert document.content == b"b"


@pytest.mark.usefixtures("way")
async def test_two_writers_at_once_never_mix_their_blocks(
    storage_client: Storage, blob: str
) -> None:
    contents = {name: {n: name.encode() * 10 for n in range(5)} for name in ("a", "b", "c")}
    outcomes = await asyncio.gather(
        *(write_blocks(storage_client, blob, blocks, name) for name, blocks in contents.items())
    )
    (written,) = (name for name, size in zip(contents, outcomes, strict=True) if size == 50)
    document = await storage_client.read(CONTAINER, blob)
    assert document is not None
    assert document.content == written.encode() * 50


async def test_a_repeated_create_recognizes_its_own_document(
    storage_with_losses: Storage, lossy_storage: LossyStorage, blob: str
) -> None:
    lossy_storage.lose_next_write(blob)
    assert await storage_with_losses.create(CONTAINER, blob, b"ours")
    assert lossy_storage.lost == [201]
    assert not await storage_with_losses.create(CONTAINER, blob, b"ours"), "another write"


async def test_a_repeated_replace_recognizes_its_own_document(
    storage_with_losses: Storage, lossy_storage: LossyStorage, blob: str
) -> None:
    await storage_with_losses.put(CONTAINER, blob, b"old")
    old = await storage_with_losses.read(CONTAINER, blob)
    assert old is not None
    lossy_storage.lose_next_write(blob)
    assert await storage_with_losses.replace(CONTAINER, blob, b"new", old.etag)
    assert lossy_storage.lost == [201]
    assert not await storage_with_losses.replace(CONTAINER, blob, b"new", old.etag), "another write"


async def test_a_repeated_rewrite_recognizes_its_own_write(
    storage_with_losses: Storage, lossy_storage: LossyStorage, blob: str
) -> None:
    await storage_with_losses.put(CONTAINER, blob, b"content")
    lossy_storage.lose_next_write(blob)
    assert await storage_with_losses.rewrite(CONTAINER, blob)
    assert lossy_storage.lost == [201]


@pytest.mark.parametrize("exists", [False, True])
async def test_a_repeated_commit_recognizes_its_own_blocks(
    storage_with_losses: Storage, lossy_storage: LossyStorage, blob: str, way: str, exists: bool
) -> None:
    etag = None
    if exists:
        await storage_with_losses.put(CONTAINER, blob, b"old")
        properties = await storage_with_losses.properties(CONTAINER, blob)
        etag = properties.etag if properties else None
    lossy_storage.lose_next_write(f"{blob}?comp=blocklist" if way == "blocks" else blob)
    assert await write_blocks(storage_with_losses, blob, {0: b"a"}, "one", etag) == 1
    assert lossy_storage.lost == [201]
    assert not await write_blocks(storage_with_losses, blob, {0: b"a"}, "one", etag)


async def test_the_id_of_a_write_is_no_part_of_the_metadata(
    storage_client: Storage, blob: str
) -> None:
    await storage_client.create(CONTAINER, blob, b"content")
    properties = await storage_client.properties(CONTAINER, blob)
    assert properties is not None
    assert properties.metadata == {}


async def test_listings_are_in_order_and_of_one_prefix(storage_client: Storage) -> None:
    call = new_call_id()
    listed = [f"{call}/{number}" for number in range(5)]
    for name in (listed[3], listed[0], listed[4], listed[1], listed[2], f"{call}-other/0"):
        await storage_client.put(CONTAINER, name, name.encode())
    assert await storage_client.blob_names(CONTAINER, f"{call}/") == listed
    properties = await storage_client.listing(CONTAINER, f"{call}/")
    assert list(properties) == listed
    assert {blob.size for blob in properties.values()} == {len(listed[0])}


async def test_pages_follow_each_other(storage_client: Storage) -> None:
    container = blobs.FAILURES
    created = {f"{new_call_id()}.json" for _ in range(5)}
    for name in created:
        await storage_client.put(container, name, b"{}")
    listed: list[str] = []
    cursor: str | None = None
    while True:
        page = await storage_client.page(container, 2, cursor)
        assert len(page.names) <= 2
        listed += page.names
        cursor = page.cursor
        if cursor is None:
            break
    assert listed == sorted(listed)
    assert created <= set(listed)
    for name in created:
        await storage_client.delete(container, name)


async def test_many_documents_are_read_in_their_order(storage_client: Storage) -> None:
    call = new_call_id()
    names = [f"{call}/{number}" for number in range(20)]
    for name in names[::2]:
        await storage_client.put(CONTAINER, name, name.encode())
    documents = await storage_client.read_all(CONTAINER, names, concurrency=3)
    contents = [document.content if document else None for document in documents]
    assert contents == [
        name.encode() if number % 2 == 0 else None for number, name in enumerate(names)
    ]


async def test_creating_the_containers_again_changes_nothing(storage_client: Storage) -> None:
    await storage_client.create_containers()
    await storage_client.create_containers()
    listed = {container.name async for container in storage_client.service.list_containers()}
    assert listed >= set(blobs.CONTAINERS)
