"""Call control's fixtures: ACS, and instances of the app that use it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio

from calls.clients import Clients
from calls.settings import Settings
from local.azurite import Azurite
from tests.calls.control.acs import Acs, CreateClients
from tests.calls.emulator import ACCESS_KEY


@pytest_asyncio.fixture
async def acs() -> AsyncIterator[Acs]:
    """ACS in which no call is connected: nobody picks up within a test."""
    acs = Acs()
    await acs.start(answer_seconds=60)
    yield acs
    await acs.stop()


@pytest_asyncio.fixture
async def create_clients(azurite: Azurite, acs: Acs) -> AsyncIterator[CreateClients]:
    """Creates the clients of one instance of the app, with settings as keywords."""
    async with AsyncExitStack() as stack:

        def create(**settings: Any) -> Clients:
            defaults: dict[str, Any] = {
                "audio_storage": azurite.connection_string,
                "acs_endpoint": acs.emulator.endpoint,
                "acs_access_key": ACCESS_KEY,
                "callback_url": acs.url,
                "streamer_url": "wss://streamer.example",
                "callback_token_check": "off",
                "answer_calls": "all",
                # Tests share one storage; tests of the limits set them.
                "max_concurrent_calls": 0,
                "max_calls_per_day": 0,
            }
            clients = Clients(Settings(**defaults | settings))
            stack.push_async_callback(clients.close)
            return clients

        await create().storage.create_containers()
        yield create


@pytest.fixture(autouse=True)
def log_info_events(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
