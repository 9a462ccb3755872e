"""The app's storage over a real Azurite, and the clients that its handlers are given."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

import pytest
import pytest_asyncio
from azure.storage.blob.aio import BlobServiceClient

from calls.clients import Clients
from calls.pipeline import storage_events
from calls.settings import Settings
from contract import names
from tests.calls.made import MadeStream


@pytest_asyncio.fixture
async def clients(storage: str) -> AsyncIterator[Clients]:
    settings = Settings(
        audio_storage=storage,
        acs_endpoint="http://127.0.0.1:9",
        acs_access_key="AAAA",
        callback_token_check="off",
    )
    made = Clients(settings)
    await made.storage.create_containers()
    yield made
    await made.close()


@pytest_asyncio.fixture
async def service(storage: str) -> AsyncIterator[BlobServiceClient]:
    async with BlobServiceClient.from_connection_string(storage) as service:
        yield service


class Landing:
    """Puts a made stream into Blob Storage and runs the storage_events, in any order."""

    def __init__(self, clients: Clients, service: BlobServiceClient) -> None:
        self.clients = clients
        self._service = service

    async def upload(self, stream: MadeStream, leave_out: Iterable[str] = ()) -> None:
        """Every segment, but for those left out."""
        for blob, (file, metadata) in stream.files.items():
            if blob not in leave_out:
                client = self._service.get_blob_client(names.SEGMENTS, blob)
                await client.upload_blob(file, metadata=metadata, overwrite=True)

    async def manifest(self, stream: MadeStream) -> None:
        """The manifest, and its event."""
        blob, content = stream.manifest_blob
        await self.clients.storage.put(names.MANIFESTS, blob, content)
        await storage_events.assemble_call(self.clients, stream.call)

    async def event(self, stream: MadeStream, blob: str) -> None:
        """The event of one segment."""
        file, metadata = stream.files[blob]
        await storage_events.analyse_segment(self.clients, blob, file, metadata)

    async def all(self, *streams: MadeStream) -> None:
        """Everything, in order."""
        for stream in streams:
            await self.upload(stream)
            for blob in stream.files:
                await self.event(stream, blob)
            await self.manifest(stream)

    async def content(self, container: str, blob: str) -> bytes:
        """A blob's bytes."""
        download = await self._service.get_blob_client(container, blob).download_blob()
        content: bytes = await download.readall()
        return content

    async def delete(self, container: str, blob: str) -> None:
        """Delete a blob."""
        await self._service.get_blob_client(container, blob).delete_blob()


@pytest.fixture
def landing(clients: Clients, service: BlobServiceClient) -> Landing:
    return Landing(clients, service)
