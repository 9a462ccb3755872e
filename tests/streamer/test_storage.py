"""Blob Storage as the streamer uses it, against a real Azurite."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from azure.core.exceptions import AzureError, HttpResponseError, ServiceResponseTimeoutError
from azure.core.pipeline.transport import AioHttpTransport
from azure.identity.aio import ManagedIdentityCredential
from azure.storage.blob import (
    AccountSasPermissions,
    BlobServiceClient,
    ResourceTypes,
    generate_account_sas,
)

from contract import names
from contract.grants import decode_grant, encode_grant, new_grant, new_token
from streamer.checksums import compute_checksums
from streamer.errors import BlobConflict, ChecksumMismatch
from streamer.settings import load
from streamer.storage import Storage

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CHECKS_OFF = {"TOKEN_CHECK": "off", "GRANT_CHECK": "off"}


async def put(storage_client: Storage, blob: str, content: bytes) -> None:
    await storage_client.put_once(
        names.SEGMENTS,
        blob,
        content,
        checksums=compute_checksums(content),
        content_type="audio/wav",
        metadata={"rate": "16000"},
    )


def connect_to(server: asyncio.Server) -> dict[str, str]:
    """Return the setting that has the storage client connect to a server of the test."""
    endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/account"
    connection = f"AccountName=account;AccountKey=a2V5;BlobEndpoint={endpoint}"
    return {"AUDIO_STORAGE_CONNECTION_STRING": connection}


@pytest.fixture
async def storage_client(storage: str) -> AsyncIterator[Storage]:
    storage_client = Storage(load({"AUDIO_STORAGE_CONNECTION_STRING": storage, **CHECKS_OFF}))
    await storage_client.create_containers()
    yield storage_client
    await storage_client.close()


@pytest.fixture
def service(storage: str) -> BlobServiceClient:
    return BlobServiceClient.from_connection_string(storage)


@pytest.fixture
def token(storage_client: Storage, service: BlobServiceClient) -> str:
    """A stream token that has an unbound grant."""
    token = new_token()
    blob = service.get_blob_client(names.GRANTS, names.grant_blob(token))
    blob.upload_blob(encode_grant(new_grant(NOW)))
    return token


async def test_a_blob_has_its_content_type_checksum_and_metadata(
    storage_client: Storage, service: BlobServiceClient, call: str
) -> None:
    await put(storage_client, f"{call}/blob", b"audio")
    download = service.get_blob_client(names.SEGMENTS, f"{call}/blob").download_blob()
    assert download.readall() == b"audio"
    settings = download.properties.content_settings
    assert settings.content_type == "audio/wav"
    digest = hashlib.sha256(b"audio").hexdigest()
    assert download.properties.metadata == {"rate": "16000", "sha256": digest}


async def test_the_same_content_may_be_put_again(storage_client: Storage, call: str) -> None:
    await put(storage_client, f"{call}/blob", b"audio")
    await put(storage_client, f"{call}/blob", b"audio")


async def test_other_content_is_a_conflict_and_is_not_written(
    storage_client: Storage, service: BlobServiceClient, call: str
) -> None:
    await put(storage_client, f"{call}/blob", b"audio")
    with pytest.raises(BlobConflict, match=f"{names.SEGMENTS}/{call}/blob exists"):
        await put(storage_client, f"{call}/blob", b"other")
    blob = service.get_blob_client(names.SEGMENTS, f"{call}/blob")
    assert blob.download_blob().readall() == b"audio"


async def test_content_that_was_damaged_on_its_way_is_not_written(
    storage_client: Storage, service: BlobServiceClient, call: str
) -> None:
    with pytest.raises(ChecksumMismatch, match=f"{names.SEGMENTS}/{call}/blob"):
        await storage_client.put_once(
            names.SEGMENTS,
            f"{call}/blob",
            b"damaged",
            checksums=compute_checksums(b"audio"),
            content_type="audio/wav",
            metadata={},
        )
    assert not service.get_blob_client(names.SEGMENTS, f"{call}/blob").exists()


async def test_a_blob_that_somebody_else_wrote_is_a_conflict(
    storage_client: Storage, service: BlobServiceClient, call: str
) -> None:
    service.get_blob_client(names.SEGMENTS, f"{call}/blob").upload_blob(b"audio")
    with pytest.raises(BlobConflict):
        await put(storage_client, f"{call}/blob", b"audio")


async def test_a_blob_is_written_by_one_request(
    storage_client: Storage, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In blocks, which the SDK uses for long content, one checksum would not fit."""
    requests: list[tuple[str, str]] = []
    send = AioHttpTransport.send

    async def count(transport: AioHttpTransport, request: Any, **options: Any) -> Any:
        requests.append((request.method, request.url.rpartition(f"{names.SEGMENTS}/")[2]))
        return await send(transport, request, **options)

    monkeypatch.setattr(AioHttpTransport, "send", count)
    await put(storage_client, f"{call}/blob", bytes(65 * 1024 * 1024))
    assert requests == [("PUT", f"{call}/blob")]


async def test_another_refusal_is_left_to_the_outbox(storage_client: Storage, call: str) -> None:
    with pytest.raises(HttpResponseError, match="ContainerNotFound"):
        await storage_client.put_once(
            "missing",
            f"{call}/blob",
            b"audio",
            checksums=compute_checksums(b"audio"),
            content_type="audio/wav",
            metadata={},
        )


async def test_an_unreachable_service_is_an_error_at_once() -> None:
    connections = 0

    def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writer.transport.abort()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    storage_client = Storage(load({**connect_to(server), **CHECKS_OFF}))
    with pytest.raises(AzureError):
        await put(storage_client, "blob", b"audio")
    await storage_client.close()
    server.close()
    # A quick retry of the SDK; for each, one of the HTTP client. The SDK's default would be eight.
    assert connections <= 4, "the outbox waits between attempts, not the SDK"


async def test_a_service_that_reads_nothing_does_not_keep_a_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """aiohttp limits the wait for an answer, and not the wait for room to send the content."""

    writers: list[asyncio.StreamWriter] = []

    def read_nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writers.append(writer)

    server = await asyncio.start_server(read_nothing, "127.0.0.1", 0)
    storage_client = Storage(load({**connect_to(server), **CHECKS_OFF}))
    monkeypatch.setattr(storage_client, "_timeout", 0.2)
    monkeypatch.setattr("streamer.storage._SLOWEST_BYTES_PER_SECOND", 1 << 30)
    # The limit of this test is that of a hang.
    async with asyncio.timeout(120):
        with pytest.raises(ServiceResponseTimeoutError, match="did not answer"):
            await put(storage_client, "blob", bytes(64 * 1024 * 1024))
    await storage_client.close()
    for writer in writers:
        writer.transport.abort()
    server.close()


@pytest.mark.parametrize("refusal", ["403 Forbidden", "409 Conflict", "412 Precondition Failed"])
async def test_whatever_the_refusal_a_blob_that_holds_the_same_content_is_no_error(
    refusal: str,
) -> None:
    digest = hashlib.sha256(b"audio").hexdigest()
    answers = {b"PUT": refusal, b"HEAD": f"200 OK\r\nx-ms-meta-sha256: {digest}"}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method, _, _ = (await reader.readuntil(b"\r\n\r\n")).partition(b" ")
        if method == b"PUT":
            await reader.readexactly(len(b"audio"))
        head = f"HTTP/1.1 {answers[method]}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        writer.write(head.encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    storage_client = Storage(load({**connect_to(server), **CHECKS_OFF}))
    await put(storage_client, "blob", b"audio")
    with pytest.raises(BlobConflict):
        await put(storage_client, "blob", b"other")
    await storage_client.close()
    server.close()


async def test_a_stream_is_marked(
    storage_client: Storage, service: BlobServiceClient, call: str
) -> None:
    stream = names.new_stream_id(NOW)
    for _ in range(2):
        await storage_client.mark_stream(call, stream)
    drafts = service.get_container_client(names.DRAFTS)
    (marker,) = drafts.list_blob_names(name_starts_with=f"{call}/")
    assert names.parse_marker(marker) == names.ManifestName(call, stream)


async def test_rights_to_add_and_read_are_enough_except_for_grants(
    storage: str, service: BlobServiceClient, storage_client: Storage, call: str
) -> None:
    """As with the streamer's role in Azure, which may not overwrite."""
    signature = generate_account_sas(
        str(service.account_name),
        service.credential.account_key,
        ResourceTypes(object=True),
        AccountSasPermissions(read=True, create=True),
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )
    connection = f"BlobEndpoint={service.primary_endpoint};SharedAccessSignature={signature}"
    adder = Storage(load({"AUDIO_STORAGE_CONNECTION_STRING": connection, **CHECKS_OFF}))
    stream = names.new_stream_id(NOW)
    for _ in range(2):
        await put(adder, f"{call}/blob", b"audio")
        await adder.mark_stream(call, stream)
    with pytest.raises(BlobConflict):
        await put(adder, f"{call}/blob", b"other")
    blob = adder._service.get_blob_client(names.SEGMENTS, f"{call}/blob")
    with pytest.raises(HttpResponseError, match="AuthorizationPermissionMismatch"):
        await blob.upload_blob(b"other", overwrite=True)
    with pytest.raises(HttpResponseError, match="AuthorizationPermissionMismatch"):
        await blob.delete_blob()
    await adder.close()


async def test_a_refusal_without_a_blob_is_left_to_the_outbox(
    service: BlobServiceClient, storage_client: Storage, call: str
) -> None:
    signature = generate_account_sas(
        str(service.account_name),
        service.credential.account_key,
        ResourceTypes(object=True),
        AccountSasPermissions(read=True),
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )
    connection = f"BlobEndpoint={service.primary_endpoint};SharedAccessSignature={signature}"
    reader = Storage(load({"AUDIO_STORAGE_CONNECTION_STRING": connection, **CHECKS_OFF}))
    with pytest.raises(HttpResponseError, match="AuthorizationPermissionMismatch"):
        await put(reader, f"{call}/blob", b"audio")
    await reader.close()


async def test_a_token_without_a_grant(storage_client: Storage) -> None:
    assert await storage_client.read_grant(names.grant_blob(new_token())) is None


async def test_a_grant_that_cannot_be_decoded(
    storage_client: Storage, service: BlobServiceClient, token: str
) -> None:
    blob = service.get_blob_client(names.GRANTS, names.grant_blob(token))
    blob.upload_blob(b"{}", overwrite=True)
    with pytest.raises(msgspec.DecodeError):
        await storage_client.read_grant(names.grant_blob(token))


async def test_a_grant_is_bound_once(
    storage_client: Storage, service: BlobServiceClient, token: str
) -> None:
    read = await storage_client.read_grant(names.grant_blob(token))
    assert read is not None
    grant, etag = read
    assert grant == new_grant(NOW)
    bound, other = (
        msgspec.structs.replace(grant, call_connection_id=call) for call in ("call", "other")
    )
    assert await storage_client.bind_grant(names.grant_blob(token), bound, etag)
    is_bound = await storage_client.bind_grant(names.grant_blob(token), other, etag)
    assert not is_bound, "the ETag has changed"
    blob = service.get_blob_client(names.GRANTS, names.grant_blob(token))
    assert decode_grant(blob.download_blob().readall()) == bound


async def test_containers_that_exist_are_kept(storage_client: Storage, call: str) -> None:
    await put(storage_client, f"{call}/blob", b"audio")
    await storage_client.create_containers()
    with pytest.raises(BlobConflict):
        await put(storage_client, f"{call}/blob", b"other")


@pytest.mark.parametrize("client_id", ["", "0f7a5d1e-0000-0000-0000-000000000000"])
async def test_without_a_connection_string_the_managed_identity_is_used(client_id: str) -> None:
    uri = {"AUDIO_STORAGE_BLOB_SERVICE_URI": "https://account.blob.core.windows.net"}
    storage_client = Storage(load({**uri, "AZURE_CLIENT_ID": client_id, **CHECKS_OFF}))
    assert isinstance(storage_client._credential, ManagedIdentityCredential)
    await storage_client.close()
