"""The whole system, once for all end-to-end tests: real processes, real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest_asyncio

from local.up import Up
from tests.calls.events.post_office import SECRET
from tests.e2e.numbers import find_numbers

SPEED = 8.0
MASTER_KEY = "the-master-key-of-these-tests"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def up() -> AsyncIterator[Up]:
    settings = {"SEGMENT_SECONDS": "5", "TRANSCRIPTION": "off", "MASTER_KEY": MASTER_KEY}
    settings["ACCESS_LOG"] = "on"
    # A test's own receiver listens on a port of its own.
    settings |= {
        "WEBHOOK_ADDRESSES": "any",
        "WEBHOOK_HOSTS": "hooks.example",
        "WEBHOOK_SECRETS": f"call={SECRET}",
    }
    async with Up(use_free_ports=True, speed=SPEED, settings=settings) as running:
        yield running
        # After all tests of this worker: nothing they did left a number in a name.
        assert await asyncio.to_thread(find_numbers, running) == {}


@pytest_asyncio.fixture(loop_scope="session")
async def faults(up: Up) -> AsyncIterator[aiohttp.ClientSession]:
    """The emulator's control interface; its faults are put right after the test."""
    async with aiohttp.ClientSession(up.addresses.acs_endpoint) as session:
        yield session
        await session.post("/emulator/faults", json={})
