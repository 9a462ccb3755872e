"""A post office whose webhooks may go to this computer."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from calls.clients import Clients
from calls.events.sender import WebhookSender
from tests.calls.events.post_office import SECRET, PostOffice, Receiver


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as receiver:
        yield receiver


@pytest_asyncio.fixture
async def office(clients: Clients, receiver: Receiver) -> AsyncIterator[PostOffice]:
    """It sends the events of all calls to the receiver."""
    async with WebhookSender("any", timeout_seconds=60) as sender:
        office = PostOffice(clients, sender)
        office.configure(
            webhooks=f"crm={receiver.url}",
            webhook_secrets=f"crm={SECRET}",
            webhook_addresses="any",
            callback_url="https://app.example",
        )
        yield office
