"""The real client, set up for a function's life."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from azure.core.exceptions import ServiceResponseError

from calls.clients import call_automation_client
from calls.settings import Settings
from local.emulator.server import EmulatorServer, EmulatorSettings

KEY = base64.b64encode(bytes(32)).decode()


@pytest_asyncio.fixture
async def emulator() -> AsyncIterator[EmulatorServer]:
    server = EmulatorServer(EmulatorSettings(KEY, "resource", port=0))
    await server.start()
    yield server
    await server.stop()


@pytest.mark.parametrize("slash", ["", "/"])
async def test_an_endpoint_with_a_trailing_slash_is_signed_right(
    emulator: EmulatorServer, slash: str
) -> None:
    settings = Settings(acs_endpoint=emulator.endpoint + slash, acs_access_key=KEY)
    async with call_automation_client(settings) as client:
        with pytest.raises(Exception, match="Call not found") as refused:
            await client.get_call_connection("nothing").get_call_properties()
    assert getattr(refused.value, "status_code", None) == 404, "401 is a wrong signature"


async def test_a_wrong_key_is_refused(emulator: EmulatorServer) -> None:
    wrong = base64.b64encode(b"x" * 32).decode()
    settings = Settings(acs_endpoint=emulator.endpoint, acs_access_key=wrong)
    async with call_automation_client(settings) as client:
        with pytest.raises(Exception, match="7509") as refused:
            await client.get_call_connection("nothing").get_call_properties()
    assert getattr(refused.value, "status_code", None) == 401


async def test_an_acs_that_does_not_answer_costs_the_read_timeout() -> None:
    """The client's own timeouts are 300 s, more than a function has."""

    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2)
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = Settings(
        acs_endpoint=f"http://127.0.0.1:{port}",
        acs_access_key=KEY,
        acs_read_timeout_seconds=0.3,
    )
    begun = time.monotonic()
    async with call_automation_client(settings) as client:
        with pytest.raises(ServiceResponseError):
            await client.get_call_connection("call").start_media_streaming(retry_total=0)
    assert 0.3 <= time.monotonic() - begun < 5
    server.close()
