"""Clients over a real Azurite, a real ACS emulator, and sample streams in Blob Storage."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from azure.storage.blob.aio import BlobServiceClient

from calls.clients import Clients
from calls.settings import Settings
from local.emulator.server import EmulatorServer
from tests.calls.emulator import create_emulator
from tests.calls.stream_uploader import StreamUploader


@pytest_asyncio.fixture
async def clients(storage: str) -> AsyncIterator[Clients]:
    settings = Settings(
        audio_storage=storage,
        acs_endpoint="http://127.0.0.1:9",
        acs_access_key="AAAA",
        callback_token_check="off",
    )
    clients = Clients(settings)
    await clients.storage.create_containers()
    yield clients
    await clients.close()


@pytest_asyncio.fixture
async def service(storage: str) -> AsyncIterator[BlobServiceClient]:
    async with BlobServiceClient.from_connection_string(storage) as service:
        yield service


@pytest_asyncio.fixture
async def emulator() -> AsyncIterator[EmulatorServer]:
    server = create_emulator()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def uploader(clients: Clients, service: BlobServiceClient) -> StreamUploader:
    return StreamUploader(clients, service)
