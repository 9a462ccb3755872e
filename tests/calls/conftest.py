"""Clients over a real Azurite, a real ACS emulator, and sample streams in Blob Storage."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio
from azure.storage.blob.aio import BlobServiceClient

from calls import blobs
from calls.clients import Clients, call_automation_client
from calls.pipeline import transcription
from calls.settings import Settings
from calls.storage import Storage
from calls.transcripts.engine import Engine
from local.azurite import Azurite
from local.emulator.server import EmulatorServer
from tests.calls.emulator import ACCESS_KEY, create_emulator
from tests.calls.engines import UseEngine
from tests.calls.lossy_storage import LossyStorage
from tests.calls.stream_uploader import StreamUploader


@pytest_asyncio.fixture
async def clients(storage: str) -> AsyncIterator[Clients]:
    settings = Settings(
        audio_storage=storage,
        acs_endpoint="http://127.0.0.1:9",
        acs_access_key="AAAA",
        callback_token_check="off",
        # Tests share one storage; tests of the limits set them.
        max_concurrent_calls=0,
        max_calls_per_day=0,
    )
    clients = Clients(settings)
    await clients.storage.create_containers()
    yield clients
    await clients.close()


@pytest_asyncio.fixture
async def own_storage(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> Storage:
    """The clients' storage, with other containers for records and index than those of all tests."""
    for name in ("CALLS", "INDEX"):
        container = f"{name.lower()}-{uuid.uuid4().hex}"
        monkeypatch.setattr(blobs, name, container)
        await clients.storage.service.create_container(container)
    return clients.storage


@pytest_asyncio.fixture
async def service(storage: str) -> AsyncIterator[BlobServiceClient]:
    async with BlobServiceClient.from_connection_string(storage) as service:
        yield service


@pytest_asyncio.fixture
async def lossy_storage(azurite: Azurite) -> AsyncIterator[LossyStorage]:
    """The run's Azurite behind a proxy that can lose responses."""
    lossy_storage = LossyStorage(azurite)
    await lossy_storage.start()
    yield lossy_storage
    await lossy_storage.stop()


@pytest_asyncio.fixture
async def emulator() -> AsyncIterator[EmulatorServer]:
    """ACS in which no call is connected: nobody picks up within a test."""
    emulator = create_emulator(answer_seconds=60)
    await emulator.start()
    yield emulator
    await emulator.stop()


@pytest_asyncio.fixture
async def acs_clients(clients: Clients, emulator: EmulatorServer) -> Clients:
    """The clients, with the emulator as their ACS."""
    clients.settings = msgspec.structs.replace(
        clients.settings,
        acs_endpoint=emulator.endpoint,
        acs_access_key=ACCESS_KEY,
        callback_url="https://app.example",
        streamer_url="wss://streamer.example",
    )
    await clients.call_automation.close()
    clients.call_automation = call_automation_client(clients.settings)
    return clients


@pytest.fixture
def uploader(clients: Clients, service: BlobServiceClient) -> StreamUploader:
    return StreamUploader(clients, service)


@pytest.fixture
def use_engine(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> UseEngine:
    """Lets the clients transcribe with an engine, and retry without a pause."""

    def use(engine: Engine) -> None:
        clients.settings = msgspec.structs.replace(
            clients.settings, transcription=engine.provider, transcription_retry_seconds=0
        )
        clients.on_close(engine.close)
        monkeypatch.setattr(transcription, "get_engine", lambda _: engine)

    return use
