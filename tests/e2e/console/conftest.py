"""The whole system with transcription, and Chromium, once for all tests of the console."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest_asyncio
from azure.storage.blob.aio import BlobServiceClient
from playwright.async_api import Browser, async_playwright, expect

from calls.records.model import CallRecord
from calls.storage import Storage
from local.client import AppClient, is_assembled, streaming_is
from local.up import Up
from tests.e2e.conftest import SPEED
from tests.e2e.console.browser import DESKTOP, WAIT_MS, Console, chromium, launch
from tests.e2e.console.made_calls import COUNT, make_calls, store_calls

TO, FROM = "+15551230000", "+15559990000"
SHOWN_TO, SHOWN_FROM = "+1 555 123 0000", "+1 555 999 0000"
expect.set_options(timeout=WAIT_MS)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def up() -> AsyncIterator[Up]:
    """The whole system as ``make up`` starts it, with transcription.

    Tokens are checked as after a first deployment to Azure; tests/e2e/conftest.py requires them.
    """
    settings = {"SEGMENT_SECONDS": "5", "TOKEN_CHECK": "learn", "CALLBACK_TOKEN_CHECK": "learn"}
    # Screenshots show calls at real speed.
    speed = 1.0 if "SCREENSHOTS_DIR" in os.environ else SPEED
    async with Up(use_free_ports=True, speed=speed, settings=settings) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    path = chromium()
    assert path is not None
    async with async_playwright() as playwright:
        launched = await launch(playwright, path)
        yield launched
        await launched.close()


@pytest_asyncio.fixture(loop_scope="session")
async def console(browser: Browser, up: Up) -> AsyncIterator[Console]:
    """The console before sign-in. It must log no error.

    It may send requests only to the app and to Blob Storage.
    """
    context = await browser.new_context(
        viewport={"width": DESKTOP[0], "height": DESKTOP[1]}, accept_downloads=True
    )
    context.set_default_timeout(WAIT_MS)
    opened = Console(context, await context.new_page(), up)
    yield opened
    await context.close()
    assert opened.errors == []
    assert opened.hosts <= {up.addresses.app, opened.storage, "blob"}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def ended(up: Up) -> str:
    """The ID of an unmixed call that streamed the whole conversation and has its result."""
    async with AppClient(up.addresses.app, up.addresses.function_key) as app:
        request: Any = {"to": TO, "from": FROM, "channels": "unmixed"}
        call = (await app.place_call(**request))["call_connection_id"]
        await app.until(call, streaming_is("active"), "streaming starts")
        # 16 segments hold the whole conversation.
        await app.until(call, lambda r: len(r["landed_segments"]) >= 16, "36 s of audio")
        await app.hang_up(call)
        await app.until(call, lambda r: is_assembled(r, 1), "the result")
        return str(call)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def made(up: Up) -> list[CallRecord]:
    """A thousand ended calls of the last weeks, the newest first."""
    records = make_calls(datetime.now(UTC))
    service = BlobServiceClient.from_connection_string(up.addresses.storage_connection_string)
    async with service:
        await store_calls(Storage(service), records)
    return records[:COUNT]
